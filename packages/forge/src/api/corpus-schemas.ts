import { z } from '@hono/zod-openapi';

/** The shapes of corpora and what is found in them in the HTTP API. */

export const corpusSchema = z
  .object({
    file: z.string().describe('Path of the corpus file, as an experiment names it.'),
    name: z.string(),
    description: z.string(),
    error: z.string().nullable().describe('What is wrong with the file.'),
    sources: z.array(z.string()),
    chunkTokens: z.number().nullable(),
    overlapTokens: z.number().nullable(),
    embedder: z.string().describe('Its model, or its name.'),
    index: z.string(),
    state: z
      .enum(['broken', 'not-ingested', 'ingesting', 'ingested'])
      .describe(
        '`ingested`: there is a finished index; it may be older than its sources, which a run or an ingestion mends.',
      ),
    progress: z.object({ message: z.string(), done: z.number(), total: z.number() }).nullable(),
    lastError: z.string().nullable().describe('Why the last ingestion from here failed.'),
    documents: z.number().nullable(),
    chunks: z.number().nullable(),
    dimension: z.number().nullable(),
    finishedAt: z.number().nullable().describe('ms since the epoch.'),
  })
  .openapi('Corpus');

export const passageSchema = z
  .object({
    id: z.string(),
    documentId: z.string(),
    title: z.string(),
    url: z.string(),
    text: z.string(),
    score: z.number(),
    stages: z.record(z.string(), z.number()).describe('The score of every stage that saw it.'),
  })
  .openapi('Passage');

export const retrievalSchema = z
  .object({
    label: z.string(),
    passages: z.array(passageSchema),
    tookMs: z.number(),
    error: z.string().nullable(),
  })
  .openapi('Retrieval');

export type Corpus = z.infer<typeof corpusSchema>;
export type Passage = z.infer<typeof passageSchema>;
export type Retrieval = z.infer<typeof retrievalSchema>;
