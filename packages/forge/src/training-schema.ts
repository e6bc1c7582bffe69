import { z } from 'zod';
import { experimentSchema, samplingSchema } from './experiment-schema.ts';
import { componentReference, componentReferences } from './lib/component-reference.ts';
import { reaching } from './lib/option-reach.ts';
import { trainingSettings } from './training-settings.ts';

const { sample, sampleSeed, seed, cache } = experimentSchema.shape;

const preference = z.union([
  z
    .literal('correct-then-shorter')
    .describe('A right answer beats a wrong one; of two equally good ones the shorter output wins.'),
  z.strictObject({
    judge: componentReference('engine').describe('Is shown question and both answers, in both orders.'),
    prompt: z
      .string()
      .optional()
      .describe('What it is asked: holds {question}, {first} and {second}; the reply begins with 1, 2 or 0 (equal).'),
  }),
]);

const evaluationExperiment = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'must be up to 40 lower-case letters, digits, dots, dashes and underscores')
      .describe('The stored experiment is called `<training>-<name>`.'),
    description: z.string().optional().describe('The question it answers, for people.'),
    dataset: componentReference('dataset').describe('Where the examples come from.'),
    sample,
    sampleSeed,
    method: componentReference('method').describe('How a question becomes an answer.'),
    metrics: componentReferences('metric')
      .min(1)
      .max(20)
      .default(['exact-match'])
      .describe('How an answer becomes a score.'),
    sampling: samplingSchema.partial().optional().describe('Decoding settings.'),
    seed,
    cache,
    compare: z
      .strictObject({
        metric: z.string().optional().describe('Metric that decides; the first when left out.'),
        alpha: z.number().gt(0).lt(1).default(0.05).describe('Significance level.'),
        minimumEffect: z
          .number()
          .gt(0)
          .default(0.05)
          .describe('Smallest difference that matters, in the metric’s unit.'),
      })
      .prefault({}),
    preference: preference.optional().describe('Also a win rate: how often the answer after training is preferred.'),
  })
  .describe('As in an experiment file; the variants `before` and `after` are made by forge train.');

const evaluation = z.strictObject({
  engine: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      'Options of llama-cpp besides lora; `model` is a GGUF file to use instead of one written from the folder.',
    ),
  experiments: z
    .array(evaluationExperiment)
    .max(50)
    .default([])
    .describe('What the model is measured on, before and after; held-out pairs are added by themselves.'),
  ablation: z
    .array(z.string())
    .optional()
    .describe(
      'Which of them (`pairs` are the held-out pairs) every run of the ablation is measured on; all when left out.',
    ),
  ablationSample: z.int().min(1).optional().describe('Examples of each for a run of the ablation, at most.'),
});

/** The shape of a training file, before names are looked up in the catalog. */
export const trainingSchema = z.strictObject({
  version: z.literal(1).describe('Version of this file format.'),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,49}$/, 'must be up to 50 lower-case letters, digits, dots, dashes and underscores')
    .describe('Name of the training.'),
  description: z.string().optional().describe('The question it answers, for people.'),
  trainer: componentReference('trainer').default('native').describe('What trains.'),
  model: reaching('model', z.string().min(1)).describe(
    'A folder in the Hugging Face layout (config.json, *.safetensors, tokenizer.json), or hf:owner/repo[@revision].',
  ),
  data: componentReference('training-set').describe('What the model is trained on.'),
  split: z
    .strictObject({
      train: z.int().min(1).optional().describe('Rows to train on; all that the others leave when left out.'),
      validation: z.int().min(0).default(0).describe('Rows that are looked at while training.'),
      test: z.int().min(0).default(0).describe('Rows that only the evaluation sees.'),
      seed: z.int().default(1).describe('Of the draw.'),
    })
    .prefault({})
    .describe('Rows of one cluster never fall into two splits; fewer training rows are the first of more.'),
  ...trainingSettings.omit({ seed: true }).shape,
  seeds: z
    .array(z.int().min(0))
    .min(1)
    .max(100)
    .refine((seeds) => new Set(seeds).size === seeds.length, 'names a seed twice')
    .default([1])
    .describe('Each is one training; they are repeats of one another.'),
  ablation: z
    .object({
      mode: z
        .enum(['one-at-a-time', 'grid'])
        .default('one-at-a-time')
        .describe('One key changed around the main setting, or every combination.'),
    })
    .catchall(z.array(z.unknown()).min(1).max(100))
    .optional()
    .describe(
      'Dotted keys with the values to try, e.g. `objective.beta: [0.05, 0.1, 0.2]`, `split.train: [200, 800]`.',
    ),
  evaluation: evaluation.prefault({}),
  outputs: z
    .strictObject({
      gguf: z.boolean().default(true).describe('The adapter as GGUF, as the llama-cpp engine takes it.'),
      merged: z.boolean().default(false).describe('The model with the adapter merged into it, as GGUF.'),
    })
    .prefault({}),
  push: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, 'must look like owner/name')
    .optional()
    .describe('Repository of the Hugging Face Hub that gets adapter and model card; needs HF_TOKEN.'),
});

export type TrainingFile = z.infer<typeof trainingSchema>;
export type EvaluationFile = TrainingFile['evaluation']['experiments'][number];
