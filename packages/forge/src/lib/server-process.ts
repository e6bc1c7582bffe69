import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Surroundings } from '../definition.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { endWithParent } from './end-with-parent.ts';
import { redact } from './redact.ts';

export interface ServerCommand {
  /** Program and arguments, without a shell; the program `forge` is this one. */
  readonly command: readonly string[];
  /** Answers 2xx once the server can be used. */
  readonly readyUrl: string;
  readonly readyTimeoutMs: number;
  readonly cwd: string;
  /** All variables that the server gets. Values whose names speak of keys, tokens or passwords are shown nowhere. */
  readonly env: Surroundings['env'];
  /** From the request to end until it is killed, ms. */
  readonly stopGraceMs?: number;
}

export interface ServerProcess {
  /** Also the number of its process group. */
  readonly pid: number;
  /** null while it runs; else how it ended and what it said last. */
  ended(): string | null;
  /** Ends it and all that it started. Idempotent. */
  stop(): Promise<void>;
}

const pollMs = 100;
const pollTimeoutMs = 5000;
const defaultStopGraceMs = 10_000;
const lastWordsMs = 300;
const keptChars = 64 * 2 ** 10;
const shownLines = 8;
const shownChars = 2000;
const minSecretChars = 4;
const secretName = /key|token|secret|password|passwd|credential/i;
const forge = [process.execPath, fileURLToPath(new URL('../cli/main.ts', import.meta.url))];

const secretsOf = (env: Surroundings['env']) =>
  Object.entries(env).flatMap(([name, value = '']) =>
    secretName.test(name) && value.length >= minSecretChars ? [value] : [],
  );

/** True where the URL answers 2xx; null where nobody listens or answers in time. */
async function probe(url: string, signal?: AbortSignal): Promise<boolean | null> {
  const timeout = AbortSignal.timeout(pollTimeoutMs);
  try {
    const answer = await fetch(url, {
      redirect: 'manual',
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return null;
  }
}

/** Keeps what a process says last, of both its outputs. */
function lastWords(child: ChildProcess, secrets: readonly string[]): () => string {
  let kept = '';
  const keep = (text: string) => {
    kept = (kept + text).slice(-keptChars);
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);
  return () => {
    const lines = kept.split(/[\r\n]+/).filter((line) => line.trim() !== '');
    // Blacked out before it is cut: half a secret is one too.
    const said = redact(lines.slice(-shownLines).join(' | '), secrets).slice(-shownChars);
    return said === '' ? 'it said nothing' : `it said last: ${said}`;
  };
}

/** A server's workers are in its group; Windows has no groups. */
const groupOf = (pid: number) => (process.platform === 'win32' ? pid : -pid);

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(groupOf(pid), signal);
  } catch {
    // Nobody of it is left.
  }
}

function launch({ command, cwd, env, stopGraceMs = defaultStopGraceMs }: ServerCommand) {
  const [program = '', ...given] = command;
  const [file = program, ...args] = program === 'forge' ? [...forge, ...given] : command;
  const child = spawn(file, args, {
    cwd,
    env: env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that Ctrl-C reaches us and not it, and it can be ended as a whole.
    detached: process.platform !== 'win32',
  });
  const words = lastWords(child, secretsOf(env));
  let end: string | null = null;
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      end =
        error.code === 'ENOENT'
          ? `cannot be started: there is no program "${program}" (or no folder ${cwd}); install it, or give its path`
          : `cannot be started: ${messageOf(error)}`;
      resolve();
    });
    child.once('exit', async (code, signal) => {
      // Its last words may still be on their way; a worker that it left behind holds its outputs open for longer.
      await Promise.race([once(child, 'close'), sleep(lastWordsMs)]);
      end ??= `ended with ${signal ?? `exit code ${code}`}; ${words()}`;
      resolve();
    });
  });
  const { pid } = child;
  const release = pid === undefined ? () => {} : endWithParent(groupOf(pid));
  child.once('exit', release);

  async function stop(): Promise<void> {
    if (pid === undefined) return;
    signalGroup(pid, 'SIGTERM');
    const grace = new AbortController();
    await Promise.race([exited, sleep(stopGraceMs, undefined, { signal: grace.signal }).catch(() => {})]);
    grace.abort();
    // Also what outlived the first of the group.
    signalGroup(pid, 'SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  let stopped: Promise<void> | undefined;
  const stopOnce = () => {
    stopped ??= stop();
    return stopped;
  };
  return { pid, exited, ended: () => end, words, stop: stopOnce };
}

/**
 * Starts a server and waits until it can be used. It ends with `stop`, and with this process however that ends. Throws
 * ConfigError where it does not come up, with what it said last; where `signal` fires, its reason.
 */
export async function startServer(server: ServerCommand, signal?: AbortSignal): Promise<ServerProcess> {
  const { readyUrl, readyTimeoutMs } = server;
  const shown = redact(server.command.join(' '), secretsOf(server.env));
  signal?.throwIfAborted();
  if ((await probe(readyUrl, signal)) !== null) {
    throw new ConfigError(
      `server "${shown}": something answers at ${readyUrl} before it was started, and would be measured in its place; end that, or give this one another port`,
    );
  }
  const { pid, exited, ended, words, stop } = launch(server);
  const deadline = AbortSignal.timeout(readyTimeoutMs);
  const giveUp = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  try {
    while (ended() === null) {
      if (await probe(readyUrl, giveUp)) break;
      await Promise.race([exited, sleep(pollMs, undefined, { signal: giveUp }).catch(() => {})]);
      signal?.throwIfAborted();
      if (deadline.aborted) {
        throw new ConfigError(
          `server "${shown}": ${readyUrl} did not answer 2xx within ${readyTimeoutMs / 1000} s; give it more time, or mend its command or address; ${words()}`,
        );
      }
    }
    const end = ended();
    if (end !== null || pid === undefined) throw new ConfigError(`server "${shown}" ${end}`);
    return { pid, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
