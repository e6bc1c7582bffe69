import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { createRandom, type Random } from '../lib/random.ts';
import type { Chunk, PassageIndex } from '../passage-index.ts';

export const dimension = 16;

/** A vector of unit length in a random direction. */
export function randomVector(random: Random, size = dimension): Float32Array {
  const values = Float32Array.from({ length: size }, () => 2 * random.next() - 1);
  const norm = Math.hypot(...values);
  return values.map((value) => value / norm);
}

export const cosineOf = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

export const chunkOf = (i: number, text: string, over: Partial<Chunk> = {}): Chunk => ({
  id: contentHash([i, text, over]),
  documentId: `d${i}`,
  title: `Title ${i}`,
  url: `https://example.org/${i}`,
  position: i,
  text,
  ...over,
});

const random = createRandom('index-contract');
const withVectors = (chunks: readonly Chunk[]) => chunks.map((chunk) => ({ ...chunk, vector: randomVector(random) }));
const many = (count: number, text = 'Text') =>
  withVectors(Array.from({ length: count }, (_, i) => chunkOf(i, `${text} ${i}`)));

const hardTexts = [
  `It's "quoted" and 'quoted'; drop table chunks; --`,
  '日本語の文章 and naïve café 🎉',
  '<script>alert(1)</script> & \\ backslash \t tab',
  "' or '1' = '1",
];
const oddQueries = {
  nothing: '',
  spaces: '  ',
  'a quote': '"',
  'an open phrase': '"zebra',
  'an apostrophe': "zebra's",
  brackets: '((',
  'an operator': 'AND',
  operators: 'zebra AND NOT (zebra OR',
  'a field, a boost and fuzziness': 'x:y^2~',
  'a wildcard': '*',
  'an emoji': '🎉',
  'half an emoji': '\ud83c',
  'a null character': '\u0000',
  SQL: "'; drop table chunks; --",
  '10 kB of one word': 'zebra '.repeat(1700),
  '10 kB of one token': 'z'.repeat(10_000),
  '10 kB of many words': Array.from({ length: 1700 }, (_, i) => `w${i}`).join(' '),
};

