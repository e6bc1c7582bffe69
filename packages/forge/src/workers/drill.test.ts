import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { callLimit, drillWorkers } from '../testing/worker-drill.ts';

const dashboard = fileURLToPath(new URL('../../../dashboard/out', import.meta.url));

it('loses no row and stores none twice, whatever is killed with -9', async () => {
  const { cycles, mostCalls } = await drillWorkers({
    cycles: 10,
    rows: 60,
    seed: 'ci',
    deadlineMs: 60_000,
    withServer: existsSync(dashboard),
  });
  expect(cycles.length).toBeGreaterThan(0);
  for (const cycle of cycles) expect(cycle).toMatchObject({ rows: 60, lost: 0, duplicated: 0, failed: 0 });
  expect(mostCalls).toBeLessThanOrEqual(callLimit);
}, 300_000);
