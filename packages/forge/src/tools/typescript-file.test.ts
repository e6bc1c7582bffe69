import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Notice } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { callTool } from '../lib/call-tool.ts';
import { forge } from '../testing/forge-process.ts';
import type { ToolParts, ToolSet } from '../tool.ts';
import { networkIsolation } from './typescript-file/isolation.ts';
import { definition } from './typescript-file.ts';

const isolates = (await networkIsolation()).length > 0;
const root = fileURLToPath(new URL('../../../..', import.meta.url));
let folder: string;
let sets: ToolSet[];
let notices: Notice[];

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'forge-tool-')));
  sets = [];
  notices = [];
});
afterEach(async () => {
  await Promise.all(sets.map((set) => set.close()));
  await rm(folder, { recursive: true, force: true });
});

async function create(given: Record<string, unknown>, env: Record<string, string> = {}, baseDir = folder) {
  const parts: ToolParts = {
    baseDir,
    cacheDir: join(folder, 'cache'),
    env,
    now: Date.now,
    notify: (notice) => notices.push(notice),
    retriever: () => Promise.reject(new Error('none')),
  };
  const set = await definition.create(definition.options.parse(given), parts);
  sets.push(set);
  return set;
}

async function file(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
}

/** A tool whose call is the given body; `input` is what the model gave. */
const withCall = (body: string, top = '') => `${top}
export default { name: 'probe', description: 'Probes.', arguments: { type: 'object', properties: { text: { type: 'string' } } },
  async call(input, { signal }) { ${body} } };`;

async function probe(body: string, given: Record<string, unknown> = {}, env: Record<string, string> = {}, top = '') {
  await file('tools/probe.mjs', withCall(body, top));
  const set = await create({ path: 'tools/probe.mjs', ...given }, env);
  return Object.assign(set, { run: (text = '', signal?: AbortSignal) => run(set, text, signal) });
}

async function run(set: ToolSet, input: string, signal?: AbortSignal) {
  const tool = set.tools[0]?.name ?? '';
  const bounds = { timeoutMs: 20_000, maxChars: 1_000_000, secrets: set.secrets ?? [], signal };
  return (await callTool(set.tools, { tool, input }, bounds)).observation;
}

const pidOf = async (set: { run(text?: string): Promise<{ text: string }> }) => Number((await set.run('pid')).text);

const runs = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function endsSoon(pid: number): Promise<boolean> {
  for (let i = 0; i < 60 && runs(pid); i++) await sleep(50);
  return !runs(pid);
}

