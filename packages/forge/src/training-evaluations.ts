import { stringify } from 'yaml';
import type { ComponentSpec } from './definition.ts';
import type { TrainingRunSpec } from './expand-training.ts';
import { contentHash } from './lib/canonical-json.ts';
import { type ExperimentSpec, parseComponent, type VariantSpec } from './load-experiment.ts';
import type { EvaluationSpec, TrainingSpec } from './training-spec.ts';

/** A model to be measured: the one before training, or what a run made of it. */
export interface Arm {
  /** e.g. `before`, `after seed=2`, `beta=0.05, seed=1` */
  readonly variant: string;
  /** Arms of one group are repeats of each other. */
  readonly group: string;
  readonly engine: ComponentSpec;
  /** What was trained; null for the model before. */
  readonly trained: TrainingRunSpec | null;
}

/** What a run of a training left, as an engine. */
export interface TrainedModel {
  readonly spec: TrainingRunSpec;
  readonly engine: ComponentSpec;
}

/** The main setting's models as one variant with repeats, or the ablation's by what they vary; before them what they began as. */
export function armsOf(before: ComponentSpec | null, models: readonly TrainedModel[]): Arm[] {
  const after = models.map(({ spec, engine }): Arm => {
    const { settings, variant, group, main } = spec;
    if (!main) return { variant, group, engine, trained: spec };
    const repeats = models.filter((one) => one.spec.main).length;
    return { variant: repeats === 1 ? 'after' : `after seed=${settings.seed}`, group: 'after', engine, trained: spec };
  });
  if (before === null) return after;
  return [{ variant: 'before', group: 'before', engine: before, trained: null }, ...after];
}

const heldOutPairs = 'pairs';

/** The held-out preference pairs of a training: which answer does the model find likelier? Its rows are written with the splits. */
export function pairsEvaluation(): EvaluationSpec {
  const label = 'held-out pairs';
  return {
    name: heldOutPairs,
    description: 'Does the model find the preferred answer of held-out pairs likelier?',
    dataset: parseComponent(label, 'dataset', { name: 'preference-pairs', path: 'test.jsonl' }),
    sample: null,
    sampleSeed: '0',
    method: parseComponent(label, 'method', 'choose'),
    metrics: ['exact-match', 'log-margin'].map((name) => parseComponent(label, 'metric', name)),
    sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 1, stop: [] },
    seed: 0,
    cache: true,
    compare: { metric: 'exact-match', alpha: 0.05, minimumEffect: 0.05 },
    preference: null,
  };
}

/** True for the evaluation that forge train adds by itself. */
export const isHeldOutPairs = ({ name }: EvaluationSpec) => name === heldOutPairs;

/** The held-out pairs as they lie on this disk. */
export const withHeldOutFile = (evaluation: EvaluationSpec, path: string): EvaluationSpec =>
  isHeldOutPairs(evaluation)
    ? { ...evaluation, dataset: { ...evaluation.dataset, options: { ...evaluation.dataset.options, path } } }
    : evaluation;

/** The engine of an arm: a GGUF model, with an adapter on it where there is one. */
export function armEngine(spec: TrainingSpec, model: string, adapter: string | null): ComponentSpec {
  const lora = adapter === null ? [] : [{ path: adapter, scale: 1 }];
  return { name: 'llama-cpp', options: { ...spec.evaluation.engine, model, lora } };
}

const flat = ({ name, options }: ComponentSpec) => ({ name, ...options });

/** The experiment as the YAML that a person would have written for it. */
function sourceOf(name: string, evaluation: EvaluationSpec, arms: readonly Arm[], sample: number | null): string {
  const { description, sampleSeed, dataset, method, metrics, sampling, seed, cache, compare } = evaluation;
  return stringify(
    {
      version: 1,
      name,
      ...(description === '' ? {} : { description }),
      dataset: flat(dataset),
      ...(sample === null ? {} : { sample }),
      sampleSeed,
      method: flat(method),
      metrics: metrics.map(flat),
      sampling,
      seed,
      cache,
      variants: Object.fromEntries(arms.map((arm) => [arm.variant, { engine: flat(arm.engine) }])),
      compare: { baseline: arms[0]?.group, ...compare },
    },
    { aliasDuplicateObjects: false },
  );
}

/** An ordinary experiment over the models of a training, in the form that a store keeps; the first arm is its baseline. */
export function evaluationExperiment(
  name: string,
  evaluation: EvaluationSpec,
  arms: readonly Arm[],
  sample: number | null = evaluation.sample,
) {
  const { description, dataset, method, metrics, sampling, seed, sampleSeed, cache, compare } = evaluation;
  const variants: VariantSpec[] = arms.map(({ variant, group, engine }) => ({
    variant,
    group,
    dataset,
    sample,
    sampleSeed,
    engine,
    method,
    metrics,
    sampling,
    seed,
    cache,
  }));
  const config: ExperimentSpec = {
    name,
    description,
    variants,
    compare: { baseline: arms[0]?.group ?? '', ...compare },
  };
  return {
    name,
    source: sourceOf(name, evaluation, arms, sample),
    config,
    configHash: contentHash(config),
    runs: variants.map((variant) => ({ variant: variant.variant, spec: variant })),
  };
}
