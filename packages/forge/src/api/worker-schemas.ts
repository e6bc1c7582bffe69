import { z } from '@hono/zod-openapi';
import { jobKinds } from '../worker-record.ts';

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
    jobs: count,
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

const jobSchema = z
  .strictObject({
    id: z.uuid(),
    kind: z.enum(jobKinds),
    subject: z.string().describe('Id of the training or benchmark; path of the corpus file.'),
    name: z.string(),
    priority: z.number().int(),
    paused: z.boolean(),
    state: z.enum(['waiting', 'claimed', 'done', 'failed', 'cancelled']),
    worker: z.string().nullable().describe('Where it is or was last executed: host:pid.'),
    attempts: count,
    error: z.string().nullable(),
    createdAt: z.number(),
    claimedAt: z.number().nullable(),
    endedAt: z.number().nullable(),
  })
  .openapi('QueuedJob');

const limitSchema = z.strictObject({ key: z.string(), max: count, held: count }).openapi('Limit');

export const queueSchema = z
  .strictObject({
    workers: z.array(workerSchema),
    queue: z.array(entrySchema).describe('Experiments, in the order in which they are worked on.'),
    jobs: z
      .array(jobSchema)
      .describe('What has not ended in the order in which it is worked on, then what ended last.'),
    limits: z.array(limitSchema),
  })
  .openapi('Queue');
export type Queue = z.infer<typeof queueSchema>;
