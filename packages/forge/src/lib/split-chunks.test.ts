import { describe, expect, it } from 'vitest';
import { splitChunks } from './split-chunks.ts';

/** Words are tokens. */
const count = async (texts: readonly string[]) => texts.map((text) => text.trim().split(/\s+/).length);
const characters = async (texts: readonly string[]) => texts.map((text) => text.length);
const sentence = (i: number) => `Sentence ${i} has five words.`;
const text = Array.from({ length: 8 }, (_, i) => sentence(i)).join(' ');

describe('splitChunks', () => {
  it('ends chunks at sentences', async () => {
    expect(await splitChunks(text, { tokens: 12, overlap: 0 }, count)).toEqual(
      [0, 2, 4, 6].map((i) => `${sentence(i)} ${sentence(i + 1)}`),
    );
  });

  it('begins with the end of the chunk before', async () => {
    const chunks = await splitChunks(text, { tokens: 15, overlap: 5 }, count);
    expect(chunks[0]).toBe(`${sentence(0)} ${sentence(1)} ${sentence(2)}`);
    expect(chunks[1]).toBe(`${sentence(2)} ${sentence(3)} ${sentence(4)}`);
    expect(chunks.at(-1)?.endsWith(sentence(7))).toBe(true);
  });

  it('splits what has no sentences, and loses nothing', async () => {
    const long = Array.from({ length: 100 }, (_, i) => `word${i}`).join(' ');
    const chunks = await splitChunks(long, { tokens: 16, overlap: 0 }, count);
    expect(Math.max(...(await count(chunks)))).toBeLessThanOrEqual(16);
    expect(chunks.join(' ').split(/\s+/)).toEqual(long.split(' '));
  });

  it('makes nothing of nothing', async () => {
    expect(await splitChunks(' \n ', { tokens: 16, overlap: 4 }, count)).toEqual([]);
  });

  it('finds the same sentences in a long text as in a short one', async () => {
    const long = Array.from({ length: 2000 }, (_, i) => sentence(i));
    expect(await splitChunks(long.join(' '), { tokens: 5, overlap: 0 }, count)).toEqual(long);
  });

  it('cuts between characters, and bounds what a tokenizer takes for one word', async () => {
    const emoji = '😀'.repeat(5001);
    const cut = await splitChunks(`a${emoji}`, { tokens: 9, overlap: 0 }, characters);
    expect(cut.join('')).toBe(`a${emoji}`);
    expect(cut.every((chunk) => chunk.isWellFormed() && chunk.length <= 9)).toBe(true);
    const word = await splitChunks('x'.repeat(100_000), { tokens: 256, overlap: 0 }, count);
    expect(Math.max(...word.map((chunk) => chunk.length))).toBeLessThanOrEqual(256 * 32);
    expect(word.join('')).toHaveLength(100_000);
  });

  it.each([
    ['no space', 'x'.repeat(50e6), characters],
    ['no sentence end', 'word '.repeat(10e6), count],
    ['nothing but spaces', ' '.repeat(50e6), count],
  ])('cuts 50 MB with %s in seconds, and lets others work meanwhile', async (_title, long, counter) => {
    let last = performance.now();
    let blocked = 0;
    const timer = setInterval(() => {
      blocked = Math.max(blocked, performance.now() - last);
      last = performance.now();
    }, 5);
    const started = last;
    const chunks = await splitChunks(long, { tokens: 256, overlap: 0 }, counter);
    clearInterval(timer);
    const took = performance.now() - started;
    expect(took).toBeLessThan(20_000);
    // About 50 ms; a slow or busy machine takes longer for all of it.
    expect(Math.max(blocked, performance.now() - last)).toBeLessThan(Math.max(500, took / 4));
    expect(chunks.reduce((sum, chunk) => sum + chunk.trim().length, 0)).toBeLessThanOrEqual(long.length);
    expect(chunks.length > 0).toBe(long.trim() !== '');
  });
});
