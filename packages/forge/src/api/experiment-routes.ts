import { createRoute, z } from '@hono/zod-openapi';
import { stream } from 'hono/streaming';
import { checkExperimentReach } from '../check-experiment-reach.ts';
import { exportLines } from '../export-rows.ts';
import { parseExperiment, storedForm } from '../load-experiment.ts';
import { readFinding } from '../read-finding.ts';
import type { ExperimentFilter, ExperimentRecord } from '../store.ts';
import type { RunSummary } from '../summarize-run.ts';
import { HttpProblem } from './problem.ts';
import { type ApiParts, answers, createRouter, findExperiment, idParam } from './routing.ts';
import type * as shapes from './schemas.ts';
import { experimentDetailSchema, experimentSchema, facetsSchema, runStatusSchema } from './schemas.ts';
import { comparisonView, experimentDetailView, experimentView, runView } from './views.ts';

const tags = ['Experiments'];
const sourceField = z.string().min(1).max(1_000_000).describe('The experiment as YAML.');
const text = z.string().min(1).max(200).optional();

const listRoute = createRoute({
  method: 'get',
  path: '/experiments',
  tags,
  summary: 'List experiments',
  request: {
    query: z.strictObject({
      text: text.describe('Part of the name or the description.'),
      status: runStatusSchema.optional().describe('Experiments with such a run.'),
      method: text,
      engine: text,
      model: text,
      dataset: text,
      deleted: z.enum(['exclude', 'only', 'include']).default('exclude'),
      sort: z.enum(['newest', 'oldest', 'name']).default('newest'),
      limit: z.coerce.number().int().min(1).max(100).default(20),
      after: z.string().max(1000).optional().describe('`next` of the page before.'),
    }),
  },
  responses: answers('One page.', z.object({ items: z.array(experimentSchema), next: z.string().nullable() }), [400]),
});

const facetsRoute = createRoute({
  method: 'get',
  path: '/experiments/facets',
  tags,
  summary: 'The values that the filters of the list can have',
  responses: answers('What stored experiments name.', facetsSchema),
});

const createExperimentRoute = createRoute({
  method: 'post',
  path: '/experiments',
  tags,
  summary: 'Create an experiment, and start it where asked',
  request: {
    body: {
      required: true,
      content: {
        'application/json': { schema: z.strictObject({ source: sourceField, start: z.boolean().default(false) }) },
      },
    },
  },
  responses: answers('The new experiment.', experimentDetailSchema, [400, 413]),
});

const getRoute = createRoute({
  method: 'get',
  path: '/experiments/{id}',
  tags,
  summary: 'One experiment: its runs with their figures, and what was found',
  request: { params: idParam },
  responses: answers('The experiment.', experimentDetailSchema, [400, 404]),
});

const updateRoute = createRoute({
  method: 'put',
  path: '/experiments/{id}',
  tags,
  summary: 'Change an experiment that has not started',
  request: {
    params: idParam,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            source: sourceField,
            revision: z.number().int().min(1).describe('The revision that the change was made on.'),
          }),
        },
      },
    },
  },
  responses: answers('The changed experiment.', experimentDetailSchema, [400, 404, 409, 413]),
});

const action = (name: 'start' | 'cancel' | 'resume', summary: string) =>
  createRoute({
    method: 'post',
    path: `/experiments/{id}/${name}`,
    tags,
    summary,
    request: { params: idParam },
    responses: answers('The experiment as it is now.', experimentDetailSchema, [400, 404, 409]),
  });

const done = { 204: { description: 'Done.' } };

const deleteRoute = createRoute({
  method: 'delete',
  path: '/experiments/{id}',
  tags,
  summary: 'Hide an experiment; it can be restored',
  request: { params: idParam },
  responses: done,
});

const restoreRoute = createRoute({
  method: 'post',
  path: '/experiments/{id}/restore',
  tags,
  summary: 'Bring a deleted experiment back',
  request: { params: idParam },
  responses: done,
});

const exportRoute = createRoute({
  method: 'get',
  path: '/experiments/{id}/export',
  tags,
  summary: 'Download the rows (JSON Lines, CSV) or the finding (Markdown)',
  request: {
    params: idParam,
    query: z.strictObject({
      format: z.enum(['jsonl', 'csv', 'markdown']).default('jsonl'),
      calls: z.stringbool().default(false).describe('With every model call (jsonl only).'),
    }),
  },
  responses: { 200: { description: 'The file, streamed.', content: { 'text/plain': { schema: z.string() } } } },
});

const mediaTypes = { jsonl: 'application/x-ndjson', csv: 'text/csv', markdown: 'text/markdown' };
const extensions = { jsonl: 'jsonl', csv: 'csv', markdown: 'md' };

