/** Prints greedy texts and likelihoods of 20 test prompts as JSON, for `compare.py`: `node models/lab/compare.ts > FILE`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadGreedyModel } from './llama-greedy.ts';

const DATA = join(import.meta.dirname, '../../datasets/lab-world');
const model = await loadGreedyModel(join(import.meta.dirname, 'lab-world-2m.gguf'));
for (const file of ['arithmetic', 'known-facts', 'reading', 'calculator']) {
  const lines = readFileSync(join(DATA, `${file}.test.jsonl`), 'utf8')
    .split('\n')
    .slice(0, 5);
  for (const line of lines) {
    const row = JSON.parse(line) as { question: string; answer: string[]; context?: string };
    const prompt = `${row.context === undefined ? '' : `${row.context}\n`}Question: ${row.question}`;
    const stepwise = `${prompt}\nLet's think step by step.`;
    const text = await model.complete(stepwise, ['\n\n'], 60);
    const likelihood = await model.negativeLogLikelihood(`${prompt}\nAnswer:`, ` ${row.answer[0]}`);
    process.stdout.write(
      `${JSON.stringify({ stepwise, text, direct: `${prompt}\nAnswer:`, target: ` ${row.answer[0]}`, ...likelihood })}\n`,
    );
  }
}
await model.close();
