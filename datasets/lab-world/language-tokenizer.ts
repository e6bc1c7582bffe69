import { readFileSync } from 'node:fs';
import { createRandom } from '../../packages/forge/src/lib/random.ts';
import { CITY_ENDS, CITY_STARTS } from './names.ts';
import { trainingStreams } from './training-streams.ts';
import type { World } from './world.ts';

/** Transcripts of each stream that are read: enough for every word to occur. */
const transcriptsPerStream = 2000;
const special = ['<|begin|>', '<|end|>'];
/** How GPT-2 cuts a text before it merges: words and numbers with the blank before them. */
const words = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** The visible character that stands for each byte (Radford et al. 2019): itself where it is visible, else one from 256 on. */
function byteCharacters(): string[] {
  const visible = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(visible(byte) ? byte : next++));
}

/** The streams of the first training: a token's id is fixed before the finishing texts, whose streams bring no new word. */
function firstStreams(world: World) {
  const mix = readFileSync(new URL('../../models/lab/mix.json', import.meta.url), 'utf8');
  const names = new Set(JSON.parse(mix).flatMap(({ shares }: { shares: object }) => Object.keys(shares)));
  return Object.entries(trainingStreams(world)).filter(([name]) => names.has(name));
}

/** Every word of the training text, by how often it occurs. Of a number what a token holds at most: two digits after a blank, else one. */
function countWords(world: World): Map<string, number> {
  const cities = new RegExp(`( ?(?:${CITY_STARTS.join('|')}))(${CITY_ENDS.join('|')})\\b`, 'g');
  const counts = new Map<string, number>();
  for (const [name, draw] of firstStreams(world)) {
    const random = createRandom(`lab-world/tokenizer/${name}`);
    for (let i = 0; i < transcriptsPerStream; i++) {
      // A held-out city is made of the two parts that other cities trained.
      const text = draw(random)
        .map((segment) => segment.text)
        .join('')
        .replaceAll(cities, '$1\n$2\n');
      for (const [word] of text.matchAll(words)) {
        const counted = word.replace(/( \p{N}{1,2}|\p{N}).*/u, '$1');
        if (!counted.includes('\n')) counts.set(counted, (counts.get(counted) ?? 0) + 1);
      }
    }
  }
  return counts;
}

/** Byte-pair encoding (Sennrich et al. 2016): the most frequent pair becomes one symbol, until every word is one. */
function learnMerges(counts: ReadonlyMap<string, number>, characters: readonly string[]): [string, string][] {
  const pieces = [...counts].map(([word, count]) => ({
    symbols: [...new TextEncoder().encode(word)].map((byte) => characters[byte] as string),
    count,
  }));
  const merges: [string, string][] = [];
  for (;;) {
    const pairs = new Map<string, number>();
    for (const { symbols, count } of pieces)
      for (let i = 1; i < symbols.length; i++) {
        const pair = `${symbols[i - 1]} ${symbols[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + count);
      }
    if (pairs.size === 0) return merges;
    const [best] = [...pairs].reduce((a, b) => (b[1] > a[1] ? b : a));
    const [left, right] = best.split(' ') as [string, string];
    merges.push([left, right]);
    for (const { symbols } of pieces)
      for (let i = 1; i < symbols.length; i++)
        if (symbols[i - 1] === left && symbols[i] === right) symbols.splice(i - 1, 2, left + right);
  }
}

/**
 * tokenizer.json of the lab language model, as Hugging Face tokenizers, transformers.js and (under the name gpt-2) llama.cpp read it: byte-level
 * BPE in which every word of the world is a token with the blank before it, and so is every number up to 99, which is then looked up as a word
 * is (docs/lab-log.md). Further digits, and those of a number without a blank, are tokens of their own.
 */
export function languageTokenizer(world: World) {
  const characters = byteCharacters();
  const merges = learnMerges(countWords(world), characters);
  const tokens = [...special, ...[...characters].sort(), ...new Set(merges.map((pair) => pair.join('')))];
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: { ...byteLevel, add_prefix_space: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}
