import type { ToolProcess } from './process.ts';

/** Processes of one tool file. Each is kept after a call, and started anew where it has ended. */
export function createProcessPool(first: ToolProcess, size: number, start: () => Promise<ToolProcess>) {
  // The last one used is taken first: more than one is started only while more than one is busy.
  const free: (ToolProcess | undefined)[] = [...Array<undefined>(size - 1).fill(undefined), first];
  const queue: ((process: ToolProcess | undefined) => void)[] = [];
  const all = new Set([first]);
  let closed = false;

  async function take(): Promise<ToolProcess | undefined> {
    if (free.length > 0) return free.pop();
    const { promise, resolve } = Promise.withResolvers<ToolProcess | undefined>();
    queue.push(resolve);
    return promise;
  }

  function giveBack(process: ToolProcess | undefined): void {
    const next = queue.shift();
    if (next === undefined) free.push(process);
    else next(process);
  }

  async function living(process: ToolProcess | undefined): Promise<ToolProcess> {
    if (closed) throw new Error('the tool was closed');
    if (process?.alive()) return process;
    if (process !== undefined) all.delete(process);
    const started = await start();
    all.add(started);
    if (closed) await started.end();
    return started;
  }

  return {
    /** Waits for a free process. Throws the caller's abort, and what `start` throws. */
    async use<T>(signal: AbortSignal, work: (process: ToolProcess) => Promise<T>): Promise<T> {
      let process = await take();
      try {
        signal.throwIfAborted();
        process = await living(process);
        signal.throwIfAborted();
        return await work(process);
      } finally {
        giveBack(process);
      }
    },
    async close(): Promise<void> {
      closed = true;
      await Promise.all([...all].map((process) => process.end()));
    },
  };
}
