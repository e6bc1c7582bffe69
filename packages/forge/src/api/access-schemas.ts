import { z } from '@hono/zod-openapi';
import { roles } from '../access-record.ts';

export const sessionSchema = z
  .object({
    access: z
      .enum(['open', 'token', 'public-read-only'])
      .describe('open: nobody needs a token; public-read-only: reading needs none.'),
    caller: z
      .object({ name: z.string(), role: z.enum(roles), via: z.enum(['open', 'public', 'token', 'session']) })
      .nullable()
      .describe('null: sign in first.'),
    csrf: z
      .string()
      .nullable()
      .describe('Of a session: what requests other than GET must carry in the header x-forge-csrf.'),
    expiresAt: z.number().nullable().describe('When the session ends, ms.'),
  })
  .openapi('Session');
export type Session = z.infer<typeof sessionSchema>;

export const auditEntrySchema = z
  .object({
    id: z.number(),
    at: z.number().describe('ms since the epoch.'),
    tokenId: z.string().nullable(),
    caller: z.string().describe('Name of the token.'),
    via: z.enum(['open', 'public', 'token', 'session', 'sign-in', 'command line']),
    action: z.string().describe('The route or the command.'),
    target: z.string().nullable().describe('Id of what was acted on.'),
    status: z.number().nullable().describe('HTTP status; null: the process ended before the action had.'),
    address: z.string().nullable(),
  })
  .openapi('AuditEntry');
export type AuditEntry = z.infer<typeof auditEntrySchema>;
