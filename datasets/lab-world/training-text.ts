/**
 * Writes the training text, one JSONL file per stream, a transcript per line as `[[text, weight, stop], ...]`:
 * `node datasets/lab-world/training-text.ts <folder> [transcripts per stream] [seed]`. Tens of megabytes, never committed.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../packages/forge/src/lib/random.ts';
import { createHeldOutCheck } from './held-out-questions.ts';
import { CITY_ENDS, CITY_STARTS } from './names.ts';
import { trainingStreams } from './training-streams.ts';
import { createWorld } from './world.ts';

/** Relative sizes: streams whose text has more variety, or that weigh more in the mix, get more transcripts. */
const SIZES: Record<string, number> = {
  'arithmetic-cot': 4,
  'arithmetic-naive': 2,
  'known-text': 0.3,
  'known-question': 0.6,
  'reading-3': 1.5,
};

const [folder, count = '20000', seed = '1'] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: training-text.ts <folder> [transcripts per stream] [seed]');
const world = createWorld();
const isHeldOut = createHeldOutCheck(world);
mkdirSync(folder, { recursive: true });
// The tokenizer's training keeps the two parts of a city apart, so that a held-out city is made of tokens that other cities trained.
writeFileSync(join(folder, 'city-parts.json'), JSON.stringify([CITY_STARTS, CITY_ENDS]));
for (const [name, draw] of Object.entries(trainingStreams(world))) {
  const random = createRandom(`lab-world/training/${name}/${seed}`);
  const file = openSync(join(folder, `${name}.jsonl`), 'w');
  const wanted = Math.round(Number(count) * (SIZES[name] ?? 1));
  let left = 0;
  for (let written = 0; written < wanted; ) {
    const transcript = draw(random);
    if (isHeldOut(transcript)) {
      left++;
      continue;
    }
    writeSync(
      file,
      `${JSON.stringify(transcript.map((segment) => [segment.text, segment.weight, segment.stop ? 1 : 0]))}\n`,
    );
    written++;
  }
  closeSync(file);
  process.stdout.write(`${name}: ${wanted} transcripts, ${left} left out because they hold a test question\n`);
}
