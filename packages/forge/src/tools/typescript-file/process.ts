import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../errors.ts';
import { endWithParent } from '../../lib/end-with-parent.ts';
import { visibleText } from '../../lib/untrusted-text.ts';
import type { Observation } from '../../tool.ts';
import { networkIsolation } from './isolation.ts';
import { type ToolAnswer, type ToolRequest, toolAnswer } from './protocol.ts';

const entry = fileURLToPath(new URL('./child.ts', import.meta.url));
/** What the process itself is made of. */
const ownFiles = [
  `${dirname(entry)}/`,
  fileURLToPath(new URL('../../errors.ts', import.meta.url)),
  `${dirname(fileURLToPath(import.meta.resolve('zod')))}/`,
];

const abortGraceMs = 100;
const watchMs = 50;
const stderrTailChars = 2000;
/** Of a line of the protocol, besides an observation. */
const maxLineChars = 1_000_000;

export interface ProcessSettings {
  /** With links resolved. */
  readonly file: string;
  /** Folders (with a slash at the end) and files that may be read. */
  readonly readable: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly network: boolean;
  readonly memoryMb: number;
  readonly startMs: number;
  readonly timeoutMs: number;
  readonly maxOutputChars: number;
}

/** A tool file in a process of its own: one call at a time. */
export interface ToolProcess {
  readonly tools: readonly { readonly name: string; readonly description: string; readonly schema: unknown }[];
  /** URLs of the files that were loaded. */
  readonly files: readonly string[];
  alive(): boolean;
  /** Never rejects. */
  call(tool: string, input: unknown, signal: AbortSignal): Promise<Observation>;
  /** Idempotent. */
  end(): Promise<void>;
}

async function spawnTool({ readable, variables, network, memoryMb, file }: ProcessSettings): Promise<ChildProcess> {
  const command = [
    ...(network ? [] : await networkIsolation()),
    process.execPath,
    `--max-old-space-size=${memoryMb}`,
    '--disable-warning=ExperimentalWarning',
    // https://nodejs.org/docs/latest-v22.x/api/permissions.html: no writing, no processes, threads, addons, inspector.
    '--permission',
    ...[...ownFiles, ...readable].map((path) => `--allow-fs-read=${path}`),
    entry,
    ...(network ? [] : ['--no-network']),
  ];
  const [program = process.execPath, ...args] = command;
  return spawn(program, args, {
    cwd: dirname(file),
    env: variables as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
}

/** Lines as they come; `overflow` instead of one that is too long. */
function readLines(from: Socket, maxChars: number, onLine: (line: string) => void, overflow: () => void): void {
  let rest = '';
  from.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxChars) {
      rest = '';
      overflow();
    } else lines.forEach(onLine);
  });
}

/** Kills a process whose memory, buffers included, outgrows its limit. Where there is no /proc, only the heap is limited. */
function watchMemory(pid: number, memoryMb: number, exceeded: () => void): () => void {
  let reading = false;
  const timer = setInterval(async () => {
    if (reading) return;
    reading = true;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    reading = false;
    const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    if (kilobytes > memoryMb * 1024) exceeded();
  }, watchMs);
  timer.unref();
  return () => clearInterval(timer);
}

function parseAnswer(line: string): ToolAnswer | undefined {
  try {
    return toolAnswer.parse(JSON.parse(line));
  } catch {
    // Not ours: the file wrote to our descriptor.
    return undefined;
  }
}

const memoryReason = (memoryMb: number) => `it used more than ${memoryMb} MB (option memoryMb)`;

interface Ended {
  readonly type: 'ended';
  readonly reason: string;
}

