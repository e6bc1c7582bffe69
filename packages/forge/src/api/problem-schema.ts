import { z } from '@hono/zod-openapi';

/** RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string().describe('What is wrong and what to do, in one line.'),
    field: z.string().optional().describe('The parameter or key that is wrong.'),
    allowed: z.array(z.string()).optional(),
  })
  .openapi('Problem');

export type Problem = z.infer<typeof problemSchema>;
