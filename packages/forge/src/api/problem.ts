import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { ConfigError, ConflictError, messageOf } from '../errors.ts';

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Forbidden',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  429: 'Too many requests',
  500: 'Unexpected error',
  503: 'Not ready',
};

/** An answer other than the one that was asked for; `message` says what is wrong and what to do. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly field: string | undefined;
  readonly allowed: readonly string[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    status: number,
    message: string,
    more: { field?: string; allowed?: readonly string[]; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.field = more.field;
    this.allowed = more.allowed;
    this.headers = more.headers ?? {};
  }
}

/** Problem details for HTTP APIs (RFC 9457). https://www.rfc-editor.org/rfc/rfc9457 */
export function problemResponse(c: Context, problem: HttpProblem): Response {
  const { status, message, field, allowed } = problem;
  const body = {
    type: 'about:blank',
    title: titles[status] ?? 'Error',
    status,
    detail: message,
    ...(field === undefined ? {} : { field }),
    ...(allowed === undefined ? {} : { allowed }),
  };
  return c.body(JSON.stringify(body), status as 400, {
    ...problem.headers,
    'content-type': 'application/problem+json',
  });
}

/** What was thrown, as a problem. An unexpected error keeps its details to the server's own log. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  // A body that is no JSON, say.
  if (error instanceof HTTPException) return new HttpProblem(error.status, messageOf(error));
  if (error instanceof ConflictError) return new HttpProblem(409, messageOf(error));
  if (error instanceof ConfigError) {
    const unreachable = error.message.startsWith('database ');
    return new HttpProblem(unreachable ? 503 : 400, messageOf(error));
  }
  return new HttpProblem(500, 'Something unexpected went wrong; the server has written down what.');
}
