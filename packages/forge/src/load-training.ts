import type { z } from 'zod';
import type { Sampling } from './engine.ts';
import { ConfigError } from './errors.ts';
import { expandTraining } from './expand-training.ts';
import { samplingDefaults } from './experiment-schema.ts';
import { contentHash } from './lib/canonical-json.ts';
import { isEncoderObjective } from './lib/objective-kind.ts';
import { type KeyPath, parseYamlSource, type YamlSource } from './lib/yaml-source.ts';
import { issueText, keysOfSchema, readConfigText, resolveComponent } from './load-experiment.ts';
import { pairsEvaluation } from './training-evaluations.ts';
import { type EvaluationFile, type TrainingFile, trainingSchema } from './training-schema.ts';
import type { EvaluationSpec, Preference, TrainingSpec } from './training-spec.ts';
import { defaultJudgePrompt } from './win-rate.ts';

export interface LoadedTraining {
  readonly spec: TrainingSpec;
  /** The YAML text. */
  readonly source: string;
  readonly configHash: string;
}

/** True for the text of a training file: it says what is to be learnt. Broken YAML is an experiment's, whose loader says what is wrong. */
export function isTrainingText(source: string): boolean {
  try {
    const { value } = parseYamlSource('', source);
    return value !== null && typeof value === 'object' && 'objective' in value;
  } catch {
    return false;
  }
}

/** The engine's options with a stand-in for the model that is not there yet. */
function resolveEngine(yaml: YamlSource, given: Readonly<Record<string, unknown>>) {
  const forbidden = ['name', 'lora'].find((key) => key in given);
  if (forbidden !== undefined)
    throw new ConfigError(
      `${yaml.where(['evaluation', 'engine', forbidden])}: evaluation.engine.${forbidden}: is set by forge train`,
    );
  const reference = { name: 'llama-cpp', model: 'written from the model folder', ...given };
  const { options } = resolveComponent(yaml, 'engine', { reference, origins: [['evaluation', 'engine']] });
  return { ...options, model: (given.model as string | undefined) ?? null };
}

function resolvePreference(yaml: YamlSource, given: EvaluationFile['preference'], origin: KeyPath): Preference | null {
  if (given === undefined || typeof given === 'string') return given ?? null;
  const prompt = given.prompt ?? defaultJudgePrompt;
  for (const name of ['{question}', '{first}', '{second}']) {
    if (!prompt.includes(name))
      throw new ConfigError(`${yaml.where([...origin, 'prompt'])}: preference.prompt: does not contain ${name}`);
  }
  const judge = resolveComponent(yaml, 'engine', { reference: given.judge, origins: [[...origin, 'judge']] });
  return { judge, prompt };
}

function resolveEvaluation(yaml: YamlSource, file: EvaluationFile, index: number): EvaluationSpec {
  const at = (...path: KeyPath): KeyPath => ['evaluation', 'experiments', index, ...path];
  const metrics = file.metrics.map((reference, i) =>
    resolveComponent(yaml, 'metric', { reference, origins: [at('metrics', i), at('metrics')] }),
  );
  const names = metrics.map((metric) => metric.name);
  const { metric = names[0] ?? '', alpha, minimumEffect } = file.compare;
  if (!names.includes(metric))
    throw new ConfigError(
      `${yaml.where(at('compare', 'metric'))}: compare.metric: "${metric}" is not measured here. Known metrics here: ${names.join(', ')}`,
    );
  return {
    name: file.name,
    description: file.description ?? '',
    dataset: resolveComponent(yaml, 'dataset', { reference: file.dataset, origins: [at('dataset')] }),
    sample: file.sample ?? null,
    sampleSeed: String(file.sampleSeed ?? 0),
    method: resolveComponent(yaml, 'method', { reference: file.method, origins: [at('method')] }),
    metrics,
    sampling: { ...samplingDefaults, ...definedOnly(file.sampling ?? {}) },
    seed: file.seed ?? 0,
    cache: file.cache,
    compare: { metric, alpha, minimumEffect },
    preference: resolvePreference(yaml, file.preference, at('preference')),
  };
}

const definedOnly = (values: Partial<Sampling> | Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Sampling>;

function resolveEvaluations(yaml: YamlSource, file: TrainingFile): TrainingSpec['evaluation'] {
  const { experiments, ablation, ablationSample, engine } = file.evaluation;
  if (isEncoderObjective(file.objective) && experiments.length > 0)
    throw new ConfigError(
      `${yaml.where(['evaluation', 'experiments'])}: evaluation.experiments: measure language models, and ${file.objective.name} trains an encoder; leave them out, and name the encoder in an experiment file afterwards`,
    );
  const named = experiments.map((one, index) => resolveEvaluation(yaml, one, index));
  const pairs = file.objective.name === 'dpo' && file.split.test > 0 ? [pairsEvaluation()] : [];
  const names = [...pairs, ...named].map((one) => one.name);
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice >= 0)
    throw new ConfigError(
      `${yaml.where(['evaluation', 'experiments', twice - pairs.length, 'name'])}: evaluation.experiments: the name "${names[twice]}" is taken`,
    );
  for (const [i, name] of (ablation ?? []).entries()) {
    if (!names.includes(name))
      throw new ConfigError(
        `${yaml.where(['evaluation', 'ablation', i])}: evaluation.ablation: no evaluation "${name}". Known: ${names.join(', ') || 'none'}`,
      );
  }
  return {
    engine: resolveEngine(yaml, engine),
    experiments: [...pairs, ...named],
    ablation: ablation ?? names,
    ablationSample: ablationSample ?? null,
  };
}

/** Parses and checks a training text. Throws ConfigError with `file:line`, key, value and what is known. */
export function parseTraining(fileName: string, source: string): LoadedTraining {
  const yaml = parseYamlSource(fileName, source);
  const parsed = trainingSchema.safeParse(yaml.value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    const keysAt = (path: KeyPath) => keysOfSchema(trainingSchema, path);
    throw new ConfigError(issueText(yaml, issue, yaml.value, { prefix: [], keysAt }));
  }
  const file = parsed.data;
  if (file.earlyStop !== undefined && (file.evaluateEvery === undefined || file.split.validation === 0))
    throw new ConfigError(
      `${yaml.where(['earlyStop'])}: earlyStop: looks at validation rows on the way: give evaluateEvery and split.validation too`,
    );
  const runs = expandTraining(yaml, file);
  const most = runs.reduce((n, run) => Math.max(n, run.trainRows ?? Number.POSITIVE_INFINITY), 0);
  const { validation, test, seed } = file.split;
  const spec: TrainingSpec = {
    name: file.name,
    description: file.description ?? '',
    trainer: resolveComponent(yaml, 'trainer', { reference: file.trainer, origins: [['trainer']] }),
    model: file.model,
    data: resolveComponent(yaml, 'training-set', { reference: file.data, origins: [['data']] }),
    split: { train: Number.isFinite(most) ? most : null, validation, test, seed },
    runs,
    evaluation: resolveEvaluations(yaml, file),
    outputs: file.outputs,
    push: file.push ?? null,
  };
  return { spec, source, configHash: contentHash(spec) };
}

/** Reads a training file. Throws ConfigError. */
export const loadTraining = async (file: string): Promise<LoadedTraining> =>
  parseTraining(file, await readConfigText(file));

/** What a store keeps of a training. */
export function storedTraining({ spec, source, configHash }: LoadedTraining) {
  const runs = spec.runs.map((run) => ({ variant: run.variant, spec: run }));
  return { name: spec.name, source, config: spec, configHash, runs };
}
