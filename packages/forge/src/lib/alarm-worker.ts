// The thread of `precise-sleep.ts`. It waits in the kernel, to some 0.1 ms; a timer of Node knows whole ms only.
import { workerData } from 'node:worker_threads';

const [deadline, flags] = [new Float64Array(workerData, 0, 1), new Int32Array(workerData, 8, 3)];
const [asked, rung, never] = [0, 1, 2];

// Ended from outside: `Worker.terminate` ends a wait too.
for (;;) {
  Atomics.wait(flags, asked, 0);
  Atomics.store(flags, asked, 0);
  const ms = (deadline[0] as number) - (performance.timeOrigin + performance.now());
  if (ms > 0) Atomics.wait(flags, never, 0, ms);
  Atomics.store(flags, rung, 1);
  Atomics.notify(flags, rung);
}
