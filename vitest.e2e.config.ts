import { defineConfig } from 'vitest/config';

// End-to-end runs own the whole machine while they measure, so they run one after another.
export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    fileParallelism: false,
    testTimeout: 1_200_000,
    // The cluster's binaries are built on first use.
    hookTimeout: 2_400_000,
    reporters: ['verbose', 'json'],
    // Here, not as the reporter's own option: that one would win over the command line, which `make prove` uses.
    outputFile: { json: '.cache/e2e.json' },
  },
});
