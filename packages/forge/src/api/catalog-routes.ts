import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRoute, z } from '@hono/zod-openapi';
import { definitionsOf, type Noun } from '../catalog.ts';
import { checkExperimentReach } from '../check-experiment-reach.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { executeProbe } from '../execute-probe.ts';
import { samplingDefaults, samplingSchema } from '../experiment-schema.ts';
import { experimentJsonSchema } from '../json-schemas.ts';
import { parseExperiment } from '../load-experiment.ts';
import { planExperiment } from '../plan-experiment.ts';
import { HttpProblem } from './problem.ts';
import { type ApiParts, answers, createRouter } from './routing.ts';
import type * as shapes from './schemas.ts';
import { catalogSchema, validationSchema, variantPlanSchema } from './schemas.ts';

const tags = ['Configuration'];
const sourceBody = z.strictObject({ source: z.string().max(1_000_000) });

const catalogRoute = createRoute({
  method: 'get',
  path: '/catalog',
  tags,
  summary: 'Everything a config can name, with the schemas of the options',
  responses: answers('The catalog.', catalogSchema),
});

const schemaRoute = createRoute({
  method: 'get',
  path: '/schema',
  tags,
  summary: 'The JSON Schema of experiment files',
  responses: answers('The schema.', z.record(z.string(), z.unknown())),
});

const validateRoute = createRoute({
  method: 'post',
  path: '/experiments/validate',
  tags,
  summary: 'Check an experiment without storing it',
  request: { body: { required: true, content: { 'application/json': { schema: sourceBody } } } },
  responses: answers('Whether it is right, and what is wrong at which line.', validationSchema, [400, 413]),
});

const planRoute = createRoute({
  method: 'post',
  path: '/experiments/plan',
  tags,
  summary: 'What an experiment would cost; with `probe`, measured on a few examples',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: sourceBody.extend({
            probe: z.number().int().min(1).max(50).optional().describe('Examples to measure.'),
          }),
        },
      },
    },
  },
  responses: answers('The plan.', z.object({ variants: z.array(variantPlanSchema) }), [400, 409, 413]),
});

const jsonSchemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;

/** The sampling settings with the defaults that the loader fills in. */
const samplingJsonSchema = () =>
  jsonSchemaOf(
    samplingSchema.extend({
      temperature: samplingSchema.shape.temperature.default(samplingDefaults.temperature),
      topP: samplingSchema.shape.topP.default(samplingDefaults.topP),
      topK: samplingSchema.shape.topK.default(samplingDefaults.topK),
      maxTokens: samplingSchema.shape.maxTokens.default(samplingDefaults.maxTokens),
      stop: samplingSchema.shape.stop.default(samplingDefaults.stop),
    }),
  );

const describe = (noun: Noun): shapes.ComponentDefinition[] =>
  definitionsOf(noun).map(({ name, summary, options }) => ({ name, summary, options: jsonSchemaOf(options) }));

/** The experiment files of the project's folder. */
async function exampleFiles(folder: string): Promise<{ name: string; source: string }[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).sort();
  return Promise.all(
    names.slice(0, 100).map(async (name) => ({
      name: name.replace(/\.ya?ml$/, ''),
      source: await readFile(join(folder, name), 'utf8'),
    })),
  );
}

/** `experiment:12: key: ...` as a message and its line. */
function placedError(error: ConfigError): { message: string; line: number | null } {
  const [, line, message] = /^experiment:(?:(\d+):)?(?:\d+:)? ?(.*)$/s.exec(messageOf(error)) ?? [];
  return { message: message ?? messageOf(error), line: line === undefined ? null : Number(line) };
}

/** What a config can name, its schema, its checks and its plan. */
export function catalogRoutes(parts: ApiParts) {
  const { surroundings, clock, random, jobs } = parts;
  let probing = false;

  async function probe(spec: Parameters<typeof executeProbe>[0], count: number) {
    // A probe beside a run would slow both, and measure neither.
    if (probing || jobs.activeId() !== null) {
      throw new HttpProblem(409, 'an experiment is running: measure when it has ended, or plan without measuring');
    }
    probing = true;
    try {
      return await executeProbe(spec, count, { surroundings, clock, random });
    } finally {
      probing = false;
    }
  }

  const router = createRouter();
  router.openapi(catalogRoute, async (c) =>
    c.json(
      {
        dataset: describe('dataset'),
        engine: describe('engine'),
        method: describe('method'),
        metric: describe('metric'),
        retriever: describe('retriever'),
        'cross-encoder': describe('cross-encoder'),
        nli: describe('nli'),
        index: describe('index'),
        sampling: samplingJsonSchema(),
        examples: await exampleFiles(join(surroundings.baseDir, 'experiments')),
      },
      200,
    ),
  );
  router.openapi(schemaRoute, (c) => c.json(experimentJsonSchema() as Record<string, unknown>, 200));
  router.openapi(validateRoute, async (c) => {
    try {
      const { spec, configHash } = parseExperiment('experiment', c.req.valid('json').source);
      await checkExperimentReach(spec, surroundings);
      const variants = spec.variants.map((variant) => variant.variant);
      return c.json({ ok: true, error: null, name: spec.name, variants, configHash }, 200);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return c.json({ ok: false, error: placedError(error), name: null, variants: [], configHash: null }, 200);
    }
  });
  router.openapi(planRoute, async (c) => {
    const { source, probe: count } = c.req.valid('json');
    const { spec } = parseExperiment('experiment', source);
    await checkExperimentReach(spec, surroundings);
    const plans = await planExperiment(spec, surroundings, c.req.raw.signal);
    const probes = count === undefined ? [] : await probe(spec, count);
    const variants = plans.map((plan, i) => ({ ...plan, ...(probes[i] === undefined ? {} : { probe: probes[i] }) }));
    return c.json({ variants }, 200);
  });
  return router;
}
