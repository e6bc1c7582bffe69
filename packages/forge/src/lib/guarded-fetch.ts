import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { messageOf } from '../errors.ts';
import { hostOf, hostPattern } from './host-pattern.ts';
import { isPrivateAddress } from './private-address.ts';

/** What a config allows; the names are those of the options, for messages name them. */
export interface FetchLimits {
  /** See `hostPattern`. Nothing else is spoken to, not even by a redirect. */
  readonly allowedHosts: readonly string[];
  /** Whether these hosts may be on this machine or in a private network. */
  readonly allowPrivate: boolean;
  /** Of configs that come over the API: the only ones for which `allowPrivate` holds. */
  readonly privateHosts?: readonly string[] | undefined;
  /** Of a body, both as it is sent and unpacked. */
  readonly maxBytes: number;
  /** For all of it: name, connection, redirects and body. */
  readonly timeoutMs: number;
  readonly maxRedirects: number;
  /** Addresses of a name. The operating system's where left out; tests bring their own. */
  readonly lookup?: (host: string) => Promise<readonly LookupAddress[]>;
  /** Tests draw the line inside 127.0.0.0/8. */
  readonly isPrivate?: (address: string) => boolean;
}

export interface FetchRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What a successful answer may be, e.g. `application/json`. Anything where left out. */
  readonly contentTypes?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface FetchAnswer {
  /** After redirects. */
  readonly url: string;
  /** Any: a 404 is an answer too. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Unpacked, decoded by the charset that the answer names. */
  readonly text: string;
}

export type GuardedFetch = (address: string, request?: FetchRequest) => Promise<FetchAnswer>;

/** Why there is no answer; `kind` is that of an observation. The message names the host, and the option that would allow it. */
export class GuardedFetchError extends Error {
  override readonly name = 'GuardedFetchError';
  readonly kind: 'refused' | 'failed' | 'timeout';

  constructor(kind: 'refused' | 'failed' | 'timeout', message: string) {
    super(message);
    this.kind = kind;
  }
}

const refused = (message: string) => new GuardedFetchError('refused', message);
const failed = (message: string) => new GuardedFetchError('failed', message);

/** The address, where its scheme and host are allowed. */
function checkedUrl(address: string, limits: FetchLimits, patterns: readonly ((url: URL) => boolean)[]): URL {
  const url = URL.parse(address);
  if (url === null) throw refused(`"${address.slice(0, 200)}" is not an address; write https://host/path`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused(`${url.protocol} is not allowed; only http: and https: are`);
  if (url.username !== '' || url.password !== '')
    throw refused(`${url.host}: an address with a user name or password is not allowed`);
  // The same host; a certificate knows it without the dot.
  url.hostname = url.hostname.replace(/\.$/, '');
  if (patterns.some((matches) => matches(url))) return url;
  const allowed = limits.allowedHosts.slice(0, 10).join(', ') || 'none';
  throw refused(`"${url.host}" is not an allowed host; allowed: ${allowed} (option allowedHosts)`);
}

/** Leaves a promise that cannot be stopped, such as the system's name lookup. */
async function unlessAborted<T>(start: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const leave = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([start(), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

const mayBePrivate = (url: URL, { privateHosts }: FetchLimits) =>
  privateHosts === undefined || privateHosts.some((pattern) => hostPattern(pattern, '--private-host')(url));

/**
 * The addresses of a host that may be connected to. The connection is made to these and the name is not asked for again: a second
 * answer could be another one (DNS rebinding).
 */
async function checkedAddresses(url: URL, limits: FetchLimits, signal: AbortSignal): Promise<LookupAddress[]> {
  const host = hostOf(url);
  const family = isIP(host);
  const lookup = limits.lookup ?? ((name: string) => systemLookup(name, { all: true }));
  const all = family === 0 ? await unlessAborted(() => lookup(host), signal) : [{ address: host, family }];
  if (all.length === 0) throw failed(`${host}: no address is known for this name`);
  if (limits.allowPrivate && mayBePrivate(url, limits)) return [...all];
  const isPrivate = limits.isPrivate ?? isPrivateAddress;
  const open = all.filter(({ address }) => !isPrivate(address));
  if (open.length === 0) {
    const where = family === 0 ? `${host} is at ${all[0]?.address}, which` : host;
    const remedy =
      limits.privateHosts === undefined
        ? 'allowPrivate: true would allow it'
        : `allowPrivate: true and forge serve --private-host ${url.host} would allow it`;
    throw refused(`${where} is not on the public internet; ${remedy}`);
  }
  return open;
}

function send(url: URL, addresses: readonly LookupAddress[], request: FetchRequest, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const lookup: LookupFunction = (_host, options, callback) => {
    const first = addresses[0] as LookupAddress;
    if (options.all) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const outgoing = open(
    url,
    {
      method: request.method ?? 'GET',
      headers: { ...request.headers, 'accept-encoding': 'gzip, br' },
      lookup,
      signal,
      // A connection of its own: one of a pool may lead to an address that was checked for somebody else.
      agent: false,
    },
    resolve,
  );
  outgoing.on('error', reject);
  outgoing.end(request.body);
  return promise;
}

const decoders: Readonly<Record<string, () => Duplex | undefined>> = {
  identity: () => undefined,
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
};

/** Counts what passes; a megabyte of zeros takes a kilobyte of gzip, so both sides are counted. */
function bounded(host: string, maxBytes: number) {
  return async function* (source: AsyncIterable<Buffer>) {
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (size > maxBytes) throw failed(`${host}: the answer is longer than ${maxBytes} bytes (option maxBytes)`);
      yield chunk;
    }
  };
}

async function bodyOf(response: IncomingMessage, host: string, maxBytes: number): Promise<Buffer> {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decode = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (decode === undefined) throw failed(`${host}: the answer is packed as "${encoding}", which was not asked for`);
  const decoder = decode();
  const chunks: Buffer[] = [];
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) chunks.push(chunk);
  };
  const count = () => bounded(host, maxBytes);
  if (decoder === undefined) await pipeline(response, count(), collect);
  else await pipeline(response, count(), decoder, count(), collect);
  return Buffer.concat(chunks);
}

function textOf(body: Buffer, contentType: string): string {
  const charset = /charset="?([^\s;"]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    // A charset that nobody knows.
    return new TextDecoder().decode(body);
  }
}

