import { createRoute, z } from '@hono/zod-openapi';
import { type ApiParts, answers, createRouter } from './routing.ts';
import { corpusSchema, retrievalSchema } from './schemas.ts';

const tags = ['Retrieval'];

const listRoute = createRoute({
  method: 'get',
  path: '/corpora',
  tags,
  summary: 'The corpus files of the project, and what is ingested of them',
  responses: answers('The corpora.', z.object({ items: z.array(corpusSchema) })),
});

const ingestRoute = createRoute({
  method: 'post',
  path: '/corpora/ingest',
  tags,
  summary: 'Bring the index of a corpus up to date, in the background',
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: z.strictObject({ file: z.string().max(500) }) } },
    },
  },
  responses: answers('It has begun; the list shows how far it is.', z.object({ file: z.string() }), [400, 404, 409]),
});

const retrieveRoute = createRoute({
  method: 'post',
  path: '/retrieve',
  tags,
  summary: 'What one or several retrievers find for a query, with the score of every stage',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            query: z.string().trim().min(1).max(10_000),
            topK: z.number().int().min(1).max(50).default(5),
            retrievers: z
              .record(z.string().min(1).max(100), z.unknown())
              .refine((given) => Object.keys(given).length >= 1 && Object.keys(given).length <= 6, {
                error: 'must be 1 to 6 retrievers',
              })
              .describe('By a label of your own: what a config says at `retriever`.'),
          }),
        },
      },
    },
  },
  responses: answers('What each found, in the order asked.', z.object({ items: z.array(retrievalSchema) }), [400, 409]),
});

/** Corpora, their ingestion, and queries to retrievers. */
export function corpusRoutes({ corpora }: ApiParts) {
  const router = createRouter();
  router.openapi(listRoute, async (c) => c.json({ items: await corpora.list() }, 200));
  router.openapi(ingestRoute, async (c) => {
    const { file } = c.req.valid('json');
    c.set('auditTarget', file);
    await corpora.ingest(file);
    return c.json({ file }, 200);
  });
  router.openapi(retrieveRoute, async (c) =>
    c.json({ items: await corpora.retrieve(c.req.valid('json'), c.req.raw.signal) }, 200),
  );
  return router;
}
