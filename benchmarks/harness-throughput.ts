/**
 * How much of a server's throughput the harness lets through, and how much memory it takes. A stub server in a process of
 * its own answers every request after a fixed time; the ideal rate is requests in flight / that time. Measured: the HTTP
 * engine alone, the whole product (`forge run` from a YAML file into its database) for growing data sets, and promptfoo on
 * the same questions. Prints Markdown. Linux (memory is read from /proc).
 *
 * node benchmarks/harness-throughput.ts [--examples 5000,20000,100000] [--peer-examples 5000] [--client-requests 20000]
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { definition as openaiCompatible } from '../packages/forge/src/engines/openai-compatible.ts';
import type { StubStats } from '../packages/forge/src/testing/openai-stub-server.ts';
import { type Stub, startStub } from './stub-server.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const promptfooVersion = '0.123.1';

const { values } = parseArgs({
  options: {
    examples: { type: 'string', default: '5000,20000,100000' },
    'peer-examples': { type: 'string', default: '5000' },
    'client-requests': { type: 'string', default: '20000' },
    'latency-ms': { type: 'string', default: '50' },
    concurrency: { type: 'string', default: '64' },
  },
});
const sizes = values.examples.split(',').filter(Boolean).map(Number);
const peerExamples = Number(values['peer-examples']);
const clientRequests = Number(values['client-requests']);
const latencyMs = Number(values['latency-ms']);
const concurrency = Number(values.concurrency);
const idealRate = (concurrency / latencyMs) * 1000;

/** Resident memory of a process and its descendants, MB. Pages that they share count for each. */
async function residentMb(pid: number): Promise<number> {
  const parents = new Map<number, { parent: number; mb: number }>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const text = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    // The name in parentheses may hold spaces: fields are counted from its end. 4th: parent; 24th: resident pages.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields.length > 21)
      parents.set(Number(entry), { parent: Number(fields[1]), mb: (Number(fields[21]) * 4096) / 1e6 });
  }
  const belongs = (id: number): boolean => id === pid || (parents.has(id) && belongs(parents.get(id)?.parent ?? 0));
  let sum = 0;
  for (const [id, { mb }] of parents) if (belongs(id)) sum += mb;
  return sum;
}

interface Measured {
  readonly wallMs: number;
  readonly stats: StubStats;
  readonly memory: readonly { at: number; mb: number }[];
  readonly output: string;
}

/** Runs a program to its end against the stub, its memory sampled five times a second. */
async function measure(stub: Stub, start: () => ChildProcess): Promise<Measured> {
  await stub.reset();
  const started = performance.now();
  const child = start();
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text));
  const memory: { at: number; mb: number }[] = [];
  let sampling = Promise.resolve();
  const timer = setInterval(() => {
    sampling = sampling.then(async () => void memory.push({ at: Date.now(), mb: await residentMb(child.pid ?? 0) }));
  }, 200);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  clearInterval(timer);
  const wallMs = performance.now() - started;
  await sampling;
  if (code !== 0) throw new Error(`the program ended with ${code}: ${output.slice(-2000)}`);
  return { wallMs, stats: await stub.stats(), memory, output };
}

/** The HTTP engine alone, `concurrency` requests in flight: requests per second and CPU time per request. */
async function measureClient(stub: Stub, requests: number, stream: boolean) {
  const parts = { baseDir: root, cacheDir: root, env: {}, now: Date.now, notify: () => {} };
  const options = openaiCompatible.options.parse({ baseUrl: stub.baseUrl, model: 'stub', concurrency, stream });
  const engine = await openaiCompatible.create(options, parts);
  const sampling = { temperature: 0, topP: 1, topK: 0, maxTokens: 256, stop: ['\n\n'], seed: 0 };
  const ask = (count: number) => {
    let left = count;
    const work = async () => {
      while (left-- > 0) await engine.generate({ ...sampling, prompt: `Question: What is ${left} plus 1?\nAnswer:` });
    };
    return Promise.all(Array.from({ length: concurrency }, work));
  };
  await ask(concurrency * 4);
  const cpu = process.cpuUsage();
  const started = performance.now();
  await ask(requests);
  const rate = (requests / (performance.now() - started)) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  await engine.close();
  return { rate, cpuMicros: (user + system) / requests };
}

const questions = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ question: `What is ${i} plus 1?`, answer: String(i + 1) }));

async function measureForge(stub: Stub, examples: number, folder: string): Promise<Measured> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'questions.jsonl'),
    questions(examples)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  );
  await writeFile(
    join(folder, 'experiment.yaml'),
    `version: 1
name: harness-throughput
dataset: { name: json-lines, path: questions.jsonl, columns: { question: question, answer: answer } }
engine: { name: openai-compatible, baseUrl: '${stub.baseUrl}', model: stub, concurrency: ${concurrency} }
method: { name: naive }
metrics: [exact-match]
`,
  );
  const main = join(root, 'packages/forge/src/cli/main.ts');
  const env = { ...process.env, FORGE_HOME: join(folder, '.forge'), DATABASE_URL: undefined };
  return measure(stub, () => spawn(process.execPath, [main, 'run', 'experiment.yaml', '--json'], { cwd: folder, env }));
}

