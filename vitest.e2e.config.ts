import { defineConfig } from 'vitest/config';

// End-to-end runs own the whole machine while they measure, so they run one after another.
export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    fileParallelism: false,
    testTimeout: 1_200_000,
    // The cluster's binaries are built on first use.
    hookTimeout: 2_400_000,
    reporters: ['verbose', ['json', { outputFile: '.cache/e2e.json' }]],
  },
});