/** What every index must do. `open` opens the index of a corpus; the same name is the same index. */
export function indexContract(open: (corpus: string, size?: number) => Promise<PassageIndex>): void {
  const opened: PassageIndex[] = [];
  let made = 0;
  async function use(corpus: string, size?: number): Promise<PassageIndex> {
    const index = await open(corpus, size);
    opened.push(index);
    return index;
  }
  const fresh = () => `contract-${process.pid}-${Date.now()}-${made++}`;
  async function filled(chunks: readonly (Chunk & { vector: Float32Array })[], corpus = fresh()) {
    const index = await use(corpus);
    await index.add(chunks);
    await index.finish();
    return index;
  }
  const documents = async (index: PassageIndex, query: string, limit = 5) =>
    (await index.searchText(query, limit)).map(({ documentId }) => documentId);
  afterEach(async () => {
    for (const index of opened.splice(0)) await index.close();
  });

  describe('content', () => {
    it('is nothing at first, and nothing is found then', async () => {
      const index = await use(fresh());
      expect(index.dimension).toBe(dimension);
      for (let pass = 0; pass < 2; pass++) {
        expect(await index.count()).toBe(0);
        expect(await index.chunkIds()).toEqual(new Set());
        expect(await index.searchVector(randomVector(random), 5)).toEqual([]);
        expect(await index.searchText('anything', 5)).toEqual([]);
        await index.add([]);
        await index.remove([]);
        await index.finish();
      }
    });

    it('comes back as it was put in, whatever the text, also when opened again', async () => {
      const corpus = fresh();
      const chunks = withVectors(
        hardTexts.map((text, i) => chunkOf(i, text, { id: text, title: text, documentId: text, url: text })),
      );
      const index = await filled([...chunks, ...withVectors([chunkOf(9, '', { title: '', url: '' })])], corpus);
      for (const one of [index, await use(corpus)]) {
        for (const { vector, ...chunk } of chunks) {
          const [found] = await one.searchVector(vector, 1);
          expect(found).toEqual({ ...chunk, score: expect.closeTo(1, 5) });
        }
        expect(await documents(one, 'backslash')).toEqual([hardTexts[2]]);
        expect(await documents(one, '日本語の文章')).toEqual([hardTexts[1]]);
        expect(await documents(one, 'CAFÉ')).toEqual([hardTexts[1]]);
        expect(await one.count()).toBe(5);
        expect([...(await one.chunkIds())]).toEqual(expect.arrayContaining(chunks.map(({ id }) => id)));
      }
    });

    it('holds a chunk once, however often it is added', async () => {
      const chunks = many(10);
      const index = await filled([...chunks.slice(0, 5), ...chunks.slice(0, 2)]);
      expect(await index.count()).toBe(5);
      await index.add(chunks.slice(0, 5));
      await Promise.all([index.add(chunks), index.add(chunks), index.add(chunks.slice(7))]);
      await index.finish();
      expect(await index.count()).toBe(10);
      expect(await index.chunkIds()).toEqual(new Set(chunks.map(({ id }) => id)));
      expect(await index.searchText('Text', 50)).toHaveLength(10);
      expect(await index.searchVector(randomVector(random), 50)).toHaveLength(10);
    });

    it('forgets what is removed, and takes more', async () => {
      const chunks = withVectors(Array.from({ length: 12 }, (_, i) => chunkOf(i, `Word${i} here`)));
      const odd = withVectors(hardTexts.map((text, i) => chunkOf(50 + i, 'Odd.', { id: text })));
      const index = await filled([...chunks, ...odd]);
      await index.remove([...chunks.slice(0, 4), ...odd].map(({ id }) => id));
      await index.remove(['0'.repeat(64), "' or 1 = 1 --", '']);
      await index.add(withVectors([chunkOf(99, 'Latecomer')]));
      await index.finish();
      expect(await index.count()).toBe(9);
      expect(await documents(index, 'Word1')).toEqual([]);
      expect(await documents(index, 'latecomer')).toEqual(['d99']);
      const gone = chunks[0]?.vector as Float32Array;
      expect((await index.searchVector(gone, 20)).map(({ documentId }) => documentId)).not.toContain('d0');
      await index.add(chunks.slice(0, 1));
      await index.finish();
      expect((await index.searchVector(gone, 1)).map(({ documentId }) => documentId)).toEqual(['d0']);
      expect(await documents(index, 'word0')).toEqual(['d0']);
    });

    it('is found before the index is finished', async () => {
      const index = await use(fresh());
      const chunks = many(3);
      await index.add(chunks);
      expect(await documents(index, 'text')).toHaveLength(3);
      expect(await index.searchVector(chunks[0]?.vector as Float32Array, 1)).toMatchObject([{ documentId: 'd0' }]);
    });

    it('stays as it was where another dimension is refused', async () => {
      const corpus = fresh();
      const chunks = many(3, 'Stays');
      const index = await filled(chunks, corpus);
      const refused = use(corpus, 8);
      await expect(refused).rejects.toThrow(ConfigError);
      await expect(refused).rejects.toThrow(
        /holds vectors of 16 numbers, the embedder makes 8; name another corpus, or delete the \w+ to make it anew$/,
      );
      for (const one of [index, await use(corpus)]) {
        expect(await one.count()).toBe(3);
        expect(await documents(one, 'stays')).toHaveLength(3);
        expect(await one.searchVector(chunks[1]?.vector as Float32Array, 1)).toMatchObject([{ documentId: 'd1' }]);
      }
    });
  });

  describe('search by vector', () => {
    it('orders by the exact cosine', async () => {
      const chunks = many(700);
      const index = await filled(chunks);
      for (let i = 0; i < 5; i++) {
        const query = randomVector(random);
        const expected = chunks
          .map(({ id, vector }) => ({ id, cosine: cosineOf(vector, query) }))
          .sort((a, b) => b.cosine - a.cosine)
          .slice(0, 20);
        const found = await index.searchVector(query, 20);
        expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        for (const [k, { score }] of found.entries()) expect(score).toBeCloseTo(expected[k]?.cosine as number, 5);
      }
    });

    it('gives all where more are asked for, those of negative cosine too', async () => {
      const chunks = many(40);
      const index = await filled(chunks);
      const query = Float32Array.from(chunks[0]?.vector ?? [], (value) => -value);
      const found = await index.searchVector(query, 1000);
      expect(found).toHaveLength(40);
      expect(found.at(-1)).toMatchObject({ documentId: 'd0', score: expect.closeTo(-1, 5) });
      expect(await index.searchText('text', 1000)).toHaveLength(40);
    });
  });

  describe('search by text', () => {
    const filler = 'the house stands by the river and the river runs to the sea';
    const texts = () => [
      ...many(30, filler),
      ...withVectors([
        chunkOf(100, `${filler} zebra`),
        chunkOf(101, 'zebra'),
        chunkOf(102, `${filler} ${filler} ${filler} zebra`),
        chunkOf(103, `${filler} zebra zebra zebra`),
        chunkOf(104, 'Nothing of that.', { title: 'Walrus' }),
      ]),
    ];

    it('puts rare words above common ones, short texts above long ones, often above once', async () => {
      const index = await filled(texts());
      expect((await documents(index, 'river zebra')).slice(0, 4).sort()).toEqual(['d100', 'd101', 'd102', 'd103']);
      const zebras = await documents(index, 'zebra');
      expect(zebras).toHaveLength(4);
      expect(zebras.at(-1)).toBe('d102');
      expect(zebras.indexOf('d101')).toBeLessThan(zebras.indexOf('d100'));
      expect(zebras.indexOf('d103')).toBeLessThan(zebras.indexOf('d100'));
      const scores = (await index.searchText('zebra river', 40)).map(({ score }) => score);
      expect(scores).toHaveLength(34);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(Math.min(...scores)).toBeGreaterThan(0);
      expect(await index.searchText('river', 7)).toHaveLength(7);
    });

    it('searches titles too, whatever the case; without a match it finds nothing', async () => {
      const index = await filled(texts());
      expect(await documents(index, 'walrus')).toEqual(['d104']);
      expect(await documents(index, 'ZEBRA')).toHaveLength(4);
      expect(await documents(index, 'unheard')).toEqual([]);
      expect(await documents(index, 'unheard walrus')).toEqual(['d104']);
    });

    it('takes any query as words', async () => {
      const index = await filled(withVectors([chunkOf(1, 'A zebra.')]));
      const empty = await use(fresh());
      for (const [name, query] of Object.entries(oddQueries)) {
        const found = await documents(index, query);
        expect(found, name).toEqual(/\bzebra\b/.test(query) ? ['d1'] : []);
        expect(await documents(empty, query), name).toEqual([]);
      }
    });
  });
}
