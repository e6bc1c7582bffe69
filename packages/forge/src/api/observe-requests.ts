import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { type Log, withLogFields } from '../lib/log.ts';
import type { Metrics } from './metrics.ts';

export interface Observation {
  readonly metrics?: Metrics;
  readonly log?: Log;
  monotonic(): number;
}

/** Asked for so often that a line for each says nothing. */
const quiet: ReadonlySet<string> = new Set(['/metrics', '/api/health', '/api/ready']);

/**
 * Gives each request an id (its own `x-request-id`, where it is a plain one), writes it into the answer and into whatever is
 * logged meanwhile, and counts it. Of the address only the path is logged: a query may hold what is nobody's business.
 */
export function observeRequests({ metrics, log, monotonic }: Observation): MiddlewareHandler {
  return async (c, next) => {
    const given = c.req.header('x-request-id') ?? '';
    const requestId = /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
    const started = monotonic();
    await withLogFields({ requestId }, async () => {
      await next();
      const seconds = (monotonic() - started) / 1000;
      const { method, path } = c.req;
      const { status } = c.res;
      c.res.headers.set('x-request-id', requestId);
      // The pattern that answered; what has a star is a guard or the dashboard's files.
      const route = matchedRoutes(c).find((one) => !one.path.endsWith('*'))?.path ?? 'other';
      metrics?.request(method, route, status, seconds);
      const fields = { method, path, route, status, durationMs: Math.round(1e5 * seconds) / 100 };
      if (status >= 500) log?.error('request failed', fields);
      else if (quiet.has(path)) log?.debug('request', fields);
      else log?.info('request', fields);
    });
  };
}
