import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import type { AuditEntry, Role } from '../access-record.ts';
import { clientAddress } from '../lib/client-address.ts';

/** Who sent a request. */
export interface Caller {
  readonly via: Exclude<AuditEntry['via'], 'sign-in' | 'command line'>;
  readonly role: Role;
  /** null where no token is needed. */
  readonly tokenId: string | null;
  readonly name: string;
  /** null where the request carries the token itself, or none is needed. */
  readonly session: { readonly hash: string; readonly csrf: string; readonly expiresAt: number } | null;
}

declare module 'hono' {
  interface ContextVariableMap {
    /** Not set where nobody has to be known. */
    caller: Caller | undefined;
    /** Set by routes that act on what is not named in their address: its id, for the audit log. */
    auditTarget: string | undefined;
  }
}

/** The other end of the connection, or whom trusted proxies heard. */
export function addressOf(c: Context, proxies: number): string {
  const { incoming } = (c.env ?? {}) as { incoming?: IncomingMessage };
  return clientAddress(incoming?.socket.remoteAddress, c.req.header('x-forwarded-for'), proxies);
}

/** True for methods that change nothing (RFC 9110, 9.2.1). */
export const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
