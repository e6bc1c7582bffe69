import { describe, expect, it } from 'vitest';
import { usedSpans } from './used-spans.ts';

const used = (passage: string, ...texts: string[]) =>
  usedSpans(passage, texts)
    .filter((span) => span.used)
    .map((span) => span.text);

describe('usedSpans', () => {
  const passage = 'The job of Mira Tolan is baker. The city of Mira Tolan is Dunhurst.';

  it('marks a short answer where it stands whole', () => {
    expect(used(passage, 'Dunhurst')).toEqual(['Dunhurst']);
    expect(used(passage, 'mira tolan')).toEqual(['Mira Tolan', 'Mira Tolan']);
    expect(used(passage, 'Mira Kirk')).toEqual([]);
  });

  it('marks what a longer text says in the same words', () => {
    expect(used(passage, 'I think the city of Mira Tolan is Pelport.')).toEqual([
      'The job of Mira Tolan is baker. The city of Mira Tolan is'.slice(8, 24),
      'The city of Mira Tolan is',
    ]);
  });

  it('loses no character', () => {
    for (const texts of [[], ['baker'], ['the city of Mira Tolan is Dunhurst', 'job']]) {
      expect(
        usedSpans(passage, texts)
          .map(({ text }) => text)
          .join(''),
      ).toBe(passage);
    }
    expect(usedSpans('', ['a'])).toEqual([]);
  });
});
