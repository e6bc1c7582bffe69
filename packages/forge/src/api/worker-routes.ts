import { createRoute, z } from '@hono/zod-openapi';
import { type ApiParts, answers, createRouter } from './routing.ts';

const count = z.number().int().min(0);

const workerSchema = z
  .strictObject({
    id: z.uuid(),
    name: z.string().describe('host:pid'),
    kind: z.enum(['worker', 'server']),
    state: z.enum(['working', 'draining']),
    alive: z.boolean().describe('False where it has not been heard of for too long: others take over its shards.'),
    version: z.string(),
    gpu: z.boolean(),
    engines: z.array(z.string()),
    models: z.array(z.string()),
    startedAt: z.number(),
    seenAt: z.number(),
    shards: count,
  })
  .openapi('Worker');

const entrySchema = z
  .strictObject({
    experimentId: z.uuid(),
    name: z.string(),
    priority: z.number().int(),
    paused: z.boolean(),
    planned: z.boolean(),
    shards: z.strictObject({ waiting: count, claimed: count, done: count }),
  })
  .openapi('QueueEntry');

const limitSchema = z.strictObject({ key: z.string(), max: count, held: count }).openapi('Limit');

const route = createRoute({
  method: 'get',
  path: '/workers',
  tags: ['System'],
  summary: 'Workers, the experiments that they execute, and limits over all machines',
  responses: answers(
    'As it is now.',
    z.strictObject({ workers: z.array(workerSchema), queue: z.array(entrySchema), limits: z.array(limitSchema) }),
  ),
});

const lostAfterSeconds = 15;

export function workerRoutes({ store }: ApiParts) {
  const router = createRouter();
  router.openapi(route, async (c) => {
    const [workers, queue, limits] = await Promise.all([
      store.listWorkers(lostAfterSeconds),
      store.queueEntries(),
      store.listLimits(),
    ]);
    const views = workers.map(({ capabilities: { gpu, engines, models }, ...worker }) => ({
      ...worker,
      gpu,
      engines: [...engines],
      models: [...models],
    }));
    return c.json({ workers: views, queue: [...queue], limits: [...limits] }, 200);
  });
  return router;
}
