/**
 * Whether the load generator is the bottleneck of a load: open loops at 5,000 requests/s on an engine in this process and, through the
 * openai-compatible engine, on a stub server in a process of its own that answers at once; what a closed loop reaches there, beside
 * a bare node:http loop; and what the ways to wait for the next request cost. Prints Markdown. Linux (the stub's CPU time is
 * read from /proc).
 *
 * node benchmarks/load-generator.ts [--rate 5000] [--seconds 5] [--connections 64] [--tokens 8]
 */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { cpus, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Engine, GenerateRequest } from '../packages/forge/src/engine.ts';
import { definition as openaiCompatible } from '../packages/forge/src/engines/openai-compatible.ts';
import { definition as scripted } from '../packages/forge/src/engines/scripted.ts';
import { markdownTable } from '../packages/forge/src/lib/format.ts';
import { createRandom } from '../packages/forge/src/lib/random.ts';
import type { Arrivals, LatencyQuantiles, LoadMeasurement } from '../packages/forge/src/load-point.ts';
import { type LoadOptions, runLoad } from '../packages/forge/src/run-load.ts';
import { type Stub, startStub } from './stub-server.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    tokens: { type: 'string', default: '8' },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const tokens = Number(values.tokens);
const text = Array.from({ length: tokens }, (_, i) => `word${i}`).join(' ');
const parts = { baseDir: '.', cacheDir: '.', env: {}, now: Date.now, notify: () => {} };
const request: GenerateRequest = {
  prompt: 'Question: What is 1 plus 1?\nAnswer:',
  temperature: 0,
  topP: 1,
  topK: 0,
  maxTokens: 256,
  stop: [],
  seed: 0,
};

/** CPU time of a process, ms. In /proc/<pid>/stat the name may hold spaces: fields are counted from its end. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

interface Measured extends LoadMeasurement {
  /** CPU time as a share of the wall time: 1 is a core. */
  readonly clientCpu: number;
  readonly stubCpu: number | null;
}

async function load(
  engine: Engine,
  arrivals: Arrivals,
  count: number,
  { stub, sleep }: { stub?: Stub; sleep?: LoadOptions['sleep'] } = {},
): Promise<Measured> {
  // Warmed up before: opening connections and compiling are no part of the CPU time.
  const warmUp = 2000;
  const options = { engine, warmUp: 0, objective: null, random: createRandom(1).next, now: () => performance.now() };
  const requests = (length: number) => Array.from({ length }, () => request);
  await runLoad({ ...options, requests: requests(warmUp), arrivals: { kind: 'closed', concurrency: connections } });
  const [startedMs, before, stubBefore] = [performance.now(), process.cpuUsage(), stub ? await cpuMs(stub.pid) : 0];
  const measured = await runLoad({ ...options, requests: requests(count), arrivals, ...(sleep && { sleep }) });
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - startedMs;
  const stubCpu = stub ? ((await cpuMs(stub.pid)) - stubBefore) / wallMs : null;
  return { ...measured, clientCpu: (user + system) / 1000 / wallMs, stubCpu };
}

/** A closed loop of node:http and nothing else, as fast as the stub answers. */
async function bareLoop(stub: Stub, stream: boolean, count: number): Promise<{ perSecond: number; cpuMicros: number }> {
  const { hostname, port, pathname } = new URL(`${stub.baseUrl}/chat/completions`);
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const { prompt, temperature, topP, maxTokens, seed } = request;
  const content = { model: 'stub', messages: [{ role: 'user', content: prompt }], stream };
  const body = JSON.stringify({ ...content, temperature, top_p: topP, max_tokens: maxTokens, seed });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const outgoing = http.request({ hostname, port, path: pathname, method: 'POST', agent, headers }, (answer) => {
        answer.on('end', resolve).resume();
      });
      outgoing.on('error', reject).end(body);
    });
  const askAll = async (total: number) => {
    let left = total;
    const work = async () => {
      while (left-- > 0) await ask();
    };
    await Promise.all(Array.from({ length: connections }, work));
  };
  await askAll(2000);
  const [startedMs, before] = [performance.now(), process.cpuUsage()];
  await askAll(count);
  const { user, system } = process.cpuUsage(before);
  agent.destroy();
  return { perSecond: (count / (performance.now() - startedMs)) * 1000, cpuMicros: (user + system) / count };
}

const whole = (value: number) => Math.round(value).toLocaleString('en-US');
const percent = (share: number | null) => (share === null ? '-' : `${Math.round(share * 100)} %`);
const late = (quantiles: LatencyQuantiles | null) =>
  quantiles === null ? ['-', '-'] : [quantiles.p50.toFixed(2), quantiles.p99.toFixed(2)];
const named = ({ kind }: Arrivals) => (kind === 'poisson' ? 'Poisson' : kind);

