import type { TrainingRow } from '../training-set.ts';
import { readTextLines } from './text-lines.ts';

/** Longest line: a row that a training set let through has less. */
const maxRowBytes = 2e9;

/** The rows of a file that `splitRows` wrote. */
export async function* readRowFile(path: string, signal?: AbortSignal): AsyncGenerator<TrainingRow> {
  for await (const { text } of readTextLines(path, maxRowBytes, signal)) yield JSON.parse(text) as TrainingRow;
}
