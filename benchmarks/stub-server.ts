// Starts the stub server of the tests in a process of its own, for benchmarks of clients.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StubStats } from '../packages/forge/src/testing/openai-stub-server.ts';

export interface Stub {
  /** `http://127.0.0.1:<port>/v1` */
  readonly baseUrl: string;
  readonly pid: number;
  reset(): Promise<void>;
  stats(): Promise<StubStats>;
  stop(): void;
}

const program = fileURLToPath(new URL('../packages/forge/src/testing/openai-stub-server.ts', import.meta.url));

/** A server that answers each request after `latencyMs`: with `text`, or with its own default. Ends with `stop`, or with this process. */
export async function startStub(latencyMs: number, text?: string): Promise<Stub> {
  const given = ['--latency-ms', String(latencyMs), ...(text === undefined ? [] : ['--text', text])];
  const child = spawn(process.execPath, [program, ...given], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await Promise.race([
    new Promise<string[]>((resolve) => createInterface(child.stdout).once('line', (first) => resolve([first]))),
    new Promise<never>((_, reject) => child.once('exit', (code) => reject(new Error(`the stub ended with ${code}`)))),
  ]);
  const { baseUrl } = JSON.parse(line ?? '');
  const get = async (path: string) => (await (await fetch(new URL(path, baseUrl))).json()) as StubStats;
  return {
    baseUrl,
    pid: child.pid ?? 0,
    reset: async () => void (await get('/stub/reset')),
    stats: () => get('/stub/stats'),
    // The stub ends with its standard input.
    stop: () => child.stdin.end(),
  };
}
