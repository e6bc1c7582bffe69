import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import type { AccessTokenRecord } from '../access-record.ts';
import { ConfigError } from '../errors.ts';
import { csrfTokenOf, isTokenText, sameSecret, secretHash } from '../lib/access-secret.ts';
import { addressGroup, isLoopback } from '../lib/client-address.ts';
import { type BucketRate, createRequestBuckets } from '../lib/request-buckets.ts';
import { addressOf, type Caller } from './caller.ts';
import { HttpProblem } from './problem.ts';
import type { ApiParts } from './routing.ts';

export interface AccessSettings {
  readonly host: string;
  readonly allowedHosts: readonly string[];
  /** A token is needed even where nobody else reaches the server and none was ever made. */
  readonly required: boolean;
  /** Without a token everybody may read. */
  readonly publicReadOnly: boolean;
  /** Proxies in front of the server whose X-Forwarded-For is trusted. */
  readonly proxies: number;
  randomBytes(size: number): Uint8Array;
  readonly limits?: Partial<AccessLimits>;
}

export interface AccessLimits {
  /** Requests of one token. */
  readonly token: BucketRate;
  /** Requests of one address without a token. */
  readonly address: BucketRate;
  /** Sign-ins from one address. */
  readonly signIn: BucketRate;
  /** Tokens that are not right, from one address. */
  readonly failures: BucketRate;
  /** Between looks whether who follows a stream still may, ms. */
  readonly recheckMs: number;
}

const usualLimits: AccessLimits = {
  token: { burst: 600, perSecond: 60 },
  address: { burst: 300, perSecond: 30 },
  signIn: { burst: 5, perSecond: 1 / 12 },
  failures: { burst: 30, perSecond: 1 / 2 },
  recheckMs: 10_000,
};

/** How long an answer that there are no tokens is believed, ms. */
const believedMs = 1000;

export type AccessMode = 'open' | 'token' | 'public-read-only';

export type Identified = { readonly caller: Caller } | { readonly caller: null; readonly refusal: string };

/** Knows who sends a request, and holds back who sends too many. */
export interface Access {
  readonly settings: AccessSettings;
  readonly limits: AccessLimits;
  mode(): Promise<AccessMode>;
  /** Throws HttpProblem 429 where an address has guessed too often. */
  identify(c: Context): Promise<Identified>;
  /** Throws HttpProblem 429. */
  admit(c: Context, caller: Caller | null): void;
  /** One more sign-in. Throws HttpProblem 429. */
  admitSignIn(c: Context): void;
  /** A token by its text; a string says why it cannot be used. */
  tokenOf(text: string): Promise<AccessTokenRecord | string>;
  addressOf(c: Context): string;
  /** Throws ConfigError where others would reach a server that nobody protects. */
  checkReach(): Promise<void>;
}

export const cookieNames = { secure: '__Host-forge_session', plain: 'forge_session' };

const howToGetIn =
  'send "Authorization: Bearer forge_...", or sign in at /login; a token is made with: forge token create --name NAME --role viewer|editor|admin';

function tooMany(waitMs: number, what: string): HttpProblem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new HttpProblem(429, `too many ${what}; try again in ${seconds} s`, {
    headers: { 'retry-after': String(seconds) },
  });
}

const open: Caller = { via: 'open', role: 'admin', tokenId: null, name: 'local', session: null };
const anybody: Caller = { via: 'public', role: 'viewer', tokenId: null, name: 'anybody', session: null };

