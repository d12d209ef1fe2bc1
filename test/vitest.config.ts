import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  // graphql has a second build under the condition `development`, which Vite would take and Node does not: the two
  // refuse each other's types.
  resolve: { conditions: ['module', 'node'] },
  ssr: { resolve: { conditions: ['module', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', 'node_modules/**'],
    globalSetup: ['test/support/postgres-global-setup.ts'],
    // Many tests wait for processes, databases and browsers: one more at a time than there are cores.
    maxWorkers: availableParallelism() + 1,
    // How long something that really happens may take on a busy machine; what has happened is seen at once.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