async function httpEngine(stub: Stub, stream: boolean): Promise<Engine> {
  const options = { baseUrl: stub.baseUrl, model: 'stub', concurrency: connections, stream };
  return openaiCompatible.create(openaiCompatible.options.parse(options), parts);
}

const inProcess = async () => scripted.create(scripted.options.parse({ default: text }), parts);

/** Prints each row as soon as it is measured. */
async function printTable(header: readonly string[], rows: AsyncIterable<string[]>): Promise<void> {
  console.log(markdownTable(header, []));
  for await (const row of rows) console.log(markdownTable(header, [row]).split('\n').at(-1));
  console.log();
}

const openLoopHeader = ['engine', 'arrivals', 'requests/s (of offered)', 'sent / failed', 'late ms p50', 'p99'].concat([
  'total ms p50',
  'saturated',
  'CPU of the client',
  'of the stub',
]);

async function* openLoops(stub: Stub): AsyncGenerator<string[]> {
  const engines: [string, Engine, Stub | undefined][] = [
    ['in this process', await inProcess(), undefined],
    ['HTTP, whole answers', await httpEngine(stub, false), stub],
    [`HTTP, ${tokens} tokens streamed`, await httpEngine(stub, true), stub],
  ];
  for (const [name, engine, server] of engines) {
    for (const kind of ['constant', 'poisson'] as const) {
      const arrivals = { kind, perSecond: rate };
      const measured = await load(engine, arrivals, rate * seconds, server ? { stub: server } : {});
      const { requests, failed, requestsPerSecond, lateMs, totalMs, saturated, clientCpu, stubCpu } = measured;
      yield [
        name,
        named(arrivals),
        `${whole(requestsPerSecond)} (${(requestsPerSecond / rate).toFixed(3)})`,
        `${whole(requests)} / ${failed}`,
        ...late(lateMs),
        totalMs === null ? '-' : totalMs.p50.toFixed(2),
        saturated ? 'yes' : 'no',
        percent(clientCpu),
        percent(stubCpu),
      ];
    }
    await engine.close();
  }
}

const closedLoopHeader = ['answers', 'bare node:http, requests/s', 'CPU of the client a request'].concat([
  'load generator, requests/s',
  'CPU of the client a request',
  'ratio',
]);

async function* closedLoops(stub: Stub): AsyncGenerator<string[]> {
  const count = rate * seconds;
  for (const stream of [false, true]) {
    const bare = await bareLoop(stub, stream, count);
    const engine = await httpEngine(stub, stream);
    const measured = await load(engine, { kind: 'closed', concurrency: connections }, count, { stub });
    await engine.close();
    const { requestsPerSecond, clientCpu, seconds: took } = measured;
    yield [
      stream ? `${tokens} tokens streamed` : 'whole answers',
      whole(bare.perSecond),
      `${whole(bare.cpuMicros)} µs`,
      whole(requestsPerSecond),
      `${whole((clientCpu * took * 1e6) / count)} µs`,
      (requestsPerSecond / bare.perSecond).toFixed(2),
    ];
  }
}

const waitHeader = ['waiting by', 'requests/s', 'late ms p50', 'p99', 'CPU of the client'];

/** Ways to wait, on the engine in this process. */
async function* waits(): AsyncGenerator<string[]> {
  const turning = async (ms: number) => {
    const endMs = performance.now() + ms;
    if (ms > 1) await delay(ms - 1);
    do await new Promise(setImmediate);
    while (performance.now() < endMs);
  };
  const ways: [string, LoadOptions['sleep']][] = [
    ['setTimeout', (ms) => (ms === 0 ? new Promise(setImmediate) : delay(ms))],
    ['setTimeout, then setImmediate for the last ms', turning],
    ['precise sleep', undefined],
  ];
  const engine = await inProcess();
  for (const perSecond of [20, 200, rate]) {
    for (const [name, sleep] of ways) {
      const measured = await load(engine, { kind: 'poisson', perSecond }, Math.ceil(perSecond * seconds), { sleep });
      yield [name, whole(perSecond), ...late(measured.lateMs), percent(measured.clientCpu)];
    }
  }
}

const loaded = () => loadavg()[0]?.toFixed(1);
console.log(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}, load ${loaded()} at the start.\n`);
const stub = await startStub(0, text);
try {
  console.log(`Open loops at ${whole(rate)} requests/s for ${seconds} s, ${connections} connections.\n`);
  await printTable(openLoopHeader, openLoops(stub));
  console.log(`Closed loops, ${connections} at once.\n`);
  await printTable(closedLoopHeader, closedLoops(stub));
  await printTable(waitHeader, waits());
  console.log(`load ${loaded()} at the end.`);
} finally {
  stub.stop();
}
