import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createUuidSource } from './uuid-v7.ts';

test('holds the time of RFC 9562, appendix A.6, in the first 48 bits', () => {
  const next = createUuidSource(() => 0x017f22e279b0, randomBytes);
  expect(next()).toMatch(/^017f22e2-79b0-7[0-7][0-9a-f]{2}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('ids ascend within a millisecond, over its end and when the clock steps back', () => {
  const times = [...Array<number>(10_000).fill(1000), 900, 900, 1001, 5000];
  let i = 0;
  const next = createUuidSource(() => times[i++] ?? 5000, randomBytes);
  const ids = times.map(() => next());
  expect(new Set(ids).size).toBe(times.length);
  expect(ids).toEqual(ids.toSorted());
});
