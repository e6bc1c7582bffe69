import { describe, expect, it } from 'vitest';
import { documentVector, fnv1a, queryVector, termsOf } from './sparse-terms.ts';

describe('sparse terms', () => {
  it('hash as the published test vectors of FNV-1a', () => {
    // http://www.isthe.com/chongo/src/fnv/test_fnv.c
    expect(fnv1a('')).toBe(0x811c9dc5);
    expect(fnv1a('a')).toBe(0xe40c292c);
    expect(fnv1a('foobar')).toBe(0xbf9cf968);
    expect(fnv1a('chongo was here!\n')).toBe(0xd49930d5);
  });

  it('are runs of letters and digits, in lower case, of any script', () => {
    expect(termsOf("Mira's 2 CATS, naïve 日本語 x_y")).toEqual(['mira', 's', '2', 'cats', 'naïve', '日本語', 'x', 'y']);
    expect(termsOf('भाषा, हिंदी')).toEqual(['भाषा', 'हिंदी']);
    expect(termsOf('nai\u0308ve')).toEqual(['na\u00efve']);
    expect(termsOf('... ! 🎉 \u0000')).toEqual([]);
    expect(termsOf('')).toEqual([]);
  });

  it('weigh as BM25 without IDF', () => {
    const { indices, values } = documentVector('cat cat dog');
    expect(indices).toEqual([fnv1a('cat'), fnv1a('dog')]);
    // k1 = 1.2, b = 0.75, three terms where 256 are the mean.
    const norm = 1.2 * (0.25 + (0.75 * 3) / 256);
    expect(values[0]).toBeCloseTo((2 * 2.2) / (2 + norm), 12);
    expect(values[1]).toBeCloseTo(2.2 / (1 + norm), 12);
    expect(documentVector('...')).toEqual({ indices: [], values: [] });
  });

  it('weigh 1 in a query, however often they stand there', () => {
    expect(queryVector('cat Cat dog')).toEqual({ indices: [fnv1a('cat'), fnv1a('dog')], values: [1, 1] });
    expect(queryVector('?')).toEqual({ indices: [], values: [] });
  });

  it('of one hash are one dimension', () => {
    expect(fnv1a('costarring')).toBe(fnv1a('liquid'));
    expect(documentVector('costarring liquid')).toEqual(documentVector('liquid liquid'));
    expect(queryVector('costarring liquid')).toEqual({ indices: [fnv1a('liquid')], values: [1] });
  });
});
