import { expect, it } from 'vitest';
import { pauseTurns, takeTurn } from './rate-limit.ts';

const startTimes = (key: string, count: number, perSecond: number) =>
  Promise.all(Array.from({ length: count }, () => takeTurn(key, perSecond).then(() => performance.now())));

it('turns of one key are apart, those of another are free', async () => {
  const startMs = performance.now();
  const [times, [other]] = await Promise.all([startTimes('a', 4, 20), startTimes('b', 1, 20)]);
  expect((other ?? 0) - startMs).toBeLessThan(45);
  for (const [i, time] of times.entries()) expect(time - startMs).toBeGreaterThanOrEqual(i * 50 - 1);
});

it('a pause holds for those who wait already, and they do not start all at once after it', async () => {
  const startMs = performance.now();
  const waiting = startTimes('c', 4, 20);
  pauseTurns('c', 200);
  const times = (await waiting).map((time) => time - startMs).sort((a, b) => a - b);
  // The first had its turn before the pause.
  for (const [i, time] of times.slice(1).entries()) expect(time).toBeGreaterThanOrEqual(200 + i * 50 - 1);
});

it('who gives up waiting gets the reason', async () => {
  await takeTurn('d', 0.1);
  await expect(takeTurn('d', 0.1, AbortSignal.timeout(20))).rejects.toThrow(/abort/);
});
