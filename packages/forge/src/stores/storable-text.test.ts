import { describe, expect, test } from 'vitest';
import { createRandom } from '../lib/random.ts';
import { decodeJson, decodeText, encodeJson, encodeText } from './storable-text.ts';

/** Texts of the characters that matter, in every order: NUL, half pairs, whole pairs, the mark, backslashes, hex digits. */
function hardText(next: (bound: number) => number): string {
  const pieces = [
    '\0',
    '\ud83d',
    '\ude00',
    '\u{1f600}',
    '\ufffe',
    '\\',
    '\\u0000',
    'u0000',
    '0000',
    'd83d',
    '"',
    '\n',
    'é',
  ];
  return Array.from({ length: next(12) }, () => pieces[next(pieces.length)]).join('');
}

describe('storable text', () => {
  test('ordinary text is stored as it is', () => {
    for (const text of ['', 'plain', 'line\nbreak \t tab', 'é 漢字 \u{1f600}', '\\u0000 in words', '\uffff']) {
      expect(encodeText(text)).toBe(text);
    }
    expect(encodeJson({ a: '\\u0000 \u{1f600}' })).toBe(JSON.stringify({ a: '\\u0000 \u{1f600}' }));
    expect(encodeJson(undefined)).toBe('null');
  });

  test('holds nothing that Postgres refuses, and comes back as it was', () => {
    const random = createRandom('storable text');
    for (let i = 0; i < 5000; i++) {
      const text = hardText((bound) => random.below(bound));
      const stored = encodeText(text);
      expect(stored.isWellFormed() && !stored.includes('\0')).toBe(true);
      expect(decodeText(stored)).toBe(text);
      const value = { [`key ${text}`]: [text, { text }], n: i, none: null };
      const json = encodeJson(value);
      expect(json.isWellFormed()).toBe(true);
      // What jsonb would parse: no \u0000 and no half of a pair in any string.
      expect(JSON.parse(json)[encodeText(`key ${text}`)][0]).toBe(stored);
      expect(decodeJson(json)).toEqual(value);
    }
  });
});
