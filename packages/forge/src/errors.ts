/** What a user must mend before a run can start or go on. One line: the key, its value, what is allowed, what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Somebody else changed it first, or it is in a state that does not allow this. */
export class ConflictError extends ConfigError {}

/** The database does not answer, or refuses. What was stored is kept, and the work can go on once it is back. */
export class StoreError extends ConfigError {}

export type EngineErrorKind =
  | 'timeout' // no answer within the time allowed
  | 'rate-limited' // HTTP 429
  | 'server-error' // HTTP 5xx, or the connection broke
  | 'bad-request' // HTTP 4xx: the request itself was refused
  | 'bad-response' // the answer is not what the protocol says (half a JSON, no choices)
  | 'context-overflow' // prompt plus completion do not fit into the context
  | 'crashed' // the engine's process ended while it worked on this request
  | 'poison' // this request ends the engine's process, or the worker's, each time
  | 'cancelled'; // the caller aborted

/** One request failed. The runner stores it as a failed example; it never ends a run. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: EngineErrorKind;
  /** True where the same request may succeed later. */
  readonly retryable: boolean;
  /** What the server asked to wait (Retry-After), in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: EngineErrorKind,
    message: string,
    options: { retryable?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** An index did not answer, or not as it should. The runner stores the example as failed; it never ends a run. */
export class RetrievalError extends Error {
  override readonly name = 'RetrievalError';
}

/** The text of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, ' ');
}

/** A training cannot go on: its process ended, the loss is not a number, or the like. The newest checkpoint remains. */
export class TrainerError extends Error {
  override readonly name = 'TrainerError';
}
