import { ConfigError, messageOf, StoreError } from '../errors.ts';

export type Query = (statement: string, params?: readonly unknown[]) => Promise<unknown[][]>;

/** A database as the store uses it: one statement at a time, each its own transaction. */
export interface Connection {
  /**
   * Rows as arrays of column values; JSON columns as their text. Rejects with ConfigError.
   * `params` are strings, numbers, booleans and nulls for $1, $2, ...
   */
  query(statement: string, params?: readonly unknown[]): Promise<unknown[][]>;
  /**
   * One session of its own, for transactions over several statements and for cursors; `work` ends what it begins. Embedded:
   * everybody else's statements wait meanwhile, as there is only one session.
   */
  session<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Waits for what is under way. Idempotent. */
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Leaves the tables at the version they have: for a backup before an update. */
  readonly asItIs?: boolean;
}

/** What went wrong, with the words of Postgres where it has any. https://www.postgresql.org/docs/current/errcodes-appendix.html */
function reasonOf(code: string, message: string): string {
  if (code === '53100' || code === 'ENOSPC' || /no space left|disk full/i.test(message)) {
    return 'the disk is full; make room, then go on with: forge resume';
  }
  if (/unsupported startup parameter/.test(message)) {
    return `${message}: this is a pooler, which takes no settings of a session; give the direct connection string (Neon: the host without "-pooler")`;
  }
  if (/^(UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT)/.test(code)) {
    return `its certificate is not trusted (${code}); name the file of its authority: sslrootcert=FILE in the connection string, or NODE_EXTRA_CA_CERTS`;
  }
  if (/does not support SSL/.test(message)) return `${message}; leave sslmode out, or turn TLS on in the server`;
  if (code === '28P01' || code === '28000') return 'user or password is refused; correct the connection string';
  if (code === '3D000') return `${message}; create it or correct the connection string`;
  if (code === '42501') return `${message}; the user needs the right to create and write tables`;
  const unreachable = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH'].includes(code);
  if (unreachable || /timeout exceeded when trying to connect/.test(message)) {
    return `cannot be reached (${unreachable ? code : 'timeout'}); check that it runs and that the connection string is right`;
  }
  if (/^(08|57P)/.test(code) || code === 'ECONNRESET' || code === 'EPIPE' || /Connection terminated/.test(message)) {
    return 'the connection was lost; what was stored is kept, go on with: forge resume';
  }
  return `${message}${code === '' ? '' : ` (${code})`}`;
}

/** A database failure as one line for people. `place` names the database without its password. */
export function databaseFailure(place: string, error: unknown): ConfigError {
  if (error instanceof ConfigError) return error;
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  return new StoreError(`database ${place}: ${reasonOf(code, messageOf(error).slice(0, 500))}`, { cause: error });
}
