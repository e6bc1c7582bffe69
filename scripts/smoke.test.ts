import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { experimentYaml, writeRows } from '../packages/forge/src/testing/api-contract.ts';
import { forge } from '../packages/forge/src/testing/forge-process.ts';
import { startForgeServer } from '../packages/forge/src/testing/forge-server.ts';

const script = join(import.meta.dirname, 'smoke.ts');
let dir: string;
let token: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-smoke-'));
  await writeRows(dir);
  const made = await forge(['token', 'create', '--name', 'smoke', '--role', 'viewer', '--json'], { cwd: dir });
  token = JSON.parse(made.stdout).token;
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function smoke(url: string, env: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, url], { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
  });
}

/** The statuses by the names of the checks. */
const statuses = (output: string) =>
  Object.fromEntries(
    [...output.matchAll(/^(ok|skip|FAIL) +(\S+(?: \S+)?) +\d+ ms/gm)].map(([, is, name]) => [name, is]),
  );

const all = [
  'health',
  'access',
  'version',
  'security headers',
  'refuses',
  'experiments',
  'finding',
  'live events',
  'dashboard',
  'API docs',
];
const well = Object.fromEntries(all.map((name) => [name, 'ok']));

describe('npm run smoke', () => {
  it('passes a server that needs a token, with one: also an empty one, which has nothing to show', async () => {
    const server = await startForgeServer({ cwd: dir });
    try {
      const { code, output } = await smoke(server.url, { FORGE_TOKEN: token });
      const nothing = { experiments: 'skip', finding: 'skip', 'live events': 'skip' };
      expect([statuses(output), code]).toEqual([{ ...well, ...nothing }, 0]);
      expect(output).toContain('token; here as smoke (viewer)');
      expect(output).not.toContain(token);

      const without = await smoke(server.url);
      expect(without.code).toBe(1);
      expect(statuses(without.output)).toMatchObject({ health: 'ok', access: 'FAIL', refuses: 'ok', dashboard: 'ok' });
      expect(without.output).toContain('put one into FORGE_TOKEN (a viewer is enough)');
      // The audit log has no trace of what was refused to nobody, and nothing was written.
      expect(JSON.parse((await forge(['list', '--json'], { cwd: dir })).stdout).items).toEqual([]);
    } finally {
      await server.stop();
    }
  }, 60_000);

  it('passes a public demo without a token', async () => {
    const source = join(dir, 'demo.yaml');
    await writeFile(source, experimentYaml('demo'));
    expect((await forge(['run', source], { cwd: dir })).code).toBe(0);
    const server = await startForgeServer({ cwd: dir, args: ['--port', '0', '--public-read-only'] });
    try {
      const { code, output } = await smoke(server.url);
      expect([statuses(output), code]).toEqual([well, 0]);
      expect(output).toContain('public-read-only; here as anybody (viewer)');

      // The same behind a proxy that loses a header, and lets everybody delete.
      const careless = createServer(async ({ method, url = '/' }, response) => {
        const answer = await fetch(`${server.url}${url}`, { redirect: 'manual' });
        const kept = [...answer.headers].filter(([name]) => !/^(content-(security|length|enc)|transfer)/.test(name));
        response.writeHead(method === 'DELETE' ? 204 : answer.status, Object.fromEntries(kept));
        response.end(method === 'DELETE' ? undefined : Buffer.from(await answer.arrayBuffer()));
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => careless.once('listening', resolve));
      const found = await smoke(`http://127.0.0.1:${(careless.address() as { port: number }).port}`);
      const bad = { 'security headers': 'FAIL', refuses: 'FAIL', dashboard: 'FAIL' };
      expect([statuses(found.output), found.code]).toEqual([{ ...well, ...bad }, 1]);
      careless.close();
    } finally {
      await server.stop();
    }
  }, 60_000);

  it('says what is wrong with a site that is none of ours, and where nobody answers', async () => {
    const other = createServer((_, response) => response.end('<html>{"status":"ok"}</html>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const url = `http://127.0.0.1:${(other.address() as { port: number }).port}`;
    const foreign = await smoke(url);
    expect([foreign.code, statuses(foreign.output)]).toEqual([1, { health: 'FAIL' }]);
    other.close();
    const silent = await smoke(url);
    expect([silent.code, silent.output]).toEqual([1, expect.stringMatching(/no answer \(.*ECONNREFUSED/)]);
    expect(await smoke('forge.example')).toMatchObject({
      code: 2,
      output: expect.stringContaining('give one address'),
    });
  });
});
