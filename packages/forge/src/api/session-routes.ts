import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { deleteCookie, setCookie } from 'hono/cookie';
import { csrfTokenOf, secretBytes, secretHash } from '../lib/access-secret.ts';
import { type Access, cookieNames } from './access.ts';
import { type Session, sessionSchema } from './access-schemas.ts';
import { HttpProblem } from './problem.ts';
import { type ApiParts, answers, createRouter } from './routing.ts';

const tags = ['Access'];
/** A working day: nobody is signed out in the middle of it, and a forgotten browser is by the next. */
const sessionMs = 12 * 3600 * 1000;

const readRoute = createRoute({
  method: 'get',
  path: '/session',
  tags,
  summary: 'Who one is here',
  responses: answers('The session.', sessionSchema),
});

const signInRoute = createRoute({
  method: 'post',
  path: '/session',
  tags,
  summary: 'Sign in with a token; sets a cookie',
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: z.strictObject({ token: z.string().trim().min(1).max(200) }) } },
    },
  },
  responses: answers('The session.', sessionSchema, [400, 401, 429]),
});

const signOutRoute = createRoute({
  method: 'delete',
  path: '/session',
  tags,
  summary: 'Sign out',
  responses: { 204: { description: 'Done.' } },
});

/** Whether the browser speaks https, with this server or with a proxy before it. To claim so harms only who does. */
const overHttps = (c: Context) =>
  (c.req.header('origin') ?? '').startsWith('https://') || c.req.header('x-forwarded-proto') === 'https';

/** `/api/session`: log in with a token, log out, who am I. */
export function sessionRoutes({ store, clock }: ApiParts, access: Access) {
  async function view(c: Context): Promise<Session> {
    const caller = c.get('caller');
    return {
      access: await access.mode(),
      caller: caller === undefined ? null : { name: caller.name, role: caller.role, via: caller.via },
      csrf: caller?.session?.csrf ?? null,
      expiresAt: caller?.session?.expiresAt ?? null,
    };
  }

  const router = createRouter();
  router.openapi(readRoute, async (c) => c.json(await view(c), 200));
  router.openapi(signInRoute, async (c) => {
    if ((await access.mode()) === 'open') throw new HttpProblem(400, 'this server is open: nobody has to sign in');
    const token = await access.tokenOf(c.req.valid('json').token);
    if (typeof token === 'string') throw new HttpProblem(401, token, { field: 'token' });
    const before = c.get('caller')?.session;
    if (before) await store.endSession(before.hash);
    const text = Buffer.from(access.settings.randomBytes(secretBytes)).toString('base64url');
    const now = Math.floor(clock.now());
    const expiresAt = Math.min(now + sessionMs, token.expiresAt ?? Number.POSITIVE_INFINITY);
    await store.createSession({ hash: secretHash(text), tokenId: token.id, expiresAt });
    const secure = overHttps(c);
    setCookie(c, secure ? cookieNames.secure : cookieNames.plain, text, {
      path: '/',
      httpOnly: true,
      sameSite: 'Strict',
      secure,
      maxAge: Math.max(1, Math.floor((expiresAt - now) / 1000)),
    });
    c.set('auditTarget', token.id);
    const { name, role } = token;
    return c.json(
      {
        access: await access.mode(),
        caller: { name, role, via: 'session' as const },
        csrf: csrfTokenOf(text),
        expiresAt,
      },
      200,
    );
  });
  router.openapi(signOutRoute, async (c) => {
    const session = c.get('caller')?.session;
    if (session) await store.endSession(session.hash);
    deleteCookie(c, cookieNames.plain, { path: '/' });
    deleteCookie(c, cookieNames.secure, { path: '/', secure: true });
    return c.body(null, 204);
  });
  return router;
}
