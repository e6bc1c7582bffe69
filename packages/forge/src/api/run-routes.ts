import { createRoute, z } from '@hono/zod-openapi';
import { toolErrorKinds } from '../lib/agent-trace.ts';
import type { ExperimentSpec, VariantSpec } from '../load-experiment.ts';
import { compareGroups } from '../read-finding.ts';
import type { ResultFilter, RunRecord } from '../store.ts';
import type { RunSummary } from '../summarize-run.ts';
import { HttpProblem } from './problem.ts';
import { type ApiParts, answers, createRouter, findExperiment, findRun, idParam } from './routing.ts';
import type * as shapes from './schemas.ts';
import { comparedRunsSchema, resultSchema, runSchema, tableRowSchema } from './schemas.ts';
import { comparisonView, runView } from './views.ts';

const tags = ['Runs'];

const getRoute = createRoute({
  method: 'get',
  path: '/runs/{id}',
  tags,
  summary: 'One run with its figures',
  request: { params: idParam },
  responses: answers('The run.', runSchema, [400, 404]),
});

const rowsRoute = createRoute({
  method: 'get',
  path: '/runs/{id}/results',
  tags,
  summary: 'Examples of a run, from any place of the table',
  request: {
    params: idParam,
    query: z.strictObject({
      outcome: z
        .enum(['right', 'wrong', 'failed'])
        .optional()
        .describe('right: a score of 1 on `metric`; wrong: under 1 and not failed.'),
      metric: z.string().max(200).optional().describe('The deciding one when left out.'),
      text: z.string().min(1).max(200).optional().describe('Part of the question or the answer.'),
      tool: z.string().min(1).max(64).optional().describe('Examples in which an agent called this tool.'),
      toolError: z
        .enum(toolErrorKinds)
        .optional()
        .describe('Examples in which a tool failed so; with `tool`: this tool.'),
      sort: z.enum(['row', 'slowest']).default('row'),
      offset: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
  },
  responses: answers(
    'Lines of the table; `total`: how many the filter finds.',
    z.object({ total: z.number(), items: z.array(tableRowSchema) }),
    [400, 404],
  ),
});

const resultRoute = createRoute({
  method: 'get',
  path: '/runs/{id}/results/{exampleId}',
  tags,
  summary: 'One example whole: prompts, outputs, steps, timings',
  request: { params: idParam.extend({ exampleId: z.string().min(1).max(2000) }) },
  responses: answers('The example.', resultSchema, [400, 404]),
});

const compareRoute = createRoute({
  method: 'get',
  path: '/compare',
  tags,
  summary: 'Compare two to ten runs, paired by example; the first is the baseline',
  request: {
    query: z.strictObject({
      runs: z.string().min(1).max(500).describe('Run ids, separated by commas.'),
      metric: z.string().max(200).optional().describe('The deciding one of the first run when left out.'),
      minimumEffect: z.coerce.number().gt(0).max(1).default(0.05).describe('Smallest difference that matters.'),
    }),
  },
  responses: answers('Figures and verdicts.', comparedRunsSchema, [400, 404, 409]),
});

const metricsOf = (run: RunRecord) => (run.spec as VariantSpec).metrics.map((metric) => metric.name);

/** Short names that tell the runs apart: the variant, with the experiment and then the id where that is not enough. */
function labelsOf(runs: readonly RunRecord[], experiments: readonly string[]): string[] {
  const levels = [
    (run: RunRecord) => run.variant,
    (run: RunRecord, i: number) => `${experiments[i]}: ${run.variant}`,
    (run: RunRecord, i: number) => `${experiments[i]}: ${run.variant} (${run.id.slice(-6)})`,
  ];
  const named = levels.map((level) => runs.map(level));
  return named.find((labels) => new Set(labels).size === labels.length) ?? runs.map((run) => run.id);
}

/** Runs, their results, one result, and comparisons of runs. */
export function runRoutes(parts: ApiParts) {
  const { store, liveSummary, compareThread } = parts;

  async function view(run: RunRecord): Promise<shapes.Run> {
    const states = await store.runStates(run.experimentId);
    const { id: runId, variant, status, total } = run;
    const state = states.find((one) => one.runId === run.id) ?? { runId, variant, status, total, done: 0, failed: 0 };
    return runView(run, state, run.status === 'running' ? await liveSummary(run) : (run.summary as RunSummary | null));
  }

  async function decidingMetric(run: RunRecord): Promise<string> {
    const { config } = await findExperiment(store, run.experimentId);
    return (config as ExperimentSpec).compare.metric;
  }

  async function runsToCompare(list: string): Promise<RunRecord[]> {
    const ids = list.split(',').filter((id) => id !== '');
    if (ids.length < 2 || ids.length > 10) {
      throw new HttpProblem(400, `runs: ${ids.length} given; two to ten can be compared`, { field: 'runs' });
    }
    const runs: RunRecord[] = [];
    for (const id of ids) runs.push(await findRun(store, id));
    if (new Set(runs.map((run) => run.id)).size < runs.length) {
      throw new HttpProblem(400, 'runs: the same run is named twice', { field: 'runs' });
    }
    const unfinished = runs.find((run) => run.status !== 'finished');
    if (unfinished !== undefined) {
      throw new HttpProblem(
        409,
        `run ${unfinished.id} (${unfinished.variant}) is ${unfinished.status}; only finished runs can be compared`,
      );
    }
    return runs;
  }

  const router = createRouter();
  router.openapi(getRoute, async (c) => c.json(await view(await findRun(store, c.req.valid('param').id)), 200));
  router.openapi(rowsRoute, async (c) => {
    const run = await findRun(store, c.req.valid('param').id);
    const {
      outcome,
      text,
      tool,
      toolError,
      sort,
      offset,
      limit,
      metric = await decidingMetric(run),
    } = c.req.valid('query');
    if (!metricsOf(run).includes(metric)) {
      throw new HttpProblem(400, `metric: "${metric}" is not measured by this run`, {
        field: 'metric',
        allowed: metricsOf(run),
      });
    }
    const filters: Record<string, ResultFilter> = {
      right: { metric, minScore: 1, failed: false },
      wrong: { metric, belowScore: 1, failed: false },
      failed: { failed: true },
    };
    const filter = {
      ...filters[outcome ?? ''],
      ...(text === undefined ? {} : { text }),
      ...(tool === undefined ? {} : { tool }),
      ...(toolError === undefined ? {} : { toolError }),
    };
    const page = await store.listTableRows(run.id, filter, { offset, limit, order: sort });
    return c.json(page as { total: number; items: shapes.TableRow[] }, 200);
  });
  router.openapi(resultRoute, async (c) => {
    const { id, exampleId } = c.req.valid('param');
    const run = await findRun(store, id);
    const result = await store.getResult(run.id, exampleId);
    if (result === null) throw new HttpProblem(404, `run ${run.id} has no example "${exampleId}"`);
    return c.json(result as unknown as shapes.Result, 200);
  });
  router.openapi(compareRoute, async (c) => {
    const { runs: list, metric: wanted, minimumEffect } = c.req.valid('query');
    const runs = await runsToCompare(list);
    const metrics = metricsOf(runs[0] as RunRecord).filter((name) =>
      runs.every((run) => metricsOf(run).includes(name)),
    );
    const deciding = await decidingMetric(runs[0] as RunRecord);
    const metric = wanted ?? (metrics.includes(deciding) ? deciding : metrics[0]);
    if (metric === undefined || !metrics.includes(metric)) {
      throw new HttpProblem(
        400,
        `metric: ${metric === undefined ? 'these runs share none' : `"${metric}" is not measured by all of these runs`}`,
        {
          field: 'metric',
          allowed: metrics,
        },
      );
    }
    const names = await Promise.all(runs.map(async (run) => (await findExperiment(store, run.experimentId)).name));
    const labels = labelsOf(runs, names);
    const groups = runs.map((run, i) => ({ label: labels[i] as string, runs: [run] }));
    const found = await compareGroups(store, groups, { metric, alpha: 0.05, minimumEffect }, compareThread.compare);
    const views = await Promise.all(runs.map(view));
    return c.json(
      {
        metric,
        metrics,
        runs: views.map((run, i) => ({ ...run, label: labels[i] as string, experimentName: names[i] as string })),
        comparisons: found.comparisons.map(comparisonView),
        latency: [...found.latency],
        tokens: [...found.tokens],
      },
      200,
    );
  });
  return router;
}
