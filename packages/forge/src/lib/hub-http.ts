import { setTimeout as sleep } from 'node:timers/promises';
import type { Surroundings } from '../definition.ts';
import { ConfigError, messageOf } from '../errors.ts';

/** A repository of the Hugging Face Hub at a branch, tag or commit. */
export interface HubRef {
  readonly kind: 'model' | 'dataset';
  /** `owner/name`. */
  readonly repo: string;
  readonly revision: string;
}

const publicEndpoint = 'https://huggingface.co';
const maxAttempts = 5;
const firstDelayMs = 500;
const maxDelayMs = 30_000;
const maxRedirects = 5;
/** For the headers of an answer; a body may take as long as it flows. */
const answerTimeoutMs = 30_000;

/** HF_ENDPOINT, or the public hub. Throws ConfigError. */
export function hubEndpoint({ env }: Surroundings): URL {
  const given = env.HF_ENDPOINT ?? publicEndpoint;
  const url = URL.parse(given);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new ConfigError(`HF_ENDPOINT: "${given}" is not an http or https address`);
  return url;
}

/** The address of something in a repository: of the API, or of a file's content. */
export function hubUrl(ref: HubRef, s: Surroundings, part: 'api' | 'resolve', rest: string): string {
  const base = hubEndpoint(s).href.replace(/\/$/, '');
  if (part === 'api') return `${base}/api/${ref.kind}s/${ref.repo}${rest}`;
  return `${base}/${ref.kind === 'dataset' ? 'datasets/' : ''}${ref.repo}/resolve/${encodeURIComponent(ref.revision)}${rest}`;
}

function refusal(what: string, status: number, s: Surroundings): ConfigError {
  const token =
    s.env.HF_TOKEN === undefined || s.env.HF_TOKEN === ''
      ? 'set HF_TOKEN to a token that may read it'
      : 'the token in HF_TOKEN may not read it';
  if (status === 401 || status === 403)
    return new ConfigError(
      `${what}: the hub refuses access (${status}): it is gated or private, or does not exist; accept its terms on the hub, and ${token}`,
    );
  if (status === 404) return new ConfigError(`${what}: not found on the hub (404); check the name and the revision`);
  return new ConfigError(`${what}: the hub answered ${status}`);
}

/** Follows redirects itself: the token goes to the hub's own host and to no other. */
async function fetchFollowing(
  url: string,
  headers: Record<string, string>,
  s: Surroundings,
  signal?: AbortSignal,
): Promise<Response> {
  const home = hubEndpoint(s).host;
  let target = new URL(url);
  for (let i = 0; i <= maxRedirects; i++) {
    const token = s.env.HF_TOKEN;
    const own = target.host === home && token !== undefined && token !== '' ? { authorization: `Bearer ${token}` } : {};
    const controller = new AbortController();
    const timer = setTimeout(
      () => controller.abort(new Error(`no answer in ${answerTimeoutMs / 1000} s`)),
      answerTimeoutMs,
    );
    const signals = signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]);
    try {
      const response = await fetch(target, { headers: { ...headers, ...own }, redirect: 'manual', signal: signals });
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return response;
      await response.body?.cancel();
      target = new URL(location, target);
      if (!['http:', 'https:'].includes(target.protocol))
        throw new ConfigError(`${url}: redirects to ${target.protocol}, which is not followed`);
    } finally {
      clearTimeout(timer);
    }
  }
  throw new ConfigError(`${url}: more than ${maxRedirects} redirects`);
}

/** GET with bounded retries on 429, 5xx and broken connections, Retry-After honoured. Throws ConfigError. */
export async function hubFetch(
  url: string,
  {
    what,
    s,
    signal,
    headers = {},
  }: { what: string; s: Surroundings; signal?: AbortSignal | undefined; headers?: Record<string, string> },
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    let problem: string;
    let delay = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
    try {
      const response = await fetchFollowing(url, headers, s, signal);
      if (response.ok) return response;
      if (response.status !== 429 && response.status < 500) throw refusal(what, response.status, s);
      const seconds = Number(response.headers.get('retry-after'));
      if (seconds > 0) delay = Math.min(maxDelayMs, seconds * 1000);
      problem = `it answered ${response.status}`;
      await response.body?.cancel();
    } catch (error) {
      if (error instanceof ConfigError || signal?.aborted) throw error;
      const { cause } = error as { cause?: unknown };
      problem = messageOf(cause instanceof Error && cause.message !== '' ? cause : error);
    }
    if (attempt >= maxAttempts)
      throw new ConfigError(
        `${what}: the hub at ${hubEndpoint(s).host} cannot be reached: ${problem} (${attempt} attempts); check the network and HF_ENDPOINT`,
      );
    await sleep(delay, undefined, signal === undefined ? {} : { signal });
  }
}
