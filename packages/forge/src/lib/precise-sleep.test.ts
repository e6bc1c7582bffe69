import { expect, it } from 'vitest';
import { createPreciseSleep } from './precise-sleep.ts';

it('never wakes early, and within a ms where the machine lets it', async () => {
  const clock = await createPreciseSleep();
  const late: number[] = [];
  for (let i = 0; i < 100; i++) {
    const ms = (i % 10) * 0.3;
    const startMs = performance.now();
    await clock.sleep(ms);
    late.push(performance.now() - startMs - ms);
  }
  await clock.close();
  late.sort((a, b) => a - b);
  expect(late[0]).toBeGreaterThanOrEqual(0);
  expect(late[20]).toBeLessThan(1);
});

it('0 lets other work go first', async () => {
  const clock = await createPreciseSleep();
  const order: string[] = [];
  setImmediate(() => order.push('other'));
  await clock.sleep(0);
  expect(order).toEqual(['other']);
  await clock.close();
});
