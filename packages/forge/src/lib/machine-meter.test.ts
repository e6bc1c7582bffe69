import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:os';
import { expect, test } from 'vitest';
import { startMeter } from './machine-meter.ts';

const megabytes = (count: number) => count * 2 ** 20;

/** A process that holds so much memory, and says when it does. */
async function holder(size: number) {
  const child = spawn(process.execPath, [
    '-e',
    `globalThis.held = Buffer.alloc(${size}, 1); console.log('held'); setInterval(() => {}, 1000)`,
  ]);
  await once(child.stdout, 'data');
  return child;
}

test.skipIf(platform() !== 'linux')(
  'a process started under the meter counts with its peak, one from before does not',
  async () => {
    const earlier = await holder(megabytes(200));
    const meter = await startMeter(() => performance.now());
    const child = await holder(megabytes(150));
    await new Promise((resolve) => setTimeout(resolve, 600));
    child.kill();
    await once(child, 'exit');
    const { peakMemoryBytes, notes } = await meter.stop();
    earlier.kill();
    expect(peakMemoryBytes).toBeGreaterThan(megabytes(150));
    expect(peakMemoryBytes).toBeLessThan(megabytes(340));
    expect(notes.join()).toMatch(/energy/);
  },
);
