import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**', 'out/**'],
    testTimeout: 30_000,
    reporters: ['default', ['json', { outputFile: '.cache/test.json' }]],
  },
});
