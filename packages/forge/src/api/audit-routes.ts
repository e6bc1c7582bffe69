import { createRoute, z } from '@hono/zod-openapi';
import { auditEntrySchema } from './access-schemas.ts';
import { type ApiParts, answers, createRouter } from './routing.ts';

const auditRoute = createRoute({
  method: 'get',
  path: '/audit',
  tags: ['Access'],
  summary: 'What was written, spent or refused, newest first',
  request: {
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(500).default(50),
      after: z.string().max(20).optional().describe('`next` of the page before.'),
    }),
  },
  responses: answers('One page.', z.object({ items: z.array(auditEntrySchema), next: z.string().nullable() }), [400]),
});

/** `GET /api/audit` */
export function auditRoutes({ store }: ApiParts) {
  const router = createRouter();
  router.openapi(auditRoute, async (c) => {
    const { limit, after } = c.req.valid('query');
    const page = await store.listAudit({ limit, ...(after === undefined ? {} : { after }) });
    return c.json({ items: [...page.items], next: page.next }, 200);
  });
  return router;
}