/** `/api/experiments`: list, create, cancel, delete, compare. */
export function experimentRoutes(parts: ApiParts) {
  const { store, jobs, liveSummary, compareThread, surroundings } = parts;

  async function detail(experiment: ExperimentRecord): Promise<shapes.ExperimentDetail> {
    const finding = await readFinding(store, experiment, compareThread.compare);
    const states = new Map((await store.runStates(experiment.id)).map((state) => [state.runId, state]));
    const records = finding.runs.map(({ run }) => run);
    const runs = await Promise.all(
      records.map(async (run) => {
        const summary = run.status === 'running' ? await liveSummary(run) : (run.summary as RunSummary | null);
        const { id: runId, variant, status, total } = run;
        return runView(run, states.get(run.id) ?? { runId, variant, status, total, done: 0, failed: 0 }, summary);
      }),
    );
    return experimentDetailView(experiment, records, runs, {
      comparisons: finding.comparisons.map(comparisonView),
      latency: [...finding.latency],
      tokens: [...finding.tokens],
    });
  }

  async function checked(source: string) {
    const loaded = parseExperiment('experiment', source);
    await checkExperimentReach(loaded.spec, surroundings);
    return storedForm(loaded);
  }

  const reread = async (id: string) => detail(await findExperiment(store, id));

  async function start(id: string): Promise<shapes.ExperimentDetail> {
    const experiment = await findExperiment(store, id);
    if (experiment.deletedAt !== null) throw new HttpProblem(409, 'this experiment is deleted; restore it first');
    const runs = await store.listRuns(experiment.id);
    if (runs.every((run) => run.status === 'finished')) {
      throw new HttpProblem(409, 'every run of this experiment is finished; duplicate it to run it again');
    }
    await jobs.start(experiment.id);
    return reread(experiment.id);
  }

  const router = createRouter();
  router.openapi(listRoute, async (c) => {
    const { sort, limit, after, ...given } = c.req.valid('query');
    const filter = given as ExperimentFilter;
    const page = await store.listExperiments(filter, { limit, ...(after === undefined ? {} : { after }) }, sort);
    const runs = page.items.length === 0 ? [] : await store.listRuns(...page.items.map(({ id }) => id));
    const items = page.items.map((item) =>
      experimentView(
        item,
        runs.filter((run) => run.experimentId === item.id),
      ),
    );
    return c.json({ items, next: page.next }, 200);
  });
  router.openapi(facetsRoute, async (c) => c.json((await store.facets()) as shapes.Facets, 200));
  router.openapi(createExperimentRoute, async (c) => {
    const { source, start: startNow } = c.req.valid('json');
    const { experiment } = await store.createExperiment(await checked(source));
    c.set('auditTarget', experiment.id);
    return c.json(startNow ? await start(experiment.id) : await detail(experiment), 200);
  });
  router.openapi(getRoute, async (c) => c.json(await reread(c.req.valid('param').id), 200));
  router.openapi(updateRoute, async (c) => {
    const { source, revision } = c.req.valid('json');
    const { id } = await findExperiment(store, c.req.valid('param').id);
    const changed = { ...(await checked(source)), revision };
    return c.json(await detail(await store.updateExperiment(id, changed)), 200);
  });
  router.openapi(action('start', 'Start an experiment: it is queued, and executed in turn'), async (c) =>
    c.json(await start(c.req.valid('param').id), 200),
  );
  router.openapi(action('resume', 'Go on with one that was stopped; finished examples are not done again'), async (c) =>
    c.json(await start(c.req.valid('param').id), 200),
  );
  router.openapi(action('cancel', 'Stop an experiment; what is finished is kept'), async (c) => {
    const { id } = await findExperiment(store, c.req.valid('param').id);
    const running = (await store.listRuns(id)).some((run) => run.status === 'running');
    if (running && jobs.byWorkers !== true && jobs.activeId() !== id) {
      throw new HttpProblem(
        409,
        'another process executes this experiment; stop it there, or resume it here once it has ended',
      );
    }
    await jobs.cancel(id);
    return c.json(await reread(id), 200);
  });
  router.openapi(deleteRoute, async (c) => {
    const { id } = await findExperiment(store, c.req.valid('param').id);
    await jobs.cancel(id);
    await store.deleteExperiment(id);
    return c.body(null, 204);
  });
  router.openapi(restoreRoute, async (c) => {
    const { id } = await findExperiment(store, c.req.valid('param').id);
    await store.restoreExperiment(id);
    return c.body(null, 204);
  });
  router.openapi(exportRoute, async (c) => {
    const { format, calls } = c.req.valid('query');
    const experiment = await findExperiment(store, c.req.valid('param').id);
    c.header('content-type', `${mediaTypes[format]}; charset=utf-8`);
    c.header('content-disposition', `attachment; filename="${experiment.name}.${extensions[format]}"`);
    return stream(c, async (out) => {
      for await (const line of exportLines(store, experiment, format, { calls: calls && format === 'jsonl' })) {
        if (out.aborted) return;
        await out.write(`${line}\n`);
      }
    }) as never;
  });
  return router;
}
