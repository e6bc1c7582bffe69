import { createRoute } from '@hono/zod-openapi';
import { type ApiParts, answers, createRouter } from './routing.ts';
import { queueSchema } from './worker-schemas.ts';

const route = createRoute({
  method: 'get',
  path: '/workers',
  tags: ['System'],
  summary: 'Workers, the experiments and jobs that they execute, and limits over all machines',
  responses: answers('As it is now.', queueSchema),
});

const lostAfterSeconds = 15;
const shownJobs = 100;

/** `GET /api/workers`: workers, queue, limits. */
export function workerRoutes({ store }: ApiParts) {
  const router = createRouter();
  router.openapi(route, async (c) => {
    const [workers, queue, jobs, limits] = await Promise.all([
      store.listWorkers(lostAfterSeconds),
      store.queueEntries(),
      store.listJobs(shownJobs),
      store.listLimits(),
    ]);
    const views = workers.map(({ capabilities: { gpu, engines, models }, ...worker }) => ({
      ...worker,
      gpu,
      engines: [...engines],
      models: [...models],
    }));
    return c.json({ workers: views, queue: [...queue], jobs: [...jobs], limits: [...limits] }, 200);
  });
  return router;
}
