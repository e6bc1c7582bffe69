import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockFolder } from './folder-lock.ts';

let home = '';
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forge-lock-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const module = new URL('./folder-lock.ts', import.meta.url).href;
/** Takes the lock and holds it until the others have tried; prints what came of it. */
const taker = `
  import { lockFolder } from ${JSON.stringify(module)};
  const [folder, startAt] = process.argv.slice(1);
  await new Promise((resolve) => setTimeout(resolve, Number(startAt) - Date.now()));
  const outcome = await lockFolder(folder, String(process.pid)).then(() => 'taken', (error) => error.message);
  console.log(outcome);
  await new Promise((resolve) => setTimeout(resolve, 1500));
`;

test('of processes that find a dead lock at the same moment one gets it', async () => {
  const folder = join(home, 'contended');
  // A process number above the highest that Linux gives.
  await writeFile(
    `${folder}.lock`,
    JSON.stringify({ pid: 2 ** 22 + 1, startedAt: '1', host: hostname(), nonce: 'dead' }),
  );
  const startAt = String(Date.now() + 1000);
  const runs = Array.from({ length: 5 }, () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', taker, folder, startAt]),
  );
  const outcomes = (await Promise.all(runs)).map(({ stdout }) => stdout.trim());
  expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome.includes('in use by process'))).toHaveLength(4);
  expect(existsSync(`${folder}.lock.takeover`)).toBe(false);
});

test('says when somebody took the lock file away', async () => {
  const folder = join(home, 'removed');
  const lock = await lockFolder(folder, 'mine');
  await lock.verify();
  await rm(lock.path);
  await expect(lock.verify()).rejects.toThrow(/the lock was removed while it was held/);
  // Another one's lock is not released.
  const other = await lockFolder(folder, 'other');
  await lock.release();
  await other.verify();
  await other.release();
  expect(existsSync(lock.path)).toBe(false);
});
