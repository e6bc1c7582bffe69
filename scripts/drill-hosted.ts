/**
 * The hosted set-up of docs/deployment.md on this machine: a Postgres with TLS (for Neon), the commands of deploy/railway (for Railway), the
 * dashboard's output behind an edge with TLS (for Vercel). An experiment with the origin of Vercel is done by the worker; smoke tests of
 * the server, of the edge and of the read-only demo. Ends with 1 where something is not as it should be.
 *
 * npm run drill:hosted
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { makeCertificate } from '../packages/forge/src/testing/certificate.ts';
import { freePort } from '../packages/forge/src/testing/free-port.ts';
import { startPostgres } from '../packages/forge/src/testing/postgres-server.ts';
import { enableTls } from '../packages/forge/src/testing/postgres-tls.ts';
import { createProcesses, until } from './local-processes.ts';
import { railwayCommand } from './railway-command.ts';
import { startVercelEdge } from './vercel-edge.ts';

const root = join(import.meta.dirname, '..');
const main = join(root, 'packages/forge/src/cli/main.ts');
const temporary = mkdtempSync(join(tmpdir(), 'forge-hosted-'));
const postgres = await startPostgres();
const folder = (name: string) => {
  const made = join(temporary, name);
  mkdirSync(made);
  return made;
};
const authority = await enableTls(postgres.url, folder('database'));
const env = {
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  // As Neon prints it; the authority of its certificate is one that Node knows.
  DATABASE_URL: `${postgres.url}?sslmode=require&channel_binding=require`,
  NODE_EXTRA_CA_CERTS: authority,
  FORGE_HOME: join(temporary, 'home'),
  RAILWAY_PUBLIC_DOMAIN: 'forge.up.railway.app',
  // The name by which the edge is called here; on Vercel its domain.
  FORGE_ALLOW_HOST: 'dashboard.example',
};
const processes = createProcesses({ cwd: root, env });
/** Not in step with this process: the edge answers in it. */
const node = async (args: readonly string[], over: Readonly<Record<string, string>> = {}) =>
  (await promisify(execFile)(process.execPath, args, { cwd: root, env: { ...env, ...over } })).stdout;

function start(service: string, over: Readonly<Record<string, string>> = {}): void {
  const [program = '', ...args] = railwayCommand(readFileSync(join(root, `deploy/railway/${service}.json`), 'utf8'));
  processes.start(program, args, over);
}

async function smoke(url: string, over: Readonly<Record<string, string>>): Promise<void> {
  console.log(await node([join(root, 'scripts/smoke.ts'), url], over));
}

let edge: Awaited<ReturnType<typeof startVercelEdge>> | undefined;
try {
  const { token } = JSON.parse(await node([main, 'token', 'create', '--name', 'drill', '--role', 'admin', '--json']));
  await node([join(root, 'scripts/seed-demo.ts'), 'quickstart']);

  const [port, demoPort] = [await freePort(), await freePort()];
  const api = `http://127.0.0.1:${port}`;
  start('server', { PORT: String(port) });
  start('worker');
  start('demo', { PORT: String(demoPort) });
  const answers = (url: string) => async () => ((await fetch(`${url}/api/ready`)).ok ? true : undefined);
  await until('the server answers', answers(api));

  const output = join(temporary, 'vercel');
  await node([join(root, 'scripts/build-vercel.ts'), output], { FORGE_API_URL: api });
  const certificate = makeCertificate(folder('edge'), 'IP:127.0.0.1');
  edge = await startVercelEdge(output, certificate);

  // As it comes from a page on Vercel: to the API's address, with the origin of the page.
  const source = readFileSync(join(root, 'experiments/quickstart.yaml'), 'utf8').replace('sample: 200', 'sample: 20');
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    origin: 'https://dashboard.example',
    'sec-fetch-site': 'same-origin',
  };
  const created = await fetch(`${api}/api/experiments`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ source, start: true }),
  });
  if (!created.ok) throw new Error(`the experiment was not taken: ${created.status} ${await created.text()}`);
  const { id } = (await created.json()) as { id: string };
  await until('the worker has done it', async () => {
    const { state } = (await (await fetch(`${api}/api/experiments/${id}`, { headers })).json()) as { state: string };
    return state === 'finished' ? state : undefined;
  });

  await smoke(api, { FORGE_TOKEN: token });
  await smoke(edge.url, { FORGE_TOKEN: token, NODE_EXTRA_CA_CERTS: certificate.authority });
  await until('the demo answers', answers(`http://127.0.0.1:${demoPort}`));
  await smoke(`http://127.0.0.1:${demoPort}`, {});

  const codes = await processes.stop();
  if (codes.some((code) => code !== 0)) throw new Error(`after SIGTERM the exit codes are ${codes.join(', ')}`);
  console.log('the hosted set-up started, worked, passed its smoke tests and ended in order');
} finally {
  await edge?.close();
  processes.kill();
  await postgres.stop();
  rmSync(temporary, { recursive: true, force: true });
}
