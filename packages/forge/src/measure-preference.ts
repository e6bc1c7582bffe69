import { createEnginePool } from './build.ts';
import type { Measured } from './evaluate-training.ts';
import type { ExecuteParts } from './execute-runs.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { ExampleResult } from './run.ts';
import type { RunRecord, ScoredRow, Store } from './store.ts';
import type { ScoresById } from './training-figures.ts';
import { type AnswerPair, correctThenShorter, judgePairs } from './win-rate.ts';

/** Of each example which answer is preferred: 1 after, 0 before, 0.5 neither. */
export interface Preferred {
  readonly scores: ScoresById;
  /** What was odd about the judge. */
  readonly warnings: readonly string[];
}

type Rows = ReadonlyMap<string, ScoredRow>;

/** By the rows alone: `metric` says what is right. */
export function preferCorrectThenShorter(before: Rows, after: Rows, metric: string): Preferred {
  const read = (row: ScoredRow) => ({ score: row.scores[metric] ?? 0, tokens: row.completionTokens });
  const scores = [...after].flatMap(([id, row]) => {
    const other = before.get(id);
    if (other === undefined) return [];
    return [[id, { score: correctThenShorter(read(other), read(row)), cluster: row.cluster }] as const];
  });
  return { scores: new Map(scores), warnings: [] };
}

const textOf = (result: ExampleResult) => (result.calls.at(-1)?.output ?? result.answer).trim();
const pageSize = 100;

/** The answers of two runs to the same questions. */
async function* answerPairs(store: Store, before: RunRecord, after: RunRecord): AsyncGenerator<AnswerPair> {
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Awaited<ReturnType<Store['listResults']>> = await store.listResults(
      before.id,
      {},
      { limit: pageSize, ...(cursor === '' ? {} : { after: cursor }) },
    );
    for (const item of page.items) {
      const other = await store.getResult(after.id, item.exampleId);
      if (other === null) continue;
      const { exampleId, question, cluster = null } = item;
      yield { exampleId, question, before: textOf(item), after: textOf(other), cluster };
    }
    cursor = page.next;
  }
}

/** Asks the evaluation's judge; what it said is kept in the response cache. Throws ConfigError. */
export async function preferAsJudged(
  { evaluation }: Measured,
  runs: { before: RunRecord; after: RunRecord },
  { store, surroundings, random, clock, signal }: ExecuteParts,
): Promise<Preferred> {
  const { preference } = evaluation;
  if (preference === null || typeof preference === 'string') throw new Error('no judge is named');
  const variant: VariantSpec = { ...(runs.after.spec as VariantSpec), engine: preference.judge, cache: true };
  const pool = createEnginePool([variant], {
    ...surroundings,
    random,
    monotonic: clock.monotonic,
    responses: store,
  });
  try {
    const judge = await pool.take(variant);
    const pairs = answerPairs(store, runs.before, runs.after);
    const scores = new Map<string, { score: number; cluster: string | null }>();
    const counts = { first: 0, second: 0, failed: 0 };
    for await (const { exampleId, value, cluster, bias, failed } of judgePairs(
      judge,
      preference.prompt,
      pairs,
      signal,
    )) {
      scores.set(exampleId, { score: value, cluster });
      if (bias !== null) counts[bias]++;
      if (failed) counts.failed++;
    }
    const biased = counts.first + counts.second;
    const warnings = [
      ...(biased === 0
        ? []
        : [
            `the judge chose by place in ${biased} of ${scores.size} (the first ${counts.first} times), counted as ties`,
          ]),
      ...(counts.failed === 0 ? [] : [`it did not answer for ${counts.failed}, counted as ties`]),
    ];
    return { scores, warnings };
  } finally {
    await pool.close();
  }
}
