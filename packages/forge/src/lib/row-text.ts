import type { TrainingRow } from '../training-set.ts';

/** What is given before the model writes or judges: the prompt, the query, both texts, or the segments up to the first that is trained on; else the whole text. */
export function promptOf(row: TrainingRow): string {
  if (row.kind === 'preference') return row.prompt;
  if (row.kind === 'retrieval') return row.query;
  if (row.kind === 'classification') return `${row.first}\n${row.second}`;
  const first = row.segments.findIndex(({ weight }) => weight > 0);
  const given = row.segments.slice(0, Math.max(first, 0));
  return (given.length > 0 ? given : row.segments).map(({ text }) => text).join('');
}

/** Prompts that differ in case and blanks only are one prompt. */
export const normalizedPrompt = (prompt: string) => prompt.toLowerCase().replace(/\s+/g, ' ').trim();
