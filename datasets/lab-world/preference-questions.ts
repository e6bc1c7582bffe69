/**
 * Writes word problems of one to four steps in turn that no committed file has, the same bytes every time: the questions from whose answers
 * `pairs.jsonl` was made. `node datasets/lab-world/preference-questions.ts <file> [count]`
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createRandom } from '../../packages/forge/src/lib/random.ts';
import { drawProblem } from './arithmetic.ts';
import { committedFiles } from './test-rows.ts';
import { createWorld } from './world.ts';

const [file, count = '2000'] = process.argv.slice(2);
if (file === undefined || !(Number(count) >= 1)) throw new Error('usage: preference-questions.ts <file> [count]');

const random = createRandom('lab-world/arithmetic/preference');
const taken = new Set(
  Object.values(committedFiles(createWorld()).rows).flatMap((rows) => rows.map((row) => row.question)),
);
const lines: string[] = [];
while (lines.length < Number(count)) {
  const { question, answer } = drawProblem(1 + (lines.length % 4), random);
  if (taken.has(question)) continue;
  taken.add(question);
  const id = `arithmetic-preference-${String(lines.length + 1).padStart(4, '0')}`;
  lines.push(`${JSON.stringify({ id, question, answer: [answer] })}\n`);
}
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, lines.join(''));
process.stdout.write(`${file}: ${lines.length} questions\n`);