/** promptfoo's program, installed once into a folder that git ignores. */
async function installPromptfoo(): Promise<string> {
  const folder = join(root, '.forge/bench/promptfoo');
  const manifest = join(folder, 'node_modules/promptfoo/package.json');
  const present = await stat(manifest).then(
    () => true,
    () => false,
  );
  if (!present) {
    console.error(`installing promptfoo ${promptfooVersion} into ${folder} (2 GB)`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
    const install = ['install', '--no-audit', '--no-fund', '--save-exact', `promptfoo@${promptfooVersion}`];
    await promisify(execFile)('npm', install, { cwd: folder, maxBuffer: 1e8 });
  }
  const { bin } = JSON.parse(await readFile(manifest, 'utf8'));
  return join(folder, 'node_modules/promptfoo', typeof bin === 'string' ? bin : bin.promptfoo);
}

async function measurePromptfoo(stub: Stub, examples: number, folder: string): Promise<Measured> {
  const program = await installPromptfoo();
  await mkdir(folder, { recursive: true });
  const tests = questions(examples).map(({ question, answer }) => {
    return `${JSON.stringify({ vars: { question }, assert: [{ type: 'equals', value: answer }] })}\n`;
  });
  await writeFile(join(folder, 'tests.jsonl'), tests.join(''));
  await writeFile(
    join(folder, 'promptfooconfig.yaml'),
    `prompts: ["Question: {{question}}\\nAnswer:"]
providers:
  - id: openai:chat:stub
    config: { apiBaseUrl: '${stub.baseUrl}', apiKey: none, temperature: 0, max_tokens: 256, stop: ["\\n\\n"] }
tests: file://tests.jsonl
evaluateOptions: { maxConcurrency: ${concurrency}, cache: false, showProgressBar: false }
`,
  );
  const env = {
    ...process.env,
    PROMPTFOO_CONFIG_DIR: join(folder, 'home'),
    PROMPTFOO_CACHE_ENABLED: 'false',
    PROMPTFOO_DISABLE_TELEMETRY: '1',
    PROMPTFOO_DISABLE_UPDATE: '1',
    PROMPTFOO_DISABLE_REMOTE_GENERATION: 'true',
    PROMPTFOO_DISABLE_SHARING: '1',
    // Every answer is wrong, and wrong answers are no failure of this benchmark.
    PROMPTFOO_FAILED_TEST_EXIT_CODE: '0',
  };
  const args = ['eval', '--config', 'promptfooconfig.yaml', '--no-cache', '--no-table', '--no-progress-bar'];
  return measure(stub, () =>
    spawn(process.execPath, [program, ...args, '--max-concurrency', String(concurrency)], { cwd: folder, env }),
  );
}

const whole = (value: number) => Math.round(value).toLocaleString('en');

function reportLine(name: string, examples: number, { wallMs, stats, memory }: Measured): string {
  const { firstRequestAt, lastResponseAt, requests, maxInFlight } = stats;
  const busyMs = lastResponseAt - firstRequestAt;
  const rate = (requests / busyMs) * 1000;
  const asking = memory.filter(({ at }) => at >= firstRequestAt && at <= lastResponseAt);
  /** Highest memory in one third of the time in which requests went out. */
  const peakOf = (from: number, to: number) => {
    const inside = asking.filter(
      ({ at }) => at >= firstRequestAt + from * busyMs && at <= firstRequestAt + to * busyMs,
    );
    return inside.length === 0 ? '-' : whole(Math.max(...inside.map(({ mb }) => mb)));
  };
  const thirds = [peakOf(0, 1 / 3), peakOf(1 / 3, 2 / 3), peakOf(2 / 3, 1)].join(' / ');
  const overall = whole(Math.max(0, ...memory.map(({ mb }) => mb)));
  const cells = [
    name,
    whole(examples),
    whole(requests),
    String(maxInFlight),
    whole(rate),
    (rate / idealRate).toFixed(3),
    (wallMs / 1000).toFixed(1),
    whole((examples / wallMs) * 1000),
    thirds,
    overall,
  ];
  return `| ${cells.join(' | ')} |`;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'forge-bench-'));
  const load = () => loadavg()[0]?.toFixed(1);
  console.log(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}, load ${load()} at the start.\n`);
  const immediate = await startStub(0);
  const stub = await startStub(latencyMs);
  try {
    if (clientRequests > 0) {
      console.log('| HTTP engine alone | stub latency | requests/s | CPU time per request |\n|---|---:|---:|---:|');
      for (const stream of [true, false]) {
        const { rate, cpuMicros } = await measureClient(immediate, clientRequests, stream);
        console.log(`| ${stream ? 'streamed' : 'whole answers'} | 0 ms | ${whole(rate)} | ${whole(cpuMicros)} µs |`);
      }
      const { rate, cpuMicros } = await measureClient(stub, Math.ceil(clientRequests / 4), true);
      console.log(`| streamed | ${latencyMs} ms | ${whole(rate)} | ${whole(cpuMicros)} µs |\n`);
    }
    console.log(`Stub: ${latencyMs} ms, ${concurrency} in flight: ideal ${whole(idealRate)} requests/s.\n`);
    console.log(
      '| program | examples | requests | most in flight | requests/s | of ideal | wall s | examples/s of wall | MB while asking, thirds | MB peak |',
    );
    console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
    for (const examples of sizes) {
      console.log(
        reportLine('forge run', examples, await measureForge(stub, examples, join(folder, `forge-${examples}`))),
      );
    }
    if (peerExamples > 0) {
      const peer = await measurePromptfoo(stub, peerExamples, join(folder, 'promptfoo'));
      console.log(reportLine(`promptfoo ${promptfooVersion}`, peerExamples, peer));
    }
    console.log(`\nload ${load()} at the end.`);
  } finally {
    immediate.stop();
    stub.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
