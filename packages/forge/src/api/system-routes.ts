import { createRoute, z } from '@hono/zod-openapi';
import { messageOf } from '../errors.ts';
import type { ExperimentRecord } from '../store.ts';
import { HttpProblem } from './problem.ts';
import { type ApiParts, answers, createRouter } from './routing.ts';
import { overviewSchema } from './schemas.ts';
import { experimentView } from './views.ts';

const tags = ['System'];
const okSchema = z.object({ status: z.literal('ok') });

const healthRoute = createRoute({
  method: 'get',
  path: '/health',
  tags,
  summary: 'The process answers',
  responses: answers('It does.', okSchema),
});

const readyRoute = createRoute({
  method: 'get',
  path: '/ready',
  tags,
  summary: 'The database answers too',
  responses: {
    ...answers('It does.', okSchema),
    503: { description: 'It does not; `detail` says why.' },
  },
});

const overviewRoute = createRoute({
  method: 'get',
  path: '/overview',
  tags,
  summary: 'Totals, what runs now, recent experiments, latest findings',
  responses: answers('The overview.', overviewSchema),
});

const shown = 8;
/** How far back findings are looked for. */
const searched = 40;

/** Health, readiness, and the overview of what is stored. */
export function systemRoutes(parts: ApiParts) {
  const { store, version, database } = parts;

  async function views(experiments: readonly ExperimentRecord[]) {
    const runs = experiments.length === 0 ? [] : await store.listRuns(...experiments.map(({ id }) => id));
    return experiments.map((one) =>
      experimentView(
        one,
        runs.filter((run) => run.experimentId === one.id),
      ),
    );
  }

  const router = createRouter();
  router.openapi(healthRoute, (c) => c.json({ status: 'ok' as const }, 200));
  router.openapi(readyRoute, async (c) => {
    try {
      await store.listQueued();
    } catch (error) {
      // Where the database is concerns only who is known here.
      throw new HttpProblem(503, c.get('caller') === undefined ? 'the database does not answer' : messageOf(error));
    }
    return c.json({ status: 'ok' as const }, 200);
  });
  router.openapi(overviewRoute, async (c) => {
    const [totals, running, queued, latest] = await Promise.all([
      store.totals(),
      store.listExperiments({ status: 'running' }, { limit: shown }),
      store.listQueued(),
      store.listExperiments({}, { limit: searched }),
    ]);
    const active = new Map([...running.items, ...queued].map((experiment) => [experiment.id, experiment]));
    const findings = latest.items.filter(({ headline }) => headline !== null && headline.length > 0);
    return c.json(
      {
        totals,
        active: await views([...active.values()].slice(0, shown)),
        recent: await views(latest.items.slice(0, shown)),
        findings: await views(findings.slice(0, shown)),
        version,
        database,
      },
      200,
    );
  });
  return router;
}
