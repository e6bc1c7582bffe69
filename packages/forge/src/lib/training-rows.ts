import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { PreferenceRow, TrainingRow, TrainingSet } from '../training-set.ts';
import { placeholdersOf, renderTemplate } from './render-template.ts';
import type { NumberedRow, RowSource } from './row-source.ts';
import { textColumn, valueAt } from './table-dataset.ts';

/** Why a row of the source is no training row. */
export interface LeftOut {
  readonly leftOut: string;
}

/** A training set over a source of rows; what `toRow` leaves out is counted by its reason. */
export function createTrainingSet<Row extends TrainingRow>(
  name: string,
  kind: Row['kind'],
  source: RowSource,
  toRow: (row: NumberedRow) => Row | LeftOut,
): TrainingSet {
  let lastPass: Record<string, number> = {};
  return {
    name,
    kind,
    fingerprint: (signal) => source.fingerprint(signal),
    leftOut: () => lastPass,
    async *rows(signal) {
      const leftOut: Record<string, number> = {};
      let rows = 0;
      for await (const numbered of source.rows(signal === undefined ? {} : { signal })) {
        const row = toRow(numbered);
        if ('leftOut' in row) {
          leftOut[row.leftOut] = (leftOut[row.leftOut] ?? 0) + 1;
          continue;
        }
        rows++;
        yield row;
      }
      lastPass = leftOut;
      if (rows > 0) return;
      const reasons = Object.entries(leftOut).map(([reason, count]) => `${reason}: ${count}`);
      throw new ConfigError(
        `${source.label}: no rows${reasons.length === 0 ? '' : ` (left out: ${reasons.join(', ')})`}`,
      );
    },
  };
}

/** How the texts of a row become what a model reads and writes. */
export interface PairText {
  prompt(prompt: string): string;
  answer(answer: string): string;
}

/** A pair, or why it teaches nothing. */
export function preferenceRow(row: Omit<PreferenceRow, 'kind'>, text?: PairText): PreferenceRow | LeftOut {
  const { prompt, chosen, rejected } = row;
  if (chosen.trim() === '' || rejected.trim() === '') return { leftOut: 'empty answer' };
  if (chosen === rejected) return { leftOut: 'equal answers' };
  if (text === undefined) return { kind: 'preference', ...row };
  const [rendered, better, worse] = [text.prompt(prompt), text.answer(chosen), text.answer(rejected)];
  return { kind: 'preference', ...row, prompt: rendered, chosen: better, rejected: worse };
}

/**
 * The text in a column whose name has a default: undefined where it is not there and nobody asked for it by another name.
 * Throws ConfigError where it was asked for.
 */
export function optionalText(
  { row, where }: NumberedRow,
  role: string,
  path: string,
  defaultPath: string,
): string | undefined {
  if (path === defaultPath && valueAt(row, path) === undefined) return undefined;
  return textColumn(row, where, role, path);
}

/** Options that turn plain questions and answers into what a model reads and writes. */
export const pairTemplates = (prompt: string, answer: string) => ({
  promptTemplate: z.string().default(prompt).describe('What the model reads; {prompt} is the prompt of the row.'),
  answerTemplate: z.string().default(answer).describe('What it writes after that; {answer} is the answer of the row.'),
});

/** Fills both templates. Throws ConfigError where one lacks its placeholder or names another. */
export function createPairText({
  promptTemplate,
  answerTemplate,
}: {
  promptTemplate: string;
  answerTemplate: string;
}): PairText {
  for (const [key, template, name] of [
    ['promptTemplate', promptTemplate, 'prompt'],
    ['answerTemplate', answerTemplate, 'answer'],
  ] as const) {
    const found = placeholdersOf(template);
    if (found.length !== 1 || found[0] !== name)
      throw new ConfigError(`${key}: "${template}" must contain {${name}} once, and no other placeholder`);
  }
  return {
    prompt: (prompt) => renderTemplate(promptTemplate, { prompt }),
    answer: (answer) => renderTemplate(answerTemplate, { answer }),
  };
}
