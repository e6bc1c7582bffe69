import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { AccessStore } from '../access-record.ts';
import { sameSecret } from '../lib/access-secret.ts';
import type { Access } from './access.ts';
import { type AccessRule, accessRules, docsRole, mayAs } from './access-rules.ts';
import { type Caller, isSafe } from './caller.ts';
import { HttpProblem, problemOf } from './problem.ts';

const csrfHeader = 'x-forge-csrf';

interface Asked {
  /** `POST /experiments/{id}/start`. */
  readonly route: string;
  readonly rule: AccessRule;
  /** What stands in the place of {id}. */
  readonly target: string | null;
}

const named = (method: string, path: string) =>
  `${method} ${path.replace(/^\/api(?=\/)/, '').replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`;

/** The routes of an API that have no entry in the table of access-rules.ts. */
export const routesWithoutRule = (routes: readonly { method: string; path: string }[]): string[] =>
  routes
    .filter(({ method, path }) => method !== 'ALL' && !path.includes('*'))
    .map(({ method, path }) => named(method, path))
    .filter((route) => !Object.hasOwn(accessRules, route));

/** The route that the router itself has found for a request: there is no second opinion on what an address means. */
function askedOf(c: Context): Asked | undefined {
  const route = matchedRoutes(c).find(({ method, path }) => method !== 'ALL' && !path.includes('*'));
  if (route === undefined) return undefined;
  const name = named(route.method, route.path);
  const rule = accessRules[name];
  if (rule === undefined) throw new Error(`access-rules.ts has no entry for ${name}`);
  const place = route.path.split('/').indexOf(':id');
  const target = place === -1 ? null : (c.req.path.split('/')[place]?.slice(0, 100) ?? null);
  return { route: name, rule, target };
}

function unauthorized(refusal: string): HttpProblem {
  return new HttpProblem(401, refusal, { headers: { 'www-authenticate': 'Bearer realm="LLM Forge"' } });
}

function forbidden(route: string, needed: string, caller: Caller): HttpProblem {
  if (caller.via === 'public') {
    return unauthorized(`without a token this server can only be read: ${route} needs one of the role ${needed}`);
  }
  return new HttpProblem(
    403,
    `${route} needs the role ${needed}; the token "${caller.name}" is of the role ${caller.role}. Use another, made with: forge token create --name NAME --role ${needed}`,
  );
}

/** A page of another site can make a browser send its cookies, but knows no header that was handed to our own page. */
function checkCsrf(c: Context, { session }: Caller): void {
  if (session === null || isSafe(c.req.method)) return;
  const given = c.req.header(csrfHeader) ?? '';
  if (sameSecret(given, session.csrf)) return;
  throw new HttpProblem(
    403,
    `${csrfHeader}: ${given === '' ? 'missing' : 'of another session'}; send the csrf of GET /api/session`,
    {
      field: csrfHeader,
    },
  );
}

/** Ends a stream once who follows it no longer may. */
function untilRefused(
  body: ReadableStream<Uint8Array>,
  everyMs: number,
  allowed: () => Promise<boolean>,
): ReadableStream {
  const reader = body.getReader();
  let timer: ReturnType<typeof setInterval> | undefined;
  let ended = false;
  const end = () => {
    ended = true;
    clearInterval(timer);
  };
  return new ReadableStream({
    start(controller) {
      timer = setInterval(async () => {
        // A database that is away for a moment says nothing about rights.
        if (ended || (await allowed().catch(() => true)) || ended) return;
        end();
        controller.close();
        await reader.cancel();
      }, everyMs);
      timer.unref();
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (ended) return;
      if (!done) return controller.enqueue(value);
      end();
      controller.close();
    },
    cancel(reason) {
      end();
      return reader.cancel(reason);
    },
  });
}

/** Runs what writes or spends between two entries of the audit log: nothing is done that is not written down first. */
async function audited(
  c: Context,
  store: AccessStore,
  entry: { asked: Asked; caller: Caller | null; address: string },
  next: () => Promise<void>,
): Promise<void> {
  const { asked, caller, address } = entry;
  const id = await store.addAuditEntry({
    tokenId: caller?.tokenId ?? null,
    caller: caller?.name ?? 'nobody',
    via: caller?.via ?? 'sign-in',
    action: asked.route,
    target: asked.target,
    status: null,
    address,
  });
  let status = 500;
  try {
    await next();
    status = c.res.status;
  } catch (error) {
    status = problemOf(error).status;
    throw error;
  } finally {
    await store.closeAuditEntry(id, { status, target: c.get('auditTarget') ?? asked.target });
  }
}

const signInRoute = 'POST /session';

/** Throws HttpProblem where this caller may not do this, or a page of another site may have sent it. */
async function checkRights(
  c: Context,
  store: AccessStore,
  { asked, caller, address }: { asked: Asked; caller: Caller; address: string },
): Promise<void> {
  const { route, rule, target } = asked;
  if (mayAs(caller.role, rule.role)) {
    // Who signs in anew has no need of the session before; Origin and Sec-Fetch-Site are checked for all.
    if (route !== signInRoute) checkCsrf(c, caller);
    return;
  }
  const { tokenId, name, via } = caller;
  // Who has no token could fill the log.
  if (tokenId !== null)
    await store.addAuditEntry({ tokenId, caller: name, via, action: route, target, status: 403, address });
  throw forbidden(route, rule.role, caller);
}

const isAudited = ({ route, rule }: Asked, caller: Caller | null) =>
  rule.effect !== 'reads' &&
  (route === signInRoute || (caller !== null && (caller.tokenId !== null || caller.via === 'open')));

/** Before every route of the API: who is it, may they, not too often, and what they do is written down. */
export function accessGuard(access: Access, store: AccessStore): MiddlewareHandler {
  return async (c, next) => {
    const asked = askedOf(c);
    const found = await access.identify(c);
    const { caller } = found;
    access.admit(c, caller);
    c.set('caller', caller ?? undefined);
    const address = access.addressOf(c);
    if (asked?.route === signInRoute) access.admitSignIn(c);
    if (caller === null && asked?.rule.role !== 'anyone') throw unauthorized('refusal' in found ? found.refusal : '');
    if (asked !== undefined && caller !== null) await checkRights(c, store, { asked, caller, address });
    if (asked !== undefined && isAudited(asked, caller)) await audited(c, store, { asked, caller, address }, next);
    else await next();
    if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
    const { body, headers } = c.res;
    if (asked === undefined || body === null || !headers.get('content-type')?.startsWith('text/event-stream')) return;
    const allowed = async () => {
      const now = await access.identify(c);
      return now.caller !== null && mayAs(now.caller.role, asked.rule.role);
    };
    c.res = new Response(untilRefused(body, access.limits.recheckMs, allowed), c.res);
  };
}

/** Before the pages at /docs: who is not known is led to the page where one signs in. */
export function docsGuard(access: Access): MiddlewareHandler {
  return async (c, next) => {
    const { caller } = await access.identify(c);
    access.admit(c, caller);
    if (caller === null) return c.redirect('/login?next=/docs', 303);
    if (!mayAs(caller.role, docsRole)) throw forbidden('/docs', docsRole, caller);
    return next();
  };
}
