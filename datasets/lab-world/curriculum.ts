/**
 * Writes the lab model's training text as rows of the training set text-json-lines, in the order in which they are learnt:
 * `node datasets/lab-world/curriculum.ts <file> [tokens] [seed] [mix]`. Each phase of the mix (models/lab/mix.json) gives each stream its
 * share of the tokens. Some 100 megabytes for the whole model, never committed.
 */
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom, type Random } from '../../packages/forge/src/lib/random.ts';
import { openTokenizer } from '../../packages/forge/src/trainers/native/encode-rows.ts';
import { createHeldOutCheck } from './held-out-questions.ts';
import { trainingStreams } from './training-streams.ts';
import type { Segment, Transcript } from './transcript.ts';
import { createWorld } from './world.ts';

const lab = fileURLToPath(new URL('../../models/lab', import.meta.url));
/** Transcripts of a stream that tell its mean length. */
const measured = 400;

interface Phase {
  /** Where it ends, as a share of all tokens. */
  readonly until: number;
  readonly shares: Readonly<Record<string, number>>;
}

/** A direct answer is a token or two against a chain's dozens: it counts twice. */
const weightOf = ({ text, weight }: Segment) => (text.startsWith(' ') ? 2 * weight : weight);

const [file, tokens = '22000000', seed = '1', mixFile = join(lab, 'mix.json')] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: curriculum.ts <file> [tokens] [seed] [mix]');
const wanted = Number(tokens);
const mix = JSON.parse(readFileSync(mixFile, 'utf8')) as readonly Phase[];
const tokenizer = await openTokenizer(lab, 'models/lab');
const world = createWorld();
const isHeldOut = createHeldOutCheck(world);

function lengthOf(transcript: Transcript): number {
  return transcript.reduce((sum, { text }) => sum + tokenizer.encode(text).length, 1);
}

/** Draws a stream's next transcript that asks no held-out question. */
function createSource(name: string, draw: (random: Random) => Transcript) {
  const random = createRandom(`lab-world/training/${name}/${seed}`);
  const next = (): Transcript => {
    for (;;) {
      const transcript = draw(random);
      if (!isHeldOut(transcript)) return transcript;
    }
  };
  const first = Array.from({ length: measured }, next);
  const meanTokens = first.reduce((sum, transcript) => sum + lengthOf(transcript), 0) / measured;
  return { name, meanTokens, next };
}

const sources = new Map(Object.entries(trainingStreams(world)).map(([name, draw]) => [name, createSource(name, draw)]));

/** A stream drawn so that each has its share of the tokens: by share over mean length. */
function drawSource(shares: Readonly<Record<string, number>>, random: Random) {
  const weighted = Object.entries(shares).map(([name, share]) => {
    const source = sources.get(name);
    if (source === undefined)
      throw new Error(`${mixFile}: no stream "${name}". Known: ${[...sources.keys()].join(', ')}`);
    return { source, weight: share / source.meanTokens };
  });
  let left = random.next() * weighted.reduce((sum, { weight }) => sum + weight, 0);
  for (const { source, weight } of weighted) {
    left -= weight;
    if (left < 0) return source;
  }
  return (weighted[0] as (typeof weighted)[0]).source;
}

mkdirSync(dirname(file), { recursive: true });
const output = createWriteStream(file);
await once(output, 'open');
const random = createRandom(`lab-world/curriculum/${seed}`);
const counts = new Map<string, number>();
let rows = 0;
for (let done = 0; done < wanted; rows++) {
  const phase = mix.find(({ until }) => done / wanted < until) ?? mix[mix.length - 1];
  const source = drawSource(phase?.shares ?? {}, random);
  const segments = source.next().map((segment) => ({
    text: segment.text,
    weight: weightOf(segment),
    ...(segment.stop === true ? { stop: true } : {}),
  }));
  const line = JSON.stringify({ id: `${source.name}-${rows}`, segments });
  if (!output.write(`${line}\n`)) await once(output, 'drain');
  done += source.meanTokens;
  counts.set(source.name, (counts.get(source.name) ?? 0) + 1);
}
output.end();
await once(output, 'finish');
for (const [name, count] of counts) console.log(`${name}: ${count} transcripts`);
console.log(`written: ${file}, ${rows} rows, about ${wanted} tokens`);
