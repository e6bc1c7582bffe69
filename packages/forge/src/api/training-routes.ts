import { createRoute, z } from '@hono/zod-openapi';
import type { Store } from '../store.ts';
import type { TrainingRecord, TrainingRunRecord } from '../training-record.ts';
import { HttpProblem } from './problem.ts';
import { type ApiParts, answers, createRouter, idParam } from './routing.ts';
import type * as shapes from './training-schemas.ts';
import { trainEventsSchema, trainingDetailSchema, trainingRunSchema, trainingSchema } from './training-schemas.ts';
import { trainingDetailView, trainingRunView, trainingView } from './training-views.ts';

const tags = ['Trainings'];

const listRoute = createRoute({
  method: 'get',
  path: '/trainings',
  tags,
  summary: 'List trainings, newest first',
  request: {
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(100).default(20),
      after: z.string().max(1000).optional().describe('`next` of the page before.'),
    }),
  },
  responses: answers('One page.', z.object({ items: z.array(trainingSchema), next: z.string().nullable() }), [400]),
});

const getRoute = createRoute({
  method: 'get',
  path: '/trainings/{id}',
  tags,
  summary: 'One training: its runs, and what was found',
  request: { params: idParam },
  responses: answers('The training.', trainingDetailSchema, [400, 404]),
});

const runRoute = createRoute({
  method: 'get',
  path: '/training-runs/{id}',
  tags,
  summary: 'One run of a training',
  request: { params: idParam },
  responses: answers('The run.', trainingRunSchema, [400, 404]),
});

const runEventsRoute = createRoute({
  method: 'get',
  path: '/training-runs/{id}/events',
  tags,
  summary: 'Steps, looks at validation rows, checkpoints and warnings of a run, as stored',
  request: {
    params: idParam,
    query: z.strictObject({
      after: z.coerce
        .number()
        .int()
        .min(0)
        .max(Number.MAX_SAFE_INTEGER)
        .default(0)
        .describe('`cursor` of the answer before; 0: from the first.'),
    }),
  },
  responses: answers('5000 events at most.', trainEventsSchema, [400, 404]),
});

/** By id. Throws the 404 of the API. */
export async function findTraining(store: Store, id: string): Promise<TrainingRecord> {
  const found = await store.getTraining(id);
  if (found === null) throw new HttpProblem(404, `no training "${id}"; GET /api/trainings lists what is stored`);
  return found;
}

async function findTrainingRun(store: Store, id: string): Promise<TrainingRunRecord> {
  const found = await store.getTrainingRun(id);
  if (found === null) throw new HttpProblem(404, `no training run "${id}"`);
  return found;
}

/** Trainings, their runs, and the steps of a run. */
export function trainingRoutes({ store }: ApiParts) {
  const router = createRouter();
  router.openapi(listRoute, async (c) => {
    const { limit, after } = c.req.valid('query');
    const page = await store.listTrainings({ limit, ...(after === undefined ? {} : { after }) });
    const runs = page.items.length === 0 ? [] : await store.listTrainingRuns(...page.items.map(({ id }) => id));
    const byTraining = Map.groupBy(runs, ({ trainingId }) => trainingId);
    const items = page.items.map((item) => trainingView(item, byTraining.get(item.id) ?? []));
    return c.json({ items, next: page.next }, 200);
  });
  router.openapi(getRoute, async (c) => {
    const training = await findTraining(store, c.req.valid('param').id);
    return c.json(trainingDetailView(training, await store.listTrainingRuns(training.id)), 200);
  });
  router.openapi(runRoute, async (c) =>
    c.json(trainingRunView(await findTrainingRun(store, c.req.valid('param').id)), 200),
  );
  router.openapi(runEventsRoute, async (c) => {
    const run = await findTrainingRun(store, c.req.valid('param').id);
    return c.json((await store.trainEvents(run.id, c.req.valid('query').after)) as shapes.TrainEvents, 200);
  });
  return router;
}
