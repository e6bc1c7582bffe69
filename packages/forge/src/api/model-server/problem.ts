import { EngineError, type EngineErrorKind, messageOf } from '../../errors.ts';

const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'invalid_request_error',
};
const statusOf: Readonly<Partial<Record<EngineErrorKind, number>>> = {
  'bad-request': 400,
  'context-overflow': 400,
  'rate-limited': 429,
  crashed: 503,
  // Nobody reads it, unless the server itself ended the request.
  cancelled: 503,
  timeout: 504,
};

/** An answer other than the one that was asked for. `param` is the field that is to be mended. */
export class ModelServerProblem extends Error {
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;
  constructor(status: number, message: string, more: { param?: string | null; code?: string } = {}) {
    super(message);
    this.status = status;
    this.param = more.param ?? null;
    this.code = more.code ?? null;
  }
}

/** What was thrown, as a problem. An unexpected error keeps its details to the server's own log. */
export function modelServerProblemOf(error: unknown): ModelServerProblem {
  if (error instanceof ModelServerProblem) return error;
  if (error instanceof EngineError) {
    const overflow = error.kind === 'context-overflow' ? { code: 'context_length_exceeded' } : {};
    return new ModelServerProblem(statusOf[error.kind] ?? 500, messageOf(error), overflow);
  }
  return new ModelServerProblem(500, 'something unexpected went wrong; the server has written down what');
}

/** The error body of OpenAI (https://platform.openai.com/docs/guides/error-codes). */
export const errorBody = ({ status, message, param, code }: ModelServerProblem) => ({
  error: { message, type: types[status] ?? 'server_error', param, code },
});
