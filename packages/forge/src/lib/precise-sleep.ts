import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface PreciseSleep {
  /** Resolves after `ms`, never before; 0 or less lets other work of this thread go first. One at a time. */
  sleep(ms: number): Promise<void>;
  /** A sleep under way never ends then. */
  close(): Promise<void>;
}

/** Shorter than the alarm itself takes. */
const shortestAlarmMs = 0.05;

/**
 * Sleeps to some 0.1 ms with next to no CPU time: a thread waits on a futex and wakes this one. `setTimeout` is late by 1 ms, and turning in
 * `setImmediate` for the last of them took 31 to 68 % of a core at 200 sleeps a second and more, this 2 to 20 % (`npm run bench:load` shows both).
 */
export async function createPreciseSleep(): Promise<PreciseSleep> {
  const memory = new SharedArrayBuffer(24);
  const [deadline, flags] = [new Float64Array(memory, 0, 1), new Int32Array(memory, 8, 3)];
  const [asked, rung] = [0, 1];
  const worker = new Worker(new URL('./alarm-worker.ts', import.meta.url), { workerData: memory });
  await once(worker, 'online');

  async function alarm(endMs: number): Promise<void> {
    Atomics.store(flags, rung, 0);
    deadline[0] = performance.timeOrigin + endMs;
    Atomics.store(flags, asked, 1);
    Atomics.notify(flags, asked);
    await Atomics.waitAsync(flags, rung, 0).value;
  }

  return {
    async sleep(ms) {
      const endMs = performance.now() + ms;
      if (ms >= shortestAlarmMs) await alarm(endMs);
      do await new Promise(setImmediate);
      while (performance.now() < endMs);
    },
    close: async () => void (await worker.terminate()),
  };
}
