import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Surroundings } from '../../definition.ts';
import { ConfigError, TrainerError } from '../../errors.ts';
import { endWithParent } from '../../lib/end-with-parent.ts';
import { oneLine } from '../../lib/untrusted-text.ts';
import { type Message, message } from './messages.ts';

const stderrTailChars = 4000;
/** A piece of a file is the longest. */
const maxLineBytes = 16 * 2 ** 20;
/** Lines that are no messages: greetings of a remote shell, say. */
const maxStrayLines = 200;

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly variables: Readonly<Record<string, string>>;
}

const passed =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TMPDIR|TMP|TEMP|SHELL|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSH_\w+|DOCKER_\w+|XDG_\w+|LD_LIBRARY_PATH|(PIP|UV|HF|CUDA|NVIDIA|OMP|MKL|PYTORCH|TORCH|FORGE_TRAIN)_\w+|SYSTEMROOT|USERPROFILE|APPDATA|LOCALAPPDATA|PATHEXT)$/i;

/** Variables for Python, its installer and ssh: what they need to find programs, networks and caches, and no secrets of other parts. */
export const trainingVariables = (env: Surroundings['env']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => passed.test(entry[0]) && entry[1] !== undefined),
  );

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      yield Buffer.concat([...parts, chunk.subarray(from, at)]).toString('utf8');
      [parts, size, from] = [[], 0, at + 1];
    }
    parts.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > maxLineBytes) throw new TrainerError(`the training process wrote a line of over ${maxLineBytes} bytes`);
  }
}

function parseLine(line: string): Message | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = message.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TrainerError(
    `the training process wrote what is no event: ${oneLine(line, 200)}; is it the train.py of this version?`,
  );
}

/** ASCII: a remote Python reads in whatever encoding its locale has. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

export interface TrainingProcess {
  /** What it says, until it ends. Throws TrainerError. */
  messages(): AsyncGenerator<Message>;
  /** Waits until there is room. Says false where it reads no more. */
  send(value: unknown): Promise<boolean>;
  /** Waits for its end, some time, then kills it. Idempotent. */
  end(graceMs: number): Promise<void>;
  /** How it ended and what it said last; one line. */
  ending(): string;
}

async function started(child: ChildProcess, command: string): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `"${command}" cannot be started (${code}); ${code === 'ENOENT' ? 'there is no such program: install it or name another' : 'look at its rights'}`,
    );
  }
}

/** A program that speaks as train.py does, in a process group of its own that ends with ours. Throws ConfigError where it cannot be started. */
export async function startTraining({ command, args, folder, variables }: Program): Promise<TrainingProcess> {
  const child = spawn(command, [...args], {
    cwd: folder,
    env: variables as NodeJS.ProcessEnv,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C must not end it before its checkpoint is written, and a kill reaches what it started.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const [stdin, stdout, stderr] = [child.stdin as Writable, child.stdout as Readable, child.stderr as Readable];
  stdin.on('error', () => {});
  await started(child, command);
  const pid = child.pid as number;
  const group = process.platform === 'win32' ? pid : -pid;
  const release = endWithParent(group);
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-stderrTailChars);
  });
  const closed = once(child, 'close');
  // Its last words are worth a moment; something that it left running (a shared ssh connection) may keep them open for ever.
  const ended = once(child, 'exit').then(() => {
    release();
    return Promise.race([closed, setTimeout(500, undefined, { ref: false })]);
  });
  const kill = () => {
    try {
      process.kill(group, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  return {
    async *messages() {
      let stray = 0;
      for await (const line of linesOf(stdout)) {
        const parsed = parseLine(line);
        if (parsed !== undefined) yield parsed;
        else if (++stray > maxStrayLines)
          throw new TrainerError(`the training process writes lines that are no events: ${oneLine(line, 200)}`);
        else said = `${said}${line}\n`.slice(-stderrTailChars);
      }
      await ended;
    },
    async send(value) {
      if (stdin.destroyed || stdin.writableEnded) return false;
      if (stdin.write(`${typeof value === 'string' ? value : asciiJson(value)}\n`)) return true;
      await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]).catch(() => {});
      return !stdin.destroyed;
    },
    async end(graceMs) {
      const waiting = new AbortController();
      setTimeout(graceMs, undefined, waiting).then(kill, () => {});
      await ended;
      waiting.abort();
    },
    ending() {
      const how = child.signalCode ?? `exit code ${child.exitCode}`;
      const last = oneLine(said.trim().split('\n').slice(-6).join(' | '), 1200);
      return last === '' ? how : `${how}; it said: ${last}`;
    },
  };
}
