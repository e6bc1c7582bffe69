import { createRoute, z } from '@hono/zod-openapi';
import type { BenchmarkRecord } from '../benchmark-record.ts';
import { benchmarkDetailSchema, benchmarkSchema } from './benchmark-schemas.ts';
import { benchmarkDetailView, benchmarkView } from './benchmark-views.ts';
import { HttpProblem } from './problem.ts';
import { type ApiParts, answers, createRouter, idParam } from './routing.ts';

const tags = ['Benchmarks'];

const listRoute = createRoute({
  method: 'get',
  path: '/benchmarks',
  tags,
  summary: 'List benchmarks, newest first',
  request: {
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(100).default(20),
      after: z.string().max(1000).optional().describe('`next` of the page before.'),
    }),
  },
  responses: answers('One page.', z.object({ items: z.array(benchmarkSchema), next: z.string().nullable() }), [400]),
});

const getRoute = createRoute({
  method: 'get',
  path: '/benchmarks/{id}',
  tags,
  summary: 'One benchmark: what was asked, what is measured so far, and what was found',
  description:
    'Its cells are runs of the experiment `experimentId`, whose events say how they go on; ask again for the loads.',
  request: { params: idParam },
  responses: answers('The benchmark.', benchmarkDetailSchema, [400, 404]),
});

/** `/api/benchmarks`: list and one. */
export function benchmarkRoutes({ store }: ApiParts) {
  /** Where its cells stand, and what is measured. */
  const measuredOf = ({ id, experimentId }: BenchmarkRecord) =>
    Promise.all([store.runStates(experimentId), store.benchmarkPoints(id)]);

  const router = createRouter();
  router.openapi(listRoute, async (c) => {
    const { limit, after } = c.req.valid('query');
    const page = await store.listBenchmarks({ limit, ...(after === undefined ? {} : { after }) });
    const items = await Promise.all(
      page.items.map(async (item) =>
        item.report === null ? benchmarkView(item, ...(await measuredOf(item))) : benchmarkView(item, [], new Map()),
      ),
    );
    return c.json({ items, next: page.next }, 200);
  });
  router.openapi(getRoute, async (c) => {
    const { id } = c.req.valid('param');
    const benchmark = await store.getBenchmark(id);
    if (benchmark === null)
      throw new HttpProblem(404, `no benchmark "${id}"; GET /api/benchmarks lists what is stored`);
    return c.json(benchmarkDetailView(benchmark, ...(await measuredOf(benchmark))), 200);
  });
  return router;
}
