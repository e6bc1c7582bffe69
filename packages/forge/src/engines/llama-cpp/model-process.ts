import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { GenerateRequest } from '../../engine.ts';
import { ConfigError, EngineError } from '../../errors.ts';
import type { LoadOptions, ModelAnswer, ModelInfo, ModelRequest } from './protocol.ts';
import { createStateFolder } from './state-folder.ts';

const entry = fileURLToPath(new URL('./child.ts', import.meta.url));
/** Without an answer in between: a request that ends the process each time is set aside after three, and there may be several. */
const maxRestarts = 12;
const closeGraceMs = 2000;
const stderrTailChars = 2000;

interface Pending {
  readonly onText: GenerateRequest['onText'];
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

type Unnumbered = ModelRequest extends infer R ? (R extends { readonly id: number } ? Omit<R, 'id'> : never) : never;

function adviceOutOfMemory(options: LoadOptions): string {
  return `not enough memory for this model with batch ${options.batch}, contextSize ${options.contextSize ?? 'auto'} and gpuLayers ${options.gpuLayers}: lower batch or contextSize, put fewer layers on the GPU (gpuLayers), or take a smaller quantization (Q4_K_M, say)`;
}

/**
 * Threads for Node's own pool, from which llama.cpp is called: what the compute threads leave of the cores. llama.cpp starts its further
 * threads anew at every step and all of them spin at barriers: where a pool of the usual four wanders over the same cores, two of them land on
 * one core and wait for each other a time slice long (measured on two cores with two threads: 230 tokens/s instead of 2,000).
 */
const poolThreads = ({ threads }: LoadOptions) =>
  Math.max(1, availableParallelism() - (threads ?? availableParallelism()));

/** The model in a process of its own. Throws ConfigError where it cannot be loaded. */
export async function startModelProcess(options: LoadOptions, label: string) {
  let child: ChildProcess;
  let restarts = 0;
  let closed = false;
  let nextId = 0;
  /** What a process left is removed when it ends. */
  let removed: Promise<void> | undefined;
  const pending = new Map<number, Pending>();

  async function start(): Promise<ModelInfo> {
    const states = options.prefixCache && !options.invariant ? await createStateFolder() : null;
    const env = { UV_THREADPOOL_SIZE: String(poolThreads(options)), ...process.env };
    const started = fork(entry, [], { env, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let stderr = '';
    started.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-stderrTailChars);
    });
    const { promise: ready, resolve, reject } = Promise.withResolvers<ModelInfo>();
    started.on('message', (answer: ModelAnswer) => {
      if (answer.type === 'ready') resolve(answer.info);
      else if (answer.type === 'load-failed') {
        reject(
          new ConfigError(
            `model ${label}: ${answer.outOfMemory ? `${adviceOutOfMemory(options)} (${answer.reason})` : `cannot be loaded: ${answer.reason}`}`,
          ),
        );
      } else settle(answer);
    });
    started.on('exit', (code, signal) => {
      const reason = signal === null ? `exit code ${code}` : signal;
      const said = stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
      reject(
        new ConfigError(
          `model ${label}: the model process ended while it loaded (${reason}): the file is damaged or of a kind that this version of llama.cpp cannot read${said === '' ? '' : `; it said: ${said}`}`,
        ),
      );
      if (started === child) failAll(`the model process ended (${reason})`);
      if (states !== null) removed = rm(states.path, { recursive: true, force: true });
    });
    child = started;
    started.send({ type: 'load', options, states } satisfies ModelRequest);
    try {
      return await ready;
    } catch (error) {
      started.kill('SIGKILL');
      throw error;
    }
  }

  function settle(answer: Extract<ModelAnswer, { id: number }>): void {
    const waiting = pending.get(answer.id);
    if (answer.type === 'text') {
      waiting?.onText?.(answer.piece, answer.tokens);
      return;
    }
    pending.delete(answer.id);
    if (answer.type === 'done') {
      restarts = 0;
      waiting?.resolve(answer.result as never);
    } else waiting?.reject(new EngineError(answer.kind, answer.message));
  }

  function failAll(message: string): void {
    for (const { reject } of pending.values()) reject(new EngineError('crashed', message, { retryable: true }));
    pending.clear();
  }

  let info = await start();
  let starting: Promise<ModelInfo> | undefined;

  /** A process that died is started again, a few times: one bad prompt must not end a run, a bad model must. */
  async function alive(): Promise<void> {
    if (closed) throw new EngineError('cancelled', 'the engine was closed');
    if (starting === undefined && (child.exitCode !== null || child.signalCode !== null)) {
      if (restarts >= maxRestarts)
        throw new ConfigError(
          `model ${label}: the model process crashed ${restarts + 1} times; try gpu: false, a smaller batch, or another model file`,
        );
      restarts++;
      starting = start().finally(() => {
        starting = undefined;
      });
    }
    if (starting !== undefined) info = await starting;
  }

  return {
    info: () => info,
    /** Sends one request; rejects with EngineError. `onText`: told the text of a request that streams. */
    async request<Result>(
      message: Unnumbered,
      signal?: AbortSignal,
      onText?: GenerateRequest['onText'],
    ): Promise<Result> {
      await alive();
      if (signal?.aborted) throw new EngineError('cancelled', 'cancelled by the caller');
      const id = nextId++;
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      pending.set(id, { resolve: resolve as Pending['resolve'], reject, onText });
      const cancel = () => child.connected && child.send({ type: 'cancel', id } satisfies ModelRequest);
      signal?.addEventListener('abort', cancel, { once: true });
      child.send({ ...message, id } as ModelRequest, (error) => {
        if (error === null) return;
        pending.delete(id);
        reject(new EngineError('crashed', 'the model process is gone', { retryable: true }));
      });
      try {
        return await promise;
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    },
    release(session: string): void {
      // Only advice: a process that is gone needs none.
      if (child.connected) child.send({ type: 'release', session } satisfies ModelRequest, () => {});
    },
    /** Asks the process to end, then ends it. Idempotent. */
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      failAll('the engine was closed');
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        if (child.connected) child.send({ type: 'close' } satisfies ModelRequest);
        const timer = setTimeout(() => child.kill('SIGKILL'), closeGraceMs);
        await ended;
        clearTimeout(timer);
      }
      await removed;
    },
  };
}
