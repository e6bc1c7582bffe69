/** Scores the GGUF on the committed test rows: `node models/lab/score.ts [rows per family]`. Prints one JSON line per family and format. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GreedyModel, loadGreedyModel } from './llama-greedy.ts';

interface Row {
  id: string;
  question: string;
  answer: string[];
  context?: string;
  steps?: number;
  rationale?: string;
}

const DATA = join(import.meta.dirname, '../../datasets/lab-world');
const STEP_BY_STEP = "\nLet's think step by step.";
const TOOLS = 'Tools: calculator, search\n';
const MAX_TURNS = 6;

function rowsOf<T = Row>(file: string): T[] {
  return readFileSync(join(DATA, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

function wilson(right: number, n: number): [number, number] {
  const z = 1.959964;
  const p = right / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return [Number((middle - half).toFixed(3)), Number((middle + half).toFixed(3))];
}

function answerOf(text: string): string {
  return (text.split('Answer:').at(-1) ?? '').trim().split('\n')[0] ?? '';
}

/** BM25 (k1 1.2, b 0.75) over the corpus. */
function createSearch(): (query: string) => string {
  const texts = rowsOf<{ text: string }>('corpus.jsonl').map((document) => document.text);
  const words = (text: string): string[] => text.toLowerCase().match(/\w+/g) ?? [];
  const bags = texts.map(words);
  const mean = bags.reduce((total, bag) => total + bag.length, 0) / bags.length;
  return (query) => {
    const scores = bags.map(() => 0);
    for (const word of new Set(words(query))) {
      const holders = bags.filter((bag) => bag.includes(word)).length;
      const weight = Math.log(1 + (bags.length - holders + 0.5) / (holders + 0.5));
      bags.forEach((bag, index) => {
        const frequency = bag.filter((other) => other === word).length;
        scores[index] =
          (scores[index] ?? 0) + (weight * frequency * 2.2) / (frequency + 1.2 * (0.25 + (0.75 * bag.length) / mean));
      });
    }
    const best = scores.map((score, index) => ({ score, index })).sort((a, b) => b.score - a.score);
    return best
      .slice(0, 3)
      .map(({ index }, rank) => `[${rank + 1}] ${texts[index]}`)
      .join('\n');
  };
}

function calculate(expression: string): string {
  const match = /^(\d+) ([-+*/]) (\d+)$/.exec(expression);
  if (match === null) return 'error: the input cannot be read';
  const [a, b] = [Number(match[1]), Number(match[3])];
  return String({ '+': a + b, '-': a - b, '*': a * b, '/': a / b }[match[2] as '+' | '-' | '*' | '/']);
}

interface Tally {
  valid: number;
  actions: number;
}

async function react(
  model: GreedyModel,
  question: string,
  search: (query: string) => string,
  tally: Tally,
): Promise<string> {
  let text = `${TOOLS}Question: ${question}`;
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const part = await model.complete(text);
    text += part;
    if (!part.endsWith('\nObservation:')) return text;
    const call = /\nAction: (calculator|search)\[([^\]\n]+)\]\nObservation:$/.exec(part);
    tally.actions++;
    tally.valid += call === null ? 0 : 1;
    text += ` ${call === null ? 'error: no such tool' : call[1] === 'search' ? search(call[2] as string) : calculate(call[2] as string)}`;
  }
  return text;
}

async function report(
  name: string,
  rows: readonly Row[],
  answer: (row: Row) => Promise<string>,
  tally?: Tally,
): Promise<void> {
  const bySteps: Record<string, [number, number]> = {};
  let right = 0;
  for (const row of rows) {
    const good = row.answer.includes(answerOf(await answer(row)));
    right += good ? 1 : 0;
    const cell = bySteps[row.steps ?? 0] ?? [0, 0];
    bySteps[row.steps ?? 0] = cell;
    cell[0] += good ? 1 : 0;
    cell[1]++;
  }
  const form = tally === undefined ? {} : { validActions: tally.valid, actions: tally.actions };
  process.stdout.write(
    `${JSON.stringify({ name, n: rows.length, right, share: right / rows.length, wilson95: wilson(right, rows.length), bySteps, ...form })}\n`,
  );
}

/** Examples before the question, of the same form. */
function shots(rows: readonly Row[], form: (row: Row) => string): string {
  return rows.map((row) => `${form(row)}\n\n`).join('');
}

async function main(): Promise<void> {
  const count = Number(process.argv[2] ?? 1000);
  const model = await loadGreedyModel(join(import.meta.dirname, 'lab-world-2m.gguf'));
  const rows = (file: string): Row[] => rowsOf(file).slice(0, count);
  const direct = (row: Row): string =>
    `${row.context === undefined ? '' : `${row.context}\n`}Question: ${row.question}\nAnswer:`;
  const stepwise = (row: Row): string =>
    `${row.context === undefined ? '' : `${row.context}\n`}Question: ${row.question}${STEP_BY_STEP}`;
  const shotRows = rowsOf('arithmetic.train.jsonl').slice(0, 4);
  const directShots = shots(shotRows, (row) => `${direct(row)} ${row.answer[0]}`);
  const stepwiseShots = shots(shotRows, (row) => `${stepwise(row)}\n${row.rationale}\nAnswer: ${row.answer[0]}`);
  for (const [name, file, form, before] of [
    ['arithmetic naive', 'arithmetic.test.jsonl', direct, ''],
    ['arithmetic naive, 4 examples', 'arithmetic.test.jsonl', direct, directShots],
    ['arithmetic step by step', 'arithmetic.test.jsonl', stepwise, ''],
    ['arithmetic step by step, 4 examples', 'arithmetic.test.jsonl', stepwise, stepwiseShots],
    ['known-facts naive', 'known-facts.test.jsonl', direct, ''],
    ['known-facts step by step', 'known-facts.test.jsonl', stepwise, ''],
    ['reading naive', 'reading.test.jsonl', direct, ''],
    ['reading step by step', 'reading.test.jsonl', stepwise, ''],
    ['documents naive, no passages', 'documents.test.jsonl', direct, ''],
    ['calculator naive', 'calculator.test.jsonl', direct, ''],
  ] as const) {
    await report(name, rows(file), (row) => model.complete(before + form(row), ['\n\n']));
  }
  const search = createSearch();
  for (const family of ['arithmetic', 'calculator', 'documents', 'multi-hop']) {
    const tally: Tally = { valid: 0, actions: 0 };
    await report(
      `${family} with tools`,
      rows(`${family}.test.jsonl`),
      (row) => react(model, row.question, search, tally),
      tally,
    );
  }
  const withPassages = (row: Row): Row => ({ ...row, context: search(row.question) });
  await report('documents, 3 passages of BM25, naive', rows('documents.test.jsonl'), (row) =>
    model.complete(direct(withPassages(row))),
  );
  await report('documents, 3 passages of BM25, step by step', rows('documents.test.jsonl'), (row) =>
    model.complete(stepwise(withPassages(row))),
  );
  await model.close();
}

await main();