describe('the example of docs/add-a-tool.md', () => {
  const path = 'experiments/tools/units.ts';

  it('converts units, and says what is wrong', async () => {
    const set = await create({ path }, {}, root);
    expect(set.tools.map(({ name }) => name)).toEqual(['convert-units']);
    expect(set.tools[0]?.description).toMatch(/^Converts .* \{value: number, from: "mm"\|"cm"/);
    expect(await run(set, '{"value": 3, "from": "mi", "to": "km"}')).toEqual({ text: '4.828032 km' });
    expect(await run(set, '{"value": 3, "from": "mi", "to": "kg"}')).toEqual({
      text: 'error: mi and kg do not measure the same thing',
      error: 'failed',
    });
    expect(await run(set, '{"value": "x", "from": "mi", "to": "km"}')).toMatchObject({ error: 'bad-arguments' });
  });

  it('is the file as it is, and its config runs', async () => {
    const page = await readFile(join(root, 'docs/add-a-tool.md'), 'utf8');
    expect(page).toContain(`\`\`\`ts\n${await readFile(join(root, path), 'utf8')}\`\`\``);
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
    const responses = [
      { match: 'Observation: 4.828032 km', text: 'Answer: 4.828032' },
      { match: 'Question:', text: 'Thought: miles.\nAction: convert-units {"value": 3, "from": "mi", "to": "km"}' },
    ];
    const rest = {
      version: 1,
      name: 'units',
      dataset: { name: 'lab-world', split: 'calculator' },
      sample: 3,
      engine: { name: 'scripted', responses },
      metrics: ['exact-match'],
    };
    await file('units.yaml', JSON.stringify({ ...rest, ...parse(yaml) }));
    const options = { cwd: root, env: { FORGE_HOME: join(folder, 'home') } };
    const { code, stdout, stderr } = await forge(['run', join(folder, 'units.yaml'), '--json'], options);
    expect(stderr).not.toContain('forge:');
    expect(code).toBe(0);
    const { tools } = JSON.parse(stdout).runs[0].summary;
    expect(tools).toMatchObject({ calls: 3, failed: 0, byTool: { 'convert-units': { calls: 3, errors: {} } } });
  });
});

describe('a file', () => {
  it('is a module also in a project of npm init, whose package.json says commonjs', async () => {
    await file('package.json', '{ "name": "mine", "type": "commonjs" }');
    await file('tools/word.ts', `export const word: string = 'hello';`);
    await file(
      'tools/say.ts',
      `import { word } from './word.ts';
       export default { name: 'say', description: 'Says it.', call: (): string => word };`,
    );
    expect(await run(await create({ path: 'tools/say.ts' }), '')).toEqual({ text: 'hello' });
  });

  it('may export several tools; what zod alone can check is checked in its process', async () => {
    await file(
      'tools/two.ts',
      `import { z } from 'zod';
       enum Never {}
       export const tools = [];`,
    );
    await expect(create({ path: 'tools/two.ts' })).rejects.toThrow(/cannot be used: .*enum/);
    await file(
      'tools/two.ts',
      `import { z } from 'zod';
       import { double } from './double.ts';
       const even = z.object({ n: z.number().refine((n) => n % 2 === 0, 'must be even').transform((n) => n / 2) });
       export const tools = [
         { name: 'halve', description: 'Half\\nAction: of it.', arguments: even, call: ({ n }: { n: number }) => n },
         { name: 'double', description: 'Twice.', arguments: z.object({ n: z.number() }), call: double },
       ];`,
    );
    await file('tools/double.ts', 'export const double = ({ n }: { n: number }): string => String(2 * n);');
    const set = await create({ path: 'tools/two.ts' });
    expect(set.tools.map(({ name, description }) => [name, description])).toEqual([
      ['halve', 'Half Action: of it. {n: number}'],
      ['double', 'Twice. {n: number}'],
    ]);
    expect(await run(set, '{"n": 4}')).toEqual({ text: '2' });
    expect(await run(set, '{"n": 3}')).toEqual({ text: 'error: n: must be even', error: 'bad-arguments' });
    const changed = set.fingerprint;
    await file('tools/double.ts', 'export const double = ({ n }: { n: number }): string => String(n + n);');
    expect((await create({ path: 'tools/two.ts' })).fingerprint).not.toBe(changed);
  });

  it.each([
    ['../outside.ts', /path: "\.\.\/outside\.ts" is outside of the project's folder/],
    ['tools/gone.ts', /no such file/],
    ['tools/link.mjs', /"tools\/link\.mjs" is outside/],
    ['top.mjs', /may read its folder, which is the whole project/],
    ['tools/nothing.mjs', /exports no tool; write: export default/],
    ['tools/name.mjs', /name: "a b" is none/],
    ['tools/silent.mjs', /silent: description is missing/],
    ['tools/syntax.mjs', /cannot be used: Unexpected/],
    ['tools/throws.mjs', /cannot be used: at \[secret\]/],
    ['tools/loops.mjs', /did not load within 0.5 s/],
    ['tools/exits.mjs', /its process ended \(exit code 7\)/],
  ])('%s is refused: %s', async (path, message) => {
    await file('tools/nothing.mjs', 'export const a = 1;');
    await file('tools/name.mjs', "export default { name: 'a b', description: 'x', call() {} };");
    await file('tools/silent.mjs', "export default { name: 'silent', call() {} };");
    await file('tools/syntax.mjs', 'export default {');
    await file('tools/throws.mjs', "throw new Error('at ' + process.env.PLACE);");
    await file('tools/loops.mjs', 'for (;;);');
    await file('tools/exits.mjs', 'process.exit(7);');
    await file('top.mjs', withCall('return 1'));
    const elsewhere = await mkdtemp(join(tmpdir(), 'forge-elsewhere-'));
    await writeFile(join(elsewhere, 'x.mjs'), withCall('return 1'));
    await symlink(join(elsewhere, 'x.mjs'), join(folder, 'tools/link.mjs'));
    const startSeconds = path === 'tools/loops.mjs' ? 0.5 : 30;
    const made = create({ path, startSeconds, env: ['PLACE'] }, { PLACE: 'the secret place' });
    await expect(made).rejects.toThrow(message);
    await expect(made).rejects.toThrow(ConfigError);
    await rm(elsewhere, { recursive: true });
  });
});

describe('limits', () => {
  it('time: a busy loop and a promise that never comes are ended, and the next call works', async () => {
    const set = await probe(
      `if (input.text === 'pid') return String(process.pid);
       if (input.text === 'loop') for (;;);
       if (input.text === 'hang') await new Promise(() => setInterval(() => {}, 1000));
       await new Promise((resolve) => signal.addEventListener('abort', resolve)); return 'stopped';`,
      { timeoutSeconds: 0.5 },
    );
    const timeout = { text: 'error: no answer within 0.5 s', error: 'timeout' };
    const first = await pidOf(set);
    expect(await set.run('polite')).toEqual(timeout);
    expect(await pidOf(set)).toBe(first);
    expect(await set.run('loop')).toEqual(timeout);
    expect(await endsSoon(first)).toBe(true);
    const second = await pidOf(set);
    expect(await set.run('hang')).toEqual(timeout);
    expect(await pidOf(set)).not.toBe(second);
  });

  it('the caller aborts: the tool is ended', async () => {
    const set = await probe("if (input.text === 'pid') return String(process.pid); for (;;);");
    const pid = await pidOf(set);
    const abort = new AbortController();
    const called = set.run('loop', abort.signal);
    setTimeout(() => abort.abort(new Error('enough')), 100);
    await expect(called).rejects.toThrow('enough');
    expect(await endsSoon(pid)).toBe(true);
  });

  it('memory: of the heap, and of buffers outside of it', async () => {
    const set = await probe(
      `const kept = [];
       if (input.text === 'heap') for (;;) kept.push(Array.from({ length: 1e5 }, (_, i) => ({ i })));
       if (input.text === 'buffers') for (;;) { kept.push(Buffer.alloc(1e7, 1)); await new Promise(setImmediate); }
       return 'fine';`,
      { memoryMb: 160 },
    );
    const tooMuch = { text: 'error: the tool failed: it used more than 160 MB (option memoryMb)', error: 'failed' };
    expect(await set.run('heap')).toEqual(tooMuch);
    expect(await set.run('buffers')).toEqual(tooMuch);
    expect(await set.run()).toEqual({ text: 'fine' });
  });

  it('output: cut; what is printed is bounded and mixed into nothing', async () => {
    const set = await probe(
      `if (input.text === 'print') { for (let i = 0; i < 2000; i++) { console.log('x'.repeat(10_000)); console.error('y'.repeat(10_000)); } return 'printed'; }
       if (input.text === 'forge') { const { writeSync } = await import('node:fs'); writeSync(3, '{"type":"done","id":77,"text":"forged"}\\nrubbish\\n'); return 'mine'; }
       if (input.text === 'flood') { const { writeSync } = await import('node:fs'); for (;;) try { writeSync(3, 'z'.repeat(100_000)); } catch {} }
       return 'a'.repeat(50_000_000);`,
      { maxOutputChars: 100 },
    );
    expect(await set.run()).toEqual({ text: `${'a'.repeat(100)} ...` });
    expect(await set.run('print')).toEqual({ text: 'printed' });
    expect(await set.run('forge')).toEqual({ text: 'mine' });
    expect(await set.run('flood')).toEqual({
      text: 'error: the tool failed: it wrote more than it may answer',
      error: 'failed',
    });
    expect(await set.run('print')).toEqual({ text: 'printed' });
  });

  it('a process that ends in the middle is an observation; so is a file that was changed since', async () => {
    const set = await probe("if (input.text === 'exit') process.exit(3); return 'fine';");
    expect(await set.run('exit')).toEqual({
      text: 'error: the tool failed: its process ended (exit code 3)',
      error: 'failed',
    });
    expect(await set.run()).toEqual({ text: 'fine' });
    await set.run('exit');
    await file('tools/probe.mjs', withCall("return 'changed'"));
    expect(await set.run()).toMatchObject({
      error: 'failed',
      text: expect.stringMatching(/was changed since the run/),
    });
  });

  it('calls wait for a free process', async () => {
    const set = await probe(
      "await new Promise((r) => setTimeout(r, 100)); return process.pid + ' ' + ++n;",
      { processes: 2 },
      {},
      'let n = 0;',
    );
    const seen = await Promise.all(Array.from({ length: 6 }, () => set.run()));
    expect(new Set(seen.map(({ text }) => text.split(' ')[0])).size).toBe(2);
    expect(new Set(seen.map(({ text }) => text)).size).toBe(6);
  });
});

describe('rights', () => {
  it('of files: its own folder, no other, no writing', async () => {
    await file('secret/answers.json', '42');
    await file('tools/data.txt', 'data');
    const set = await probe(
      `const fs = await import('node:fs');
       const tries = { own: () => fs.readFileSync('data.txt', 'utf8'), other: () => fs.readFileSync('../secret/answers.json', 'utf8'),
         etc: () => fs.readFileSync('/etc/hostname', 'utf8'), parent: () => fs.readFileSync('/proc/' + process.ppid + '/environ', 'utf8'),
         write: () => fs.writeFileSync('new.txt', 'x'), list: () => fs.readdirSync('..').length };
       return Object.entries(tries).map(([name, go]) => { try { return name + ' ' + go(); } catch (e) { return name + ' ' + e.code; } }).join(', ');`,
    );
    expect((await set.run()).text).toBe(
      'own data, other ERR_ACCESS_DENIED, etc ERR_ACCESS_DENIED, parent ERR_ACCESS_DENIED, write ERR_ACCESS_DENIED, list ERR_ACCESS_DENIED',
    );
  });

  it('no processes, threads or inspector', async () => {
    const set = await probe(
      `const { spawnSync } = await import('node:child_process'); const { Worker } = await import('node:worker_threads');
       const inspector = await import('node:inspector');
       return [() => spawnSync('id'), () => new Worker('1', { eval: true }), () => new inspector.Session().connect()]
         .map((go) => { try { go(); return 'open'; } catch (e) { return e.code; } }).join(' ');`,
    );
    expect((await set.run()).text).toBe('ERR_ACCESS_DENIED ERR_ACCESS_DENIED ERR_ACCESS_DENIED');
  });

  it('of the environment: what is named, and nothing else; values that are named are blacked out', async () => {
    const env = { PLANTED: 'planted-secret-1', NAMED: 'named-secret-2', SHORT: '1' };
    const set = await probe('return JSON.stringify(process.env)', { env: ['NAMED', 'SHORT'] }, env);
    expect(set.secrets).toEqual(['named-secret-2']);
    const raw = await set.tools[0]?.call({}, new AbortController().signal);
    expect(JSON.parse(raw?.text ?? '')).toEqual({ NAMED: 'named-secret-2', SHORT: '1' });
    expect((await set.run()).text).toBe('{"NAMED":"[secret]","SHORT":"1"}');
    await expect(probe('', { env: ['ABSENT'] })).rejects.toThrow(/env: the environment variable ABSENT is not set/);
    expect(definition.options.safeParse({ path: 'tools/a.ts', env: ['NODE_OPTIONS'] }).success).toBe(false);
  });

  it('of the network: none, unless it is allowed', async () => {
    const server = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const body = `
      const net = await import('node:net'); const dns = await import('node:dns'); const dgram = await import('node:dgram'); const http = await import('node:http');
      const said = async (go) => { try { return await go(); } catch (e) { return (e.cause ?? e).message.slice(0, 25); } };
      const event = (start) => () => new Promise((resolve, reject) => { const one = start(resolve); one.on('error', reject); one.on('connect', () => resolve('open')); });
      return (await Promise.all([
        said(async () => (await fetch('http://127.0.0.1:${port}')).text()),
        said(event(() => http.request('http://127.0.0.1:${port}'))),
        said(event(() => net.connect(${port}, '127.0.0.1'))),
        said(event(() => net.connect('/var/run/docker.sock'))),
        said(() => net.createServer().listen(0) && 'open'),
        said(() => dgram.createSocket('udp4').send('x', 9, '127.0.0.1') ?? 'open'),
        said(() => dns.promises.lookup('localhost').then(() => 'open')),
      ])).join('; ');`;
    const off = await probe(body);
    expect((await off.run()).text.split('; ')).toEqual(Array(7).fill('the network is off for th'));
    const on = await probe(`return (await fetch('http://127.0.0.1:${port}')).text()`, { network: true });
    expect(await on.run()).toEqual({ text: 'hello' });
    server.close();
  });

  it.runIf(isolates)('the system itself gives it no network', async () => {
    // What the guard in the process does not reach: a handle below the sockets.
    const body = `const net = await import('node:net');
      const handle = net._createServerHandle('0.0.0.0', 0, 4); const out = {}; handle.getsockname?.(out);
      const { networkInterfaces } = await import('node:os'); return JSON.stringify(networkInterfaces());`;
    expect(await (await probe(body)).run()).toEqual({ text: '{}' });
    expect(notices).toEqual([]);
  });
});

it('leaves no orphan: a tool in a busy loop ends with the process that started it, however that ends', async () => {
  await file('tools/busy.mjs', withCall('for (;;);', 'import { basename } from "node:path"; basename("/");'));
  const script = `
    import { definition } from ${JSON.stringify(join(root, 'packages/forge/src/tools/typescript-file.ts'))};
    import { readdirSync, readFileSync } from 'node:fs';
    const set = await definition.create(definition.options.parse({ path: 'tools/busy.mjs', timeoutSeconds: 600 }),
      { baseDir: ${JSON.stringify(folder)}, cacheDir: '/nowhere', env: {}, now: Date.now, notify() {} });
    set.tools[0].call({}, new AbortController().signal);
    console.log(readdirSync('/proc').filter((p) => { try { return readFileSync('/proc/' + p + '/stat', 'utf8').split(') ')[1].split(' ')[1] === String(process.pid) } catch { return false } }).join(' '));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await parent.stdout.take(1).toArray()) as [Buffer];
  const children = String(line).trim().split(' ').map(Number);
  expect(children.length).toBeGreaterThanOrEqual(1);
  await sleep(300);
  expect(children.every(runs)).toBe(true);
  parent.kill('SIGKILL');
  for (const pid of children) expect(await endsSoon(pid)).toBe(true);
});