/** Who is asking, by token or session, and whether they may; one for a server. */
export function createAccess({ store, clock }: Pick<ApiParts, 'store' | 'clock'>, settings: AccessSettings): Access {
  const { host, allowedHosts, required, publicReadOnly, proxies } = settings;
  const limits = { ...usualLimits, ...settings.limits };
  const buckets = {
    token: createRequestBuckets(limits.token, clock.monotonic),
    address: createRequestBuckets(limits.address, clock.monotonic),
    signIn: createRequestBuckets(limits.signIn, clock.monotonic),
    failures: createRequestBuckets(limits.failures, clock.monotonic),
  };
  // A name that is allowed besides is one by which others come, through a proxy on this machine.
  const othersReachIt = !isLoopback(host) || allowedHosts.some((name) => !isLoopback(name));
  let anyToken = false;
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** Once there was one it stays so: a revoked or expired token must not open the server. */
  async function hasTokens(): Promise<boolean> {
    if (anyToken || clock.monotonic() - lookedAt < believedMs) return anyToken;
    anyToken = (await store.tokenState()).any;
    lookedAt = clock.monotonic();
    return anyToken;
  }

  async function mode(): Promise<AccessMode> {
    if (publicReadOnly) return 'public-read-only';
    return required || othersReachIt || (await hasTokens()) ? 'token' : 'open';
  }

  async function tokenOf(text: string): Promise<AccessTokenRecord | string> {
    if (!isTokenText(text)) return 'this is no token of LLM Forge: they begin with forge_ and have 49 characters';
    const hash = secretHash(text);
    const found = await store.findToken(hash);
    // Found by the hash of what nobody can guess: how long that takes says nothing. The comparison is for the day when it is found otherwise.
    if (found === null || !sameSecret(found.hash, hash)) return `this token is not known here; ${howToGetIn}`;
    if (found.revokedAt !== null) return `the token "${found.name}" was revoked; ask an admin for another`;
    if (found.expiresAt !== null && found.expiresAt <= clock.now())
      return `the token "${found.name}" has expired; ask an admin for another`;
    return found;
  }

  const groupOf = (c: Context) => addressGroup(addressOf(c, proxies));

  async function byBearer(c: Context, text: string): Promise<Identified> {
    const waitMs = buckets.failures.wait(groupOf(c));
    if (waitMs > 0) throw tooMany(waitMs, 'wrong tokens from this address');
    const token = await tokenOf(text);
    if (typeof token === 'string') {
      buckets.failures.take(groupOf(c));
      return { caller: null, refusal: token };
    }
    return { caller: { via: 'token', role: token.role, tokenId: token.id, name: token.name, session: null } };
  }

  async function bySession(text: string): Promise<Caller | null> {
    const hash = secretHash(text);
    const found = await store.findSession(hash);
    if (found === null) return null;
    const { session, token } = found;
    return {
      via: 'session',
      role: token.role,
      tokenId: token.id,
      name: token.name,
      session: { hash, csrf: csrfTokenOf(text), expiresAt: session.expiresAt },
    };
  }

  return {
    settings,
    limits,
    mode,
    tokenOf,
    addressOf: (c) => addressOf(c, proxies),
    async identify(c) {
      const standing = await mode();
      if (standing === 'open') return { caller: open };
      const [, bearer] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
      if (bearer !== undefined) return byBearer(c, bearer);
      const cookie = getCookie(c, cookieNames.secure) ?? getCookie(c, cookieNames.plain);
      const caller = cookie === undefined || cookie.length > 100 ? null : await bySession(cookie);
      if (caller !== null) return { caller };
      if (standing === 'public-read-only') return { caller: anybody };
      return {
        caller: null,
        refusal: `${cookie === undefined ? 'this needs a token' : 'your session has ended'}: ${howToGetIn}`,
      };
    },
    admit(c, caller) {
      if (caller?.via === 'open') return;
      const tokenId = caller?.tokenId ?? null;
      const waitMs = tokenId === null ? buckets.address.take(groupOf(c)) : buckets.token.take(tokenId);
      if (waitMs > 0)
        throw tooMany(waitMs, tokenId === null ? 'requests from this address' : 'requests with this token');
    },
    admitSignIn(c) {
      const waitMs = buckets.signIn.take(groupOf(c));
      if (waitMs > 0) throw tooMany(waitMs, 'sign-ins from this address');
    },
    async checkReach() {
      if (!othersReachIt || publicReadOnly || (await store.tokenState()).admin) return;
      const reach = isLoopback(host) ? `--allow-host ${allowedHosts.join(' ')}` : `--host ${host}`;
      throw new ConfigError(
        `${reach}: others could reach this server, and no admin token protects it; make one with: forge token create --name NAME --role admin (or let everybody read and nobody write: --public-read-only)`,
      );
    },
  };
}
