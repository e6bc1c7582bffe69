/** Writes the committed JSONL files beside this one, the same bytes every time: `node datasets/lab-world/generate.ts [folder]`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { committedFiles } from './test-rows.ts';
import { createWorld } from './world.ts';

const folder = process.argv[2] ?? import.meta.dirname;
const { rows, claims, corpus } = committedFiles(createWorld());
mkdirSync(folder, { recursive: true });
for (const [name, lines] of Object.entries({ ...rows, 'faithfulness.test.jsonl': claims, 'corpus.jsonl': corpus })) {
  writeFileSync(join(folder, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  process.stdout.write(`${name}: ${lines.length} rows\n`);
}
