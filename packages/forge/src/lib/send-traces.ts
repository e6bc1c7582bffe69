import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { ConfigError, messageOf } from '../errors.ts';
import { redact } from './redact.ts';

const maxAttempts = 6;
const firstDelayMs = 500;
const maxDelayMs = 30_000;
const maxRetryAfterMs = 60_000;
const maxAnswerChars = 64_000;
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Where traces go. */
export interface TraceTarget {
  /** With the path: `http://localhost:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For one request, ms. */
  readonly timeoutMs: number;
}

/** What a receiver did not take of a request that it accepted. */
export interface Rejection {
  readonly spans: number;
  readonly message: string;
}

interface SendParts {
  /** 0 to 1. */
  random(): number;
  /** ms since the epoch. */
  now(): number;
  wait?(ms: number): Promise<unknown>;
}

function urlOf(name: string, given: string, path: string): string {
  const url = URL.parse(given);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new ConfigError(`${name}: not an http or https address; give one such as http://localhost:4318`);
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(`${name}: has a user or password in it; put them in OTEL_EXPORTER_OTLP_HEADERS`);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
  return url.href;
}

/** `name=value,name=value`, percent-encoded (OpenTelemetry specification, Protocol Exporter). */
function headersOf(name: string, given: string): Record<string, string> {
  const pairs = given.split(',').filter((pair) => pair.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair, i) => {
      const at = pair.indexOf('=');
      const key = pair.slice(0, at).trim().toLowerCase();
      // The value is not shown: it may be a key.
      if (at < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(key))
        throw new ConfigError(`${name}: entry ${i + 1} is not of the form name=value`);
      return [key, decoded(pair.slice(at + 1).trim())];
    }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The receiver that a person named, or the one of OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT, with the
 * headers of OTEL_EXPORTER_OTLP_HEADERS. Throws ConfigError where there is none, or a value cannot be read.
 */
export function traceTarget(to: string | undefined, env: Readonly<Record<string, string | undefined>>): TraceTarget {
  const [own, general] = [env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, env.OTEL_EXPORTER_OTLP_ENDPOINT];
  const headers = (name: string) => headersOf(name, env[name] ?? '');
  const timeoutMs = Number(env.OTEL_EXPORTER_OTLP_TIMEOUT);
  const base = {
    headers: { ...headers('OTEL_EXPORTER_OTLP_HEADERS'), ...headers('OTEL_EXPORTER_OTLP_TRACES_HEADERS') },
    timeoutMs: timeoutMs > 0 ? timeoutMs : 10_000,
  };
  if (to !== undefined) return { ...base, url: urlOf('--to', to, '/v1/traces') };
  if (own) return { ...base, url: urlOf('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', own, '') };
  if (general) return { ...base, url: urlOf('OTEL_EXPORTER_OTLP_ENDPOINT', general, '/v1/traces') };
  throw new ConfigError(
    'no receiver of traces: give --to http://localhost:4318 or --file traces.jsonl, or set OTEL_EXPORTER_OTLP_ENDPOINT',
  );
}

const answerSchema = z.object({
  partialSuccess: z
    .object({ rejectedSpans: z.coerce.number().default(0), errorMessage: z.string().default('') })
    .default({ rejectedSpans: 0, errorMessage: '' }),
});

function rejectionIn(text: string): Rejection {
  try {
    const { partialSuccess } = answerSchema.parse(JSON.parse(text === '' ? '{}' : text));
    return { spans: partialSuccess.rejectedSpans, message: partialSuccess.errorMessage };
  } catch {
    // Some receivers answer with an empty page or plain text; the status says that they took it.
    return { spans: 0, message: '' };
  }
}

/** At most so much of an answer, however long it is. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > maxAnswerChars) break;
  }
  return text.slice(0, maxAnswerChars);
}

/** What a Retry-After header asks for: seconds or a date. */
function askedWaitMs(response: Response, now: number): number {
  const given = response.headers.get('retry-after');
  if (given === null) return 0;
  const ms = /^\s*\d+\s*$/.test(given) ? 1000 * Number(given) : Date.parse(given) - now;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, ms), maxRetryAfterMs);
}

type Outcome =
  | { readonly kind: 'taken'; readonly rejection: Rejection }
  | { readonly kind: 'later'; readonly why: string; readonly waitMs: number }
  | { readonly kind: 'refused'; readonly why: string };

async function attempt(target: TraceTarget, body: Uint8Array<ArrayBuffer>, now: number): Promise<Outcome> {
  try {
    const response = await fetch(target.url, {
      method: 'POST',
      headers: { ...target.headers, 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body,
      // A redirect would carry the headers to another host.
      redirect: 'manual',
      signal: AbortSignal.timeout(target.timeoutMs),
    });
    const text = await textOf(response);
    if (response.ok) return { kind: 'taken', rejection: rejectionIn(text) };
    const why = `it answered ${response.status} ${text.replace(/\s+/g, ' ').slice(0, 200)}`.trim();
    return retryable.has(response.status)
      ? { kind: 'later', why, waitMs: askedWaitMs(response, now) }
      : { kind: 'refused', why };
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause;
    return { kind: 'later', why: messageOf(cause ?? error) || 'the connection failed', waitMs: 0 };
  }
}

/** The values themselves, and what follows `Bearer` or `Basic` in them. */
const secretsOf = ({ headers }: TraceTarget) =>
  Object.values(headers).flatMap((value) => [value, value.replace(/^\S+\s+/, '')]);

/**
 * Sends one OTLP request (JSON, gzip) and says what the receiver rejected of it; repeats what may succeed later (429, 502, 503,
 * 504, a broken connection) and obeys Retry-After up to a minute. Throws ConfigError without any header's value in it.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
 *
 * The exporter of OpenTelemetry's own packages says only in its log what was rejected, and gives up where a Retry-After is
 * longer than its timeout.
 */
export async function sendTraces(
  target: TraceTarget,
  request: string,
  { random, now, wait = sleep }: SendParts,
): Promise<Rejection> {
  const body = new Uint8Array(await promisify(gzip)(request));
  const clean = (text: string) => redact(text, secretsOf(target));
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(target, body, now());
    if (outcome.kind === 'taken') return { ...outcome.rejection, message: clean(outcome.rejection.message) };
    if (outcome.kind === 'refused' || tries === maxAttempts) {
      const after = tries === 1 ? '' : ` (after ${tries} attempts)`;
      throw new ConfigError(`${target.url} does not take traces: ${clean(outcome.why)}${after}`);
    }
    const backoffMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (tries - 1)) * random();
    await wait(Math.max(outcome.waitMs, backoffMs));
  }
}
