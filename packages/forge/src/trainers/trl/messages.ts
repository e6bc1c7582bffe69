import { z } from 'zod';

/** What trl/train.py says: events, and a few things between it and the trainer. */

const count = z.int().min(0);
const figure = z.number();

const preference = z.strictObject({
  chosenReward: figure,
  rejectedReward: figure,
  margin: figure,
  accuracy: figure,
  chosenLogprob: figure,
  rejectedLogprob: figure,
});

const event = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('started'),
    totalSteps: count,
    doneSteps: count,
    rows: count,
    leftOut: count,
    parameters: z.strictObject({ trained: count, total: count }),
    memoryBytes: count.nullable(),
    environment: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  z.strictObject({ type: z.literal('preparing'), stage: z.string(), done: count, total: count }),
  z.strictObject({
    type: z.literal('step'),
    step: count,
    epoch: figure,
    loss: figure,
    learningRate: figure,
    gradientNorm: figure,
    tokens: count,
    tookMs: figure,
    preference: preference.optional(),
  }),
  z.strictObject({
    type: z.literal('validation'),
    step: count,
    n: count,
    loss: figure,
    preference: preference.optional(),
  }),
  z.strictObject({ type: z.literal('checkpoint'), step: count }),
  z.strictObject({ type: z.literal('warning'), message: z.string() }),
  z.strictObject({
    type: z.literal('finished'),
    step: count,
    reason: z.enum(['completed', 'early-stop', 'cancelled']),
    wallMs: figure,
    peakMemoryBytes: count,
  }),
]);

const exchange = z.discriminatedUnion('type', [
  /** The rows are read: so many are short enough. Answered with the plan. */
  z.strictObject({ type: z.literal('rows'), train: count }),
  /** A piece of a file of the result, from a machine with a folder of its own. */
  z.strictObject({
    type: z.literal('file'),
    path: z.string().regex(/^(adapter|model)\/(?!\.)[\w.-]{1,200}$/, 'a file of adapter/ or model/'),
    data: z.base64(),
    last: z.boolean(),
  }),
  z.strictObject({ type: z.literal('error'), kind: z.enum(['config', 'trainer']), message: z.string() }),
]);

export const message = z.union([event, exchange]);
export type Message = z.infer<typeof message>;
