import { z } from 'zod';
import { experimentSchema, overridesSchema } from './experiment-schema.ts';
import { reaching } from './lib/option-reach.ts';

const rate = z.number().gt(0).max(1_000_000);

const arrivals = z.union([
  z.strictObject({ closed: z.int().min(1).max(4096).describe('So many requests are always under way.') }),
  z.strictObject({ poisson: rate.describe('Requests per second, at random moments.') }),
  z.strictObject({ constant: rate.describe('Requests per second, evenly.') }),
  z.strictObject({
    trace: z
      .array(z.number().min(0))
      .min(1)
      .max(100_000)
      .describe('When each request is sent, ms after the start, ascending.'),
  }),
]);

const optimisation = z
  .strictObject({
    description: z.string().optional().describe('What it is, for people.'),
    ...overridesSchema.shape,
    cache: z.boolean().default(false).describe('Answer repeated requests from the response cache.'),
    server: z.string().optional().describe('Name of the server that is started for it.'),
    rerun: z
      .boolean()
      .default(false)
      .describe('Measure a second pass over the same examples: what it costs to run the same thing again.'),
  })
  .describe('What is done differently; goes over what the method sets.');

const server = z.strictObject({
  command: reaching('program', z.array(z.string().min(1)).min(1).max(200)).describe(
    'Program and arguments, started without a shell; `forge` is this program itself.',
  ),
  ready: reaching('listed-address', z.url({ protocol: /^https?$/ })).describe(
    'URL that answers with a 2xx status once the server can be used.',
  ),
  timeoutSeconds: z.int().min(1).max(3600).default(300).describe('How long to wait for that.'),
  fresh: z
    .boolean()
    .default(true)
    .describe('A new server for each cell and load point, so that none finds a warm cache; false for slow starters.'),
});

const load = z.strictObject({
  optimisations: z.array(z.string()).min(1).optional().describe('Whose engines are loaded; all when left out.'),
  method: z.string().optional().describe('Whose prompts are sent; the first when left out.'),
  requests: z.int().min(1).max(1_000_000).default(200).describe('Measured requests of a point.'),
  warmUp: z.int().min(0).max(10_000).default(8).describe('Requests before them that are not counted.'),
  arrivals: z.array(arrivals).min(1).max(100).describe('The loads, e.g. `{closed: 8}`, `{poisson: 20}`.'),
  repetitions: z.int().min(1).max(100).optional().describe('Of each point; those of the matrix when left out.'),
  objective: z
    .strictObject({
      ttftMs: z.number().gt(0).optional().describe('Time to the first token at most, ms.'),
      tpotMs: z.number().gt(0).optional().describe('Time per further token at most, ms.'),
      totalMs: z.number().gt(0).optional().describe('Time of the whole answer at most, ms.'),
    })
    .prefault({})
    .describe('What a request must keep to count for goodput.'),
});

/** The shape of a benchmark file, before names are looked up in the catalog. */
export const benchmarkSchema = z.strictObject({
  version: z.literal(1).describe('Version of this file format.'),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,79}$/, 'must be up to 80 lower-case letters, digits, dots, dashes and underscores')
    .describe('Name of the benchmark.'),
  description: z.string().optional().describe('The question it answers, for people.'),
  ...overridesSchema.shape,
  methods: z
    .record(z.string().min(1).max(60), overridesSchema)
    .refine((methods) => Object.keys(methods).length > 0, 'names no method')
    .describe('The rows of the matrix: a name, and what it sets.'),
  optimisations: z
    .record(z.string().min(1).max(60), optimisation)
    .refine((optimisations) => Object.keys(optimisations).length > 0, 'names no optimisation')
    .describe('The columns of the matrix: a name, and what it sets.'),
  repetitions: z.int().min(1).max(100).default(3).describe('Of each cell; speeds get their intervals from them.'),
  servers: z.record(z.string().min(1).max(60), server).default({}).describe('Servers that are started and stopped.'),
  load: load.optional().describe('Loads on the engines, besides the matrix.'),
  compare: z
    .strictObject({
      baseline: z
        .string()
        .optional()
        .describe('Optimisation that the others are compared with; the first when left out.'),
      metric: z.string().optional().describe('Metric that is the accuracy; the first when left out.'),
      alpha: z.number().gt(0).lt(1).default(0.05).describe('Significance level.'),
      margin: z
        .number()
        .gt(0)
        .max(1)
        .default(0.05)
        .describe('Differences of accuracy under it do not matter: equivalence is tested against it.'),
    })
    .prefault({}),
  pricing: experimentSchema.shape.pricing.describe('For costs: an hour of the machine, or a million tokens.'),
  goal: z
    .strictObject({
      optimisation: z.string().describe('The optimisation that is meant to reach it.'),
      speedUp: z.number().gt(1).describe('How many times as fast as the baseline.'),
    })
    .optional(),
  useCases: z
    .strictObject({
      interactive: z
        .strictObject({ latencyP95Ms: z.number().gt(0).optional().describe('95 % of answers within it, ms.') })
        .prefault({}),
      cheapest: z
        .strictObject({ accuracyAtLeast: z.number().min(0).max(1).optional().describe('As a share of 1.') })
        .prefault({}),
    })
    .prefault({})
    .describe('What the recommendations ask for.'),
});

export type BenchmarkFile = z.infer<typeof benchmarkSchema>;
