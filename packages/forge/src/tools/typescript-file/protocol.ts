import { z } from 'zod';

/** What the parent asks; one line of JSON each. */
export type ToolRequest =
  | { readonly type: 'load'; readonly file: string }
  | { readonly type: 'call'; readonly id: number; readonly tool: string; readonly input: unknown; readonly max: number }
  | { readonly type: 'abort'; readonly id: number };

/** What the process answers; the parent checks it, for the user's code runs in the same process. */
export const toolAnswer = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('loaded'),
    tools: z.array(z.object({ name: z.string(), description: z.string(), schema: z.unknown() })).max(64),
    /** URLs of all files that were loaded. */
    files: z.array(z.string()).max(10_000),
  }),
  z.object({ type: z.literal('load-failed'), reason: z.string() }),
  z.object({
    type: z.literal('done'),
    id: z.number(),
    text: z.string(),
    error: z.enum(['bad-arguments', 'failed']).optional(),
  }),
]);

export type ToolAnswer = z.infer<typeof toolAnswer>;
