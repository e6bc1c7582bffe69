import { configDefaults, defineConfig } from 'vitest/config';

/** Workers killed, cut off and counted: minutes on a machine that does nothing else. `npm run test:workers` */
const drills = ['packages/forge/src/workers/worker.test.ts'];

export default defineConfig({
  test: {
    include: ['packages/*/{src,lib,e2e}/**/*.test.ts', 'datasets/**/*.test.ts', 'scripts/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(process.env.FORGE_DRILLS === undefined ? drills : [])],
    globalSetup: ['packages/forge/src/testing/database-template.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
