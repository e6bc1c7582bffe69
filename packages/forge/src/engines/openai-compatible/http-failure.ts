import type { IncomingHttpHeaders } from 'node:http';
import { ConfigError, EngineError } from '../../errors.ts';

const maxMessageLength = 300;

/** The server's own words: `error.message`, `error`, `message` or `detail` of a JSON body, else the body's text; on one short line. */
export function messageOfBody(body: string): string {
  let text = body;
  try {
    const parsed = JSON.parse(body);
    const found = parsed?.error?.message ?? parsed?.error ?? parsed?.message ?? parsed?.detail ?? parsed;
    text = typeof found === 'string' ? found : JSON.stringify(found);
  } catch {
    text = body.replace(/<[^>]{0,1000}>/g, ' ');
  }
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > maxMessageLength ? `${line.slice(0, maxMessageLength)}...` : line;
}

/** `retry-after-ms`, else `Retry-After` as seconds or as an HTTP date. `nowMs`: ms since the epoch. */
function retryAfterMs(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const exact = Number(headers['retry-after-ms'] ?? Number.NaN);
  if (exact >= 0) return exact;
  const given = headers['retry-after'];
  if (given === undefined || given.trim() === '') return undefined;
  const inSeconds = Number(given) * 1000;
  if (inSeconds >= 0) return inSeconds;
  const until = Date.parse(given) - nowMs;
  return Number.isNaN(until) ? undefined : Math.max(0, until);
}

const overflowWords =
  /context.{0,20}(length|size|window)|too many tokens|maximum.{0,20}(context|tokens)|n_ctx|prompt is too long/i;
const quotaWords = /insufficient_quota|exceeded your current quota|billing/i;

/** What to change in the config where the message names a field that this server does not take. */
function hintOf(message: string): string {
  if (/max_completion_tokens/.test(message)) return ' (set maxTokensField: max_completion_tokens)';
  if (/top_k|min_p|repetition_penalty/.test(message)) return ' (set samplingFields: standard)';
  return '';
}

function badRequest(status: number, body: string, message: string): EngineError {
  const overflow = overflowWords.test(body) && !/max_completion_tokens/.test(body);
  return new EngineError(overflow ? 'context-overflow' : 'bad-request', `HTTP ${status}: ${message}${hintOf(message)}`);
}

/**
 * What an answer that is not 200 means. ConfigError where every request would fare the same (key refused, no such model or
 * path, redirect); else EngineError.
 */
export function failureOfStatus(
  answer: { status: number; headers: IncomingHttpHeaders; body: string },
  url: string,
  nowMs: number,
): EngineError | ConfigError {
  const { status, headers, body } = answer;
  const message = messageOfBody(body) || 'no message';
  const text = `HTTP ${status}: ${message}`;
  const wait = retryAfterMs(headers, nowMs);
  const asked = wait === undefined ? {} : { retryAfterMs: wait };
  if (status >= 300 && status < 400) {
    return new ConfigError(
      `baseUrl: ${url} redirects to ${headers.location ?? 'nowhere'}: give the address where the API is`,
    );
  }
  if (status === 401) {
    return new ConfigError(
      `apiKeyEnv: ${url} refuses the key (${text}): name the environment variable that holds a valid one`,
    );
  }
  if (status === 404 || status === 405) {
    return new ConfigError(
      `baseUrl, api, model: ${url} answers ${text}: baseUrl ends in /v1 mostly; is the model served under this name?`,
    );
  }
  if (status === 429) {
    return new EngineError('rate-limited', text, { retryable: !quotaWords.test(body), ...asked });
  }
  if (status === 408) return new EngineError('timeout', text, { retryable: true, ...asked });
  // Both say that the server has too much to do: 0 stands for a wait of unknown length.
  if (status === 503 || status === 529) {
    return new EngineError('server-error', text, { retryable: true, retryAfterMs: wait ?? 0 });
  }
  if (status >= 500) return new EngineError('server-error', text, { retryable: status !== 501, ...asked });
  if (status === 409 || status === 425) return new EngineError('server-error', text, { retryable: true, ...asked });
  if (status >= 400) return badRequest(status, body, message);
  return new EngineError('bad-response', `unexpected ${text}`);
}
