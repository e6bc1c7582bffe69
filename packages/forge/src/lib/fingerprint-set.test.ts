import { expect, it } from 'vitest';
import { createFingerprintSet } from './fingerprint-set.ts';

it('takes each of a million texts once', () => {
  const texts = createFingerprintSet();
  let known = 0;
  for (let i = 0; i < 1_000_000; i++) if (!texts.add(`row ${i}`)) known++;
  expect(known).toBe(0);
  for (let i = 0; i < 1_000_000; i += 997) expect(texts.add(`row ${i}`)).toBe(false);
  expect(texts.add('row 1000000')).toBe(true);
});

it('tells apart texts that differ in length, order or one unit', () => {
  const texts = createFingerprintSet();
  const all = ['', '\0', '\0\0', 'ab', 'ba', 'abc', 'acb', 'Ab', '0', '00', '10', '01', '😀', '😁', '\ud83d', '\ude00'];
  expect(all.map((text) => texts.add(text))).toEqual(all.map(() => true));
  expect(all.map((text) => texts.add(text))).toEqual(all.map(() => false));
});