async function answerOf(
  response: IncomingMessage,
  url: URL,
  limits: FetchLimits,
  contentTypes: readonly string[] | undefined,
): Promise<FetchAnswer> {
  const status = response.statusCode ?? 0;
  const contentType = response.headers['content-type'] ?? '';
  const kind = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (contentTypes !== undefined && status >= 200 && status < 300 && !contentTypes.includes(kind))
    throw failed(`${url.host}: the answer is "${kind || 'of no type'}", not ${contentTypes.join(' or ')}`);
  const body = await bodyOf(response, url.host, limits.maxBytes);
  return { url: url.href, status, headers: response.headers, text: textOf(body, contentType) };
}

/** Where an answer sends us on to, if it does. */
function redirectTarget(response: IncomingMessage, url: URL): string | undefined {
  const { location } = response.headers;
  if (location === undefined || ![301, 302, 303, 307, 308].includes(response.statusCode ?? 0)) return undefined;
  const target = URL.parse(location, url.href);
  if (target === null) throw failed(`${url.host}: redirects to "${location.slice(0, 200)}", which is not an address`);
  return target.href;
}

/** What goes to another origin: what says nothing of who asks. Keys have many header names; these are the ones that are none. */
const plainHeaders = ['accept', 'accept-language', 'user-agent'];

/** The request as it goes on after a redirect: https://fetch.spec.whatwg.org/#http-redirect-fetch, and stricter. */
function redirectedRequest(request: FetchRequest, status: number, from: URL, to: URL): FetchRequest {
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw refused(`${from.host}: redirects from https: to http: (${to.host}), which is not followed`);
  const becomesGet = status === 303 || ((status === 301 || status === 302) && request.method === 'POST');
  if (from.origin === to.origin && !becomesGet) return request;
  const { method, headers = {}, body, ...rest } = request;
  if (from.origin !== to.origin && !becomesGet && body !== undefined)
    throw refused(`${from.host}: redirects a request with a body to ${to.host}, which is not followed`);
  const kept = Object.entries(headers).filter(([name]) =>
    from.origin === to.origin ? !name.toLowerCase().startsWith('content-') : plainHeaders.includes(name.toLowerCase()),
  );
  return { ...rest, headers: Object.fromEntries(kept) };
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'names cannot be looked up now; check the network',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection broke',
  ETIMEDOUT: 'the connection timed out',
  ENETUNREACH: 'the network cannot be reached',
  EHOSTUNREACH: 'the host cannot be reached',
};

function failure(error: unknown, host: string): GuardedFetchError {
  if (error instanceof GuardedFetchError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  return failed(`${host}: ${reasons[code] ?? (messageOf(error) || code)}`);
}

/**
 * HTTP for tools, whose addresses a model or a server may choose: only to allowed hosts, only to addresses that were checked, with
 * a bound on everything. Throws GuardedFetchError, and the caller's own abort. Proxies of the environment are not used: a proxy
 * would look the name up itself. Throws ConfigError where `allowedHosts` names no host.
 */
export function createGuardedFetch(limits: FetchLimits): GuardedFetch {
  const patterns = limits.allowedHosts.map((pattern) => hostPattern(pattern, 'allowedHosts'));

  /** One request: its answer, or where it sends us on to and with what. */
  async function hop(
    url: URL,
    request: FetchRequest,
    signal: AbortSignal,
  ): Promise<FetchAnswer | { readonly next: URL; readonly request: FetchRequest }> {
    const addresses = await checkedAddresses(url, limits, signal);
    const response = await send(url, addresses, request, signal);
    try {
      const target = redirectTarget(response, url);
      if (target === undefined) return await answerOf(response, url, limits, request.contentTypes);
      const next = checkedUrl(target, limits, patterns);
      return { next, request: redirectedRequest(request, response.statusCode ?? 0, url, next) };
    } finally {
      response.destroy();
    }
  }

  async function follow(start: URL, first: FetchRequest, signal: AbortSignal): Promise<FetchAnswer> {
    let url = start;
    let request = first;
    for (let redirects = 0; redirects <= limits.maxRedirects; redirects++) {
      const result = await hop(url, request, signal).catch((error) => {
        throw failure(error, url.host);
      });
      if ('status' in result) return result;
      url = result.next;
      request = result.request;
    }
    throw failed(`${start.host}: more than ${limits.maxRedirects} redirects (option maxRedirects)`);
  }

  return async (address, request = {}) => {
    const url = checkedUrl(address, limits, patterns);
    const timeout = AbortSignal.timeout(limits.timeoutMs);
    const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
    try {
      return await follow(url, request, signal);
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      if (!timeout.aborted) throw error;
      throw new GuardedFetchError('timeout', `${url.host}: no answer within ${limits.timeoutMs / 1000} s`);
    }
  };
}
