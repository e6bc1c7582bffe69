import { z } from 'zod';

/** A component by name, with its options beside the name: `method: naive` or `method: {name: naive, shots: 2}`. */
const componentReference = z.union([
  z.string().min(1),
  z.looseObject({ name: z.string().min(1).optional().describe('Name of the component; `forge list` shows them.') }),
]);

export const samplingSchema = z.strictObject({
  temperature: z.number().min(0).max(5).describe('0 is greedy decoding.'),
  topP: z.number().gt(0).max(1).describe('Nucleus sampling: the smallest set of tokens with this probability.'),
  topK: z.number().int().min(0).describe('Only the k likeliest tokens; 0 is off.'),
  maxTokens: z
    .number()
    .int()
    .min(1)
    .max(131_072)
    .describe('Completion tokens at most; a longer one is cut off and counted.'),
  stop: z.array(z.string().min(1)).max(16).describe('Generation ends before any of these, besides the method’s own.'),
});

export const samplingDefaults: z.infer<typeof samplingSchema> = {
  temperature: 0,
  topP: 1,
  topK: 0,
  maxTokens: 256,
  stop: [],
};

/** What a variant may set; the experiment's top level gives the values that variants share. */
const settings = {
  dataset: componentReference.describe('Where the examples come from.'),
  sample: z.number().int().min(1).describe('How many examples, drawn by `seed`; all of them when left out.'),
  sampleSeed: z
    .union([z.number().int(), z.string()])
    .describe('Seed of the draw; the same draw for every variant. Default 0.'),
  engine: componentReference.describe('What generates.'),
  method: componentReference.describe('How a question becomes an answer.'),
  metrics: z.array(componentReference).min(1).max(20).describe('How an answer becomes a score.'),
  sampling: samplingSchema.partial().describe('Decoding settings.'),
  seed: z.number().int().describe('Seed of the engine’s sampling. Runs that differ only in it are repeats.'),
};

/** What a variant may set, every key optional. */
export const overridesSchema = z.strictObject(settings).partial();

/** The shape of an experiment file, before names are looked up in the catalog. */
export const experimentSchema = z.strictObject({
  version: z.literal(1).describe('Version of this file format.'),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'must be lower-case letters, digits, dots, dashes and underscores')
    .describe('Name of the experiment.'),
  description: z.string().optional().describe('The question it answers, for people.'),
  ...overridesSchema.shape,
  variants: z
    .record(z.string().min(1).max(100), overridesSchema)
    .optional()
    .describe('What is compared: a name, and what it sets differently.'),
  matrix: z
    .record(z.string(), z.array(z.unknown()).min(1).max(100))
    .optional()
    .describe('Every combination of these values, e.g. `method: [naive, chain-of-thought]`, `seed: [1, 2, 3]`.'),
  compare: z
    .strictObject({
      baseline: z.string().optional().describe('Variant that the others are compared with; the first when left out.'),
      metric: z.string().optional().describe('Metric that decides; the first when left out.'),
      alpha: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.05)
        .describe('Significance level, kept over the family of comparisons (Holm).'),
      minimumEffect: z
        .number()
        .gt(0)
        .max(1)
        .default(0.05)
        .describe('Smallest difference that matters: below it two variants count as tied.'),
      stop: z
        .strictObject({
          when: z
            .literal('settled')
            .describe('Better, worse, or within `minimumEffect`: by intervals that hold however often one looks.'),
          atLeast: z
            .number()
            .int()
            .min(2)
            .max(1_000_000)
            .default(50)
            .describe('Examples of each variant before the first look.'),
          every: z
            .number()
            .int()
            .min(1)
            .max(1_000_000)
            .default(25)
            .describe(
              'Examples of each variant from one look to the next; a multiple of the engine’s concurrency wastes least.',
            ),
        })
        .optional()
        .describe(
          'Ends a comparison before all examples are run, as soon as it is settled (docs/sequential-stopping.md).',
        ),
    })
    .prefault({}),
  pricing: z
    .strictObject({
      inputPerMillion: z.number().min(0).default(0).describe('Price of a million prompt tokens, in US dollars.'),
      outputPerMillion: z.number().min(0).default(0).describe('Price of a million completion tokens, in US dollars.'),
      computePerHour: z.number().min(0).default(0).describe('Price of an hour of the engine’s machine, in US dollars.'),
    })
    .optional(),
  cache: z
    .boolean()
    .default(true)
    .describe('Answer repeated requests from the store; they keep their measured latency.'),
});

export type ExperimentFile = z.infer<typeof experimentSchema>;
export type Overrides = z.infer<typeof overridesSchema>;
export type ComponentReference = z.infer<typeof componentReference>;
