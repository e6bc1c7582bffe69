import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPglite } from './stores/pglite.ts';
import { forge } from './testing/forge-process.ts';
import { startForgeServer } from './testing/forge-server.ts';

const keys = {
  variable: 'sk-planted/in+environment==',
  file: 'sk-planted-in-secret-file',
  single: 'sk-planted-single-file',
};
/** As they are, and as they look where somebody has encoded them. */
const spellings = [
  // Also what is left where a text was cut.
  'sk-planted',
  ...Object.values(keys).flatMap((key) => [
    encodeURIComponent(key),
    Buffer.from(key).toString('base64').replace(/=+$/, ''),
  ]),
];
const mark = '[secret]';

let dir: string;
let echo: Server;
let env: Record<string, string>;
const heard = new Set<string>();

/** Repeats the headers of a request: in errors of several kinds, and in an answer that is right. */
async function startEcho(): Promise<Server> {
  const server = createServer((request, response) => {
    const sent = `${request.headers.authorization} ${request.headers['x-gate']}`;
    for (const key of Object.values(keys)) if (sent.includes(key)) heard.add(key);
    request.resume();
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const url = request.url ?? '';
    if (url.startsWith('/right/')) {
      const text = `7 ${sent} ${Buffer.from(request.headers.authorization?.slice(7) ?? '').toString('base64')}`;
      return json(200, {
        choices: [{ index: 0, text, finish_reason: 'stop' }],
        usage: { prompt_tokens: 1, completion_tokens: 1 },
      });
    }
    if (url.startsWith('/refused/')) return json(401, { error: { message: `bad key: ${sent}` } });
    if (url.startsWith('/cut/')) return json(400, { error: { message: `${'x'.repeat(270)} ${sent}` } });
    return json(500, { error: { message: `it broke on ${sent} or ${encodeURIComponent(sent)}` } });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const experiment = (kind: string) => `version: 1
name: echo-${kind}
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer } }
engine:
  name: openai-compatible
  baseUrl: http://127.0.0.1:${(echo.address() as AddressInfo).port}/${kind}/v1
  model: m
  api: completions
  stream: false
  maxRetries: 0
  apiKeyEnv: PLANTED_API_KEY
  headersEnv: { x-gate: ${kind === 'cut' ? 'SINGLE' : 'GATE'} }
metrics: [exact-match]
method: naive
`;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-planted-'));
  echo = await startEcho();
  await writeFile(join(dir, 'rows.jsonl'), '{"question":"3 + 4?","answer":"7"}\n{"question":"1 + 1?","answer":"2"}\n');
  await mkdir(join(dir, 'secret'));
  await writeFile(join(dir, 'secret', 'secrets.env'), `GATE=${keys.file}\n`);
  await writeFile(join(dir, 'secret', 'single'), `${keys.single}\n`);
  for (const name of ['secrets.env', 'single']) await chmod(join(dir, 'secret', name), 0o600);
  env = {
    PLANTED_API_KEY: keys.variable,
    FORGE_SECRETS_FILE: join(dir, 'secret', 'secrets.env'),
    SINGLE_FILE: join(dir, 'secret', 'single'),
  };
  for (const kind of ['right', 'broken', 'refused', 'cut'])
    await writeFile(join(dir, `${kind}.yaml`), experiment(kind));
});
afterAll(async () => {
  echo.close();
  await rm(dir, { recursive: true, force: true });
});

const leaksIn = (text: string) => spellings.filter((key) => text.includes(key));

/** Every row of every table as text. */
async function tablesOf(folder: string): Promise<Map<string, string>> {
  const connection = await openPglite(folder);
  try {
    const tables = await connection.query(
      "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
    );
    const found = new Map<string, string>();
    for (const [schema, table] of tables) {
      const rows = await connection.query(`select t::text from "${schema}"."${table}" as t`);
      found.set(String(table), rows.join('\n'));
    }
    return found;
  } finally {
    await connection.close();
  }
}

describe('a secret that a server repeats', () => {
  it('is in no table, log, export, lock file, event, API answer or file', async () => {
    const seen: Record<string, string> = {};
    const run = await forge(['run', 'right.yaml', '--json'], { cwd: dir, env });
    seen['forge run'] = run.stdout + run.stderr;
    const { port } = echo.address() as AddressInfo;
    const secrets = ['PLANTED_API_KEY', 'GATE', 'SINGLE'].map((name) => `${name}@127.0.0.1:${port}`);
    const reach = ['--private-host', `127.0.0.1:${port}`, '--secret', ...secrets];
    const server = await startForgeServer({ cwd: dir, env, args: ['--port', '0', ...reach] });
    try {
      for (const kind of ['right', 'broken', 'refused', 'cut']) {
        const source = experiment(kind);
        const asked = await fetch(`${server.url}/api/experiments`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ source, start: true }),
        });
        expect(asked.status).toBe(200);
        const { id, runs } = (await asked.json()) as { id: string; runs: { id: string }[] };
        const read = async (path: string) => (await fetch(`${server.url}/api${path}`)).text();
        seen[`${kind} events`] = await read(`/experiments/${id}/events?after=0`);
        await expect
          .poll(async () => JSON.parse(await read(`/experiments/${id}`)).state, { timeout: 60_000 })
          .toBeOneOf(['finished', 'failed']);
        seen[`${kind} experiment`] = await read(`/experiments/${id}`);
        const rows = await read(`/runs/${runs[0]?.id}/results`);
        seen[`${kind} rows`] = rows;
        for (const { exampleId } of JSON.parse(rows).items)
          seen[`${kind} ${exampleId}`] = await read(`/runs/${runs[0]?.id}/results/${encodeURIComponent(exampleId)}`);
        for (const format of ['jsonl&calls=true', 'csv', 'markdown'])
          seen[`${kind} ${format}`] = await read(`/experiments/${id}/export?format=${format}`);
        const show = await forge(['show', id], { cwd: dir, env });
        seen[`${kind} show`] = show.stdout + show.stderr;
      }
      seen.overview = await (await fetch(`${server.url}/api/overview`)).text();
      seen.audit = await (await fetch(`${server.url}/api/audit`)).text();
    } finally {
      await server.stop();
    }
    seen['server log'] = server.output();
    for (const [table, rows] of await tablesOf(join(dir, '.forge', 'database'))) seen[`table ${table}`] = rows;

    // The servers did get them: else nothing was tested.
    expect([...heard].sort()).toEqual(Object.values(keys).sort());
    for (const [place, text] of Object.entries(seen)) expect([place, leaksIn(text)]).toEqual([place, []]);
    // What was written in their place shows that these places were reached.
    for (const place of [
      'right rows',
      'right jsonl&calls=true',
      'refused experiment',
      'cut 0',
      'table results',
      'table calls',
    ])
      expect([place, seen[place]?.includes(mark)]).toEqual([place, true]);
    expect(Object.keys(seen).filter((place) => place.startsWith('table ')).length).toBeGreaterThan(10);

    const files = await readdir(dir, { recursive: true, withFileTypes: true });
    const names = files.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
    expect(names.some((name) => name.endsWith('.lock.json'))).toBe(true);
    for (const name of names) {
      if (name.startsWith(join(dir, 'secret'))) continue;
      expect([name, leaksIn((await readFile(name)).toString('latin1'))]).toEqual([name, []]);
    }
  }, 300_000);

  it('keeps a command from starting where others could read it', async () => {
    await writeFile(join(dir, 'secret', 'open.env'), `GATE=${keys.file}\n`);
    await chmod(join(dir, 'secret', 'open.env'), 0o644);
    const over = { ...env, FORGE_SECRETS_FILE: join(dir, 'secret', 'open.env') };
    const { code, stderr } = await forge(['list'], { cwd: dir, env: over });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/FORGE_SECRETS_FILE: .*mode 0644.*chmod 600/)]);
    expect(leaksIn(stderr)).toEqual([]);
  }, 60_000);
});
