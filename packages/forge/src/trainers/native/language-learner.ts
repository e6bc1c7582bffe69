import type { ModelConfig } from '../../lib/model-config.ts';
import type { TrainJob } from '../../trainer.ts';
import type { LanguageObjective } from '../../training-settings.ts';
import { lineLength, microBatch, type Reference, totalsOf } from './batches.ts';
import type { CompiledModel } from './compiled-model.ts';
import { dropoutFeeds } from './dropout.ts';
import { type EncodedRow, type Rows, tokensOf } from './encode-rows.ts';
import { preferenceFigures, referenceOf } from './figures.ts';
import type { TrainOptions } from './protocol.ts';
import { referenceLogprobs } from './reference-logprobs.ts';
import { breathe, type Learner } from './training-loop.ts';

interface LanguageParts {
  readonly objective: LanguageObjective;
  readonly rows: Rows;
  readonly shape: ModelConfig;
}

/** Texts and preference pairs through a language model. */
export function createLanguageLearner(
  job: TrainJob,
  model: CompiledModel,
  { objective, rows, shape }: LanguageParts,
  emit: TrainOptions['emit'],
): Learner {
  const { settings } = job;
  const batchSettings = {
    packed: settings.batch.packTokens !== undefined,
    sftWeight: objective.name === 'dpo' ? objective.sftWeight : 0,
  };
  let reference: { train: Reference; validation: Reference };

  const feedsOf = (
    indices: readonly number[],
    from: readonly EncodedRow[],
    known: Reference,
    members: readonly EncodedRow[],
  ) => microBatch(indices, from, referenceOf(known, indices), totalsOf(members), batchSettings);

  function figuresOf(answers: { chosen: number[]; rejected: number[] }, known: Reference, members: readonly number[]) {
    if (objective.name !== 'dpo') return {};
    const values = { chosen: Float32Array.from(answers.chosen), rejected: Float32Array.from(answers.rejected) };
    return { preference: preferenceFigures(values, referenceOf(known, members), objective.beta) };
  }

  return {
    lengths: rows.train.map(lineLength),
    validationRows: rows.validation.length,
    async prepare() {
      reference = await referenceLogprobs(job, model, rows, batchSettings, emit);
    },
    async learn(step, stepRows) {
      const members = stepRows.flat();
      const rowsOfStep = members.map((index) => rows.train[index] as EncodedRow);
      let loss = 0;
      const answers = { chosen: [] as number[], rejected: [] as number[] };
      for (const [i, indices] of stepRows.entries()) {
        const batch = feedsOf(indices, rows.train, reference.train, rowsOfStep);
        const dropout = dropoutFeeds(settings, shape, batch.size, `${settings.seed} ${step} ${i}`);
        const found = await model.accumulate({ ...batch.feeds, ...dropout });
        loss += found.loss;
        answers.chosen.push(...found.answers.chosen);
        answers.rejected.push(...found.answers.rejected);
        await breathe();
      }
      const tokens = rowsOfStep.reduce((sum, row) => sum + tokensOf(row), 0);
      return { loss, tokens, ...figuresOf(answers, reference.train, members) };
    },
    async validate() {
      const all = rows.validation;
      let loss = 0;
      const answers = { chosen: [] as number[], rejected: [] as number[] };
      const members = all.map((_, i) => i);
      for (let at = 0; at < all.length; at += settings.batch.size) {
        const batch = feedsOf(members.slice(at, at + settings.batch.size), all, reference.validation, all);
        const found = await model.evaluate(batch.feeds);
        loss += found.loss;
        answers.chosen.push(...found.answers.chosen);
        answers.rejected.push(...found.answers.rejected);
        await breathe();
      }
      return { loss, ...figuresOf(answers, reference.validation, members) };
    },
  };
}
