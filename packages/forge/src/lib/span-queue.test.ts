import { describe, expect, it, vi } from 'vitest';
import { createSpanQueue } from './span-queue.ts';

const spans = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('a queue of spans', () => {
  it('sends everything in order, in batches, one request at a time', async () => {
    const sent: number[][] = [];
    let underWay = 0;
    const queue = createSpanQueue<number>({
      async send(batch) {
        expect(++underWay).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 1));
        sent.push([...batch]);
        underWay--;
      },
      lost: (reason) => expect.fail(reason),
    });
    for (const one of spans(2000)) queue.add([one]);
    await queue.close(10_000);
    expect(sent.flat()).toEqual(spans(2000));
    expect(Math.max(...sent.map((batch) => batch.length))).toBe(512);
  });

  it('sends by itself after a while, also where there was nothing to send before', async () => {
    vi.useFakeTimers();
    try {
      const sent: number[] = [];
      const queue = createSpanQueue<number>({
        send: async (batch) => void sent.push(...batch),
        lost: (reason) => expect.fail(reason),
      });
      await vi.advanceTimersByTimeAsync(12_000);
      queue.add(spans(3));
      await vi.advanceTimersByTimeAsync(6000);
      expect(sent).toEqual([0, 1, 2]);
      await queue.close(1000);
    } finally {
      vi.useRealTimers();
    }
  });

  it('drops what a receiver cannot take, and says how much', async () => {
    let lost = 0;
    const release = Promise.withResolvers<void>();
    const sent: number[] = [];
    const queue = createSpanQueue<number>({
      async send(batch) {
        await release.promise;
        sent.push(...batch);
      },
      lost: (_, dropped) => {
        lost += dropped;
      },
    });
    for (const from of spans(50)) queue.add(spans(1000).map((i) => 1000 * from + i));
    release.resolve();
    await queue.close(10_000);
    expect(sent.length).toBeLessThanOrEqual(21_000);
    expect(sent.length).toBeGreaterThan(19_000);
    expect(sent.length + lost).toBe(50_000);
  });

  it('does not wait for a receiver that hangs, and goes on after one that refuses', async () => {
    const reasons: string[] = [];
    const lost = (reason: string, dropped: number) => void reasons.push(`${reason}: ${dropped}`);
    const hanging = createSpanQueue<number>({ send: () => new Promise(() => {}), lost });
    hanging.add(spans(600));
    await hanging.close(20);
    expect(reasons).toEqual(['the receiver is too slow: 600']);
    let calls = 0;
    const refusing = createSpanQueue<number>({
      send: () => (calls++ === 0 ? Promise.reject(new Error('no')) : Promise.resolve()),
      lost,
    });
    refusing.add(spans(600));
    await refusing.close(1000);
    expect([calls, reasons.at(-1)]).toEqual([2, 'no: 512']);
  });
});
