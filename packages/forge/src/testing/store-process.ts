import { writeSync } from 'node:fs';
import { openStore } from '../stores/index.ts';
import { embedded } from './database-template.ts';
import { exampleResult } from './example-results.ts';

/**
 * A process of its own that uses a store, for tests of locks and kills: `store-process.ts <folder> <what>`.
 * It prints a line for each thing that is done, straight into the pipe, so that a kill loses none.
 */
const [folder = '', what = '', ...rest] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const store = await openStore(embedded(folder));
say('open');

if (what === 'hold') {
  setInterval(() => {}, 1000);
} else if (what === 'exit') {
  process.exit(0);
} else if (what === 'write') {
  const [runId = '', first = '0'] = rest;
  // Batches of all sizes; each overlaps the one before, as after a resume.
  for (let start = Number(first), size = 1; ; start += size, size = (size * 3) % 200) {
    const indices = Array.from({ length: size + 1 }, (_, i) => Math.max(0, start - 1 + i));
    await store.addResults(
      runId,
      indices.map((index) => exampleResult(index)),
    );
    say(`stored ${indices.join(' ')}`);
  }
}
// 'idle': an open store alone does not keep the process alive.