/** A process and the one question that it is at. */
function supervise(child: ChildProcess, { memoryMb, maxOutputChars }: ProcessSettings) {
  const channel = child.stdio[3] as Socket;
  let waiting: { readonly id: number; resolve(answer: ToolAnswer | Ended): void } | undefined;
  let ended: Ended | undefined;
  let killedBecause: string | undefined;
  let stderr = '';

  const kill = (reason: string) => {
    killedBecause ??= reason;
    child.kill('SIGKILL');
  };
  const write = (request: ToolRequest) => {
    if (ended === undefined) channel.write(`${JSON.stringify(request)}\n`);
  };
  const onLine = (line: string) => {
    const answer = parseAnswer(line);
    // An answer to an earlier question comes too late.
    if (answer !== undefined && (answer.type === 'done' ? answer.id : 0) === waiting?.id) waiting.resolve(answer);
  };

  child.stdout?.resume();
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrTailChars);
  });
  channel.on('error', () => {});
  readLines(channel, maxLineChars + 6 * maxOutputChars, onLine, () => kill('it wrote more than it may answer'));

  const { pid } = child;
  const release = pid === undefined ? () => {} : endWithParent(pid);
  const unwatch = pid === undefined ? () => {} : watchMemory(pid, memoryMb, () => kill(memoryReason(memoryMb)));
  const over = (reason: string) => {
    ended = { type: 'ended', reason };
    release();
    unwatch();
    waiting?.resolve(ended);
  };
  child.on('exit', (code, signal) => {
    const heap = stderr.includes('heap out of memory') ? memoryReason(memoryMb) : undefined;
    over(killedBecause ?? heap ?? `its process ended (${signal ?? `exit code ${code}`})`);
  });
  child.on('error', (error) => over(error.message));

  return {
    alive: () => ended === undefined,
    kill,
    write,
    /** The answer, or that the process has ended; `late` is called after the time allowed. */
    async ask(id: number, request: ToolRequest, allowedMs: number, late: () => void): Promise<ToolAnswer | Ended> {
      if (ended !== undefined) return ended;
      const { promise, resolve } = Promise.withResolvers<ToolAnswer | Ended>();
      waiting = { id, resolve };
      write(request);
      const timer = setTimeout(late, allowedMs);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        waiting = undefined;
      }
    },
    async end(): Promise<void> {
      if (ended !== undefined) return;
      const exit = once(child, 'exit');
      kill('it was closed');
      await exit;
    },
  };
}

/** Throws ConfigError where the file cannot be loaded within its time. */
export async function startToolProcess(settings: ProcessSettings): Promise<ToolProcess> {
  const { file, startMs, timeoutMs, maxOutputChars } = settings;
  const process = supervise(await spawnTool(settings), settings);
  const loaded = await process.ask(0, { type: 'load', file }, startMs, () =>
    process.kill(`it did not load within ${startMs / 1000} s (option startSeconds)`),
  );
  if (loaded.type !== 'loaded') {
    await process.end();
    throw new ConfigError(loaded.type === 'done' ? 'it answers before it is asked' : loaded.reason);
  }
  let lastId = 0;

  async function call(tool: string, input: unknown, signal: AbortSignal): Promise<Observation> {
    const id = ++lastId;
    let timedOut = false;
    let grace: NodeJS.Timeout | undefined;
    // Its own chance to stop, then the end: a loop that is busy hears nothing.
    const stop = () => {
      process.write({ type: 'abort', id });
      grace ??= setTimeout(() => process.kill('it was cancelled'), abortGraceMs);
    };
    const late = () => {
      timedOut = true;
      stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    const answer = await process.ask(id, { type: 'call', id, tool, input, max: maxOutputChars }, timeoutMs, late);
    signal.removeEventListener('abort', stop);
    clearTimeout(grace);
    if (timedOut) return { text: `error: no answer within ${timeoutMs / 1000} s`, error: 'timeout' };
    if (answer.type === 'ended') return { text: `error: the tool failed: ${answer.reason}`, error: 'failed' };
    if (answer.type !== 'done') return { text: 'error: the tool failed: it gave no answer', error: 'failed' };
    const { text, error } = answer;
    return { text: visibleText(text, maxOutputChars), ...(error === undefined ? {} : { error }) };
  }

  return { tools: loaded.tools, files: loaded.files, alive: process.alive, end: process.end, call };
}
