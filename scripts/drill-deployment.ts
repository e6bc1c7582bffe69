/**
 * Starts what deploy/compose.yaml names, by hand: a Postgres, then each command of its services as often as it has replicas, and runs an
 * experiment through them with a token, as docs/deployment.md tells. Ends with 1 where something is not as it should be.
 *
 * npm run drill:deployment
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { freePort } from '../packages/forge/src/testing/free-port.ts';
import { startPostgres } from '../packages/forge/src/testing/postgres-server.ts';
import { createProcesses, until } from './local-processes.ts';

const root = join(import.meta.dirname, '..');
const main = join(root, 'packages/forge/src/cli/main.ts');
const { services } = parse(readFileSync(join(root, 'deploy/compose.yaml'), 'utf8'), { merge: true }) as {
  services: Readonly<Record<string, { command?: readonly string[]; deploy?: { replicas: number } }>>;
};
const home = mkdtempSync(join(tmpdir(), 'forge-deployment-'));
const postgres = await startPostgres();
const env = { ...process.env, DATABASE_URL: postgres.url, FORGE_HOME: home };
const processes = createProcesses({ cwd: root, env });
const start = (command: readonly string[]) => processes.start(process.execPath, [main, ...command]);

try {
  // Another port than the one that this machine may use already.
  const port = await freePort();
  const serve = (services.server?.command ?? []).map((one) => (one === '4040' ? String(port) : one));
  const [refused] = (await once(start(serve), 'exit')) as [number | null];
  if (refused !== 2) throw new Error(`without an admin token the server ended with ${refused}, not with 2`);

  const create = ['token', 'create', '--name', 'drill', '--role', 'admin', '--json'];
  const made = JSON.parse(execFileSync(process.execPath, [main, ...create], { cwd: root, env, encoding: 'utf8' }));
  const headers = { authorization: `Bearer ${made.token}`, 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${port}`;
  const get = async (path: string) => {
    const answer = await fetch(`${url}${path}`, { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    // biome-ignore lint/suspicious/noExplicitAny: looked into, field by field.
    return (await answer.json()) as any;
  };

  start(serve);
  const { command = [], deploy } = services.worker ?? {};
  for (let i = 0; i < (deploy?.replicas ?? 1); i++) start(command);
  await until('the server answers', async () => (await get('/api/health')).status);
  if ((await fetch(`${url}/api/experiments`)).status !== 401) throw new Error('without a token the API answers');
  const page = await (await fetch(url)).text();
  if (!/<html/i.test(page)) throw new Error('the dashboard is not served');
  await until('all workers are there', async () => {
    const { workers } = await get('/api/workers');
    return workers.filter((one: { kind: string }) => one.kind === 'worker').length === deploy?.replicas || undefined;
  });

  const source = readFileSync(join(root, 'experiments/quickstart.yaml'), 'utf8').replace('sample: 200', 'sample: 40');
  const body = JSON.stringify({ source, start: true });
  const answer = await fetch(`${url}/api/experiments`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`the experiment was not taken: ${answer.status} ${await answer.text()}`);
  const { id } = (await answer.json()) as { id: string };
  const finding = await until('the experiment has ended', async () => {
    const found = await get(`/api/experiments/${id}`);
    return found.runs.every((run: { status: string }) => run.status === 'finished') ? found : undefined;
  });
  console.log(`\n${url}: ${finding.runs.length} runs of 40 examples finished by ${deploy?.replicas} workers`);

  const codes = await processes.stop();
  if (codes.some((code) => code !== 0)) throw new Error(`after SIGTERM the exit codes are ${codes.join(', ')}`);
  console.log('every command of deploy/compose.yaml started, worked and ended in order');
} finally {
  processes.kill();
  await postgres.stop();
  rmSync(home, { recursive: true, force: true });
}
