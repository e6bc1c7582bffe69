import { AsyncLocalStorage } from 'node:async_hooks';
import { redact } from './redact.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** What a long-running command says about itself. A message is a fixed sentence; what differs is in the fields. */
export type Log = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

export interface LogOptions {
  /** `json`: one object a line, for programs. `human`: the message alone, below `warn` only where it is asked for. */
  readonly format: 'human' | 'json';
  readonly level: LogLevel;
  /** Takes a line with its newline. */
  write(line: string): unknown;
  /** ms since the epoch. */
  now(): number;
  /** Never written, in any spelling that redact knows. */
  readonly secrets: readonly string[];
}

const maxTextChars = 8000;
const fieldsOfWork = new AsyncLocalStorage<LogFields>();

/** Everything that is logged while `work` goes on has these fields too: the id of a request. */
export const withLogFields = <T>(fields: LogFields, work: () => T): T =>
  fieldsOfWork.run({ ...fieldsOfWork.getStore(), ...fields }, work);

const plain = (value: unknown): unknown =>
  value instanceof Error ? (value.stack ?? value.message) : typeof value === 'bigint' ? String(value) : value;

/** Writes lines from this level on, secrets blacked out. */
export function createLog({ format, level, write, now, secrets }: LogOptions): Log {
  const clean = (text: string) => {
    const safe = redact(text, secrets);
    return safe.length > maxTextChars ? `${safe.slice(0, maxTextChars)}...` : safe;
  };
  const cleanValue = (_key: string, value: unknown) => {
    const known = plain(value);
    return typeof known === 'string' ? clean(known) : known;
  };

  function entry(at: LogLevel, message: string, fields: LogFields): void {
    if (logLevels.indexOf(at) < logLevels.indexOf(level)) return;
    if (format === 'human') {
      write(`${clean(message)}\n`);
      return;
    }
    const time = new Date(now()).toISOString();
    const all = { time, level: at, message, ...fieldsOfWork.getStore(), ...fields };
    write(`${JSON.stringify(all, cleanValue)}\n`);
  }

  const at =
    (one: LogLevel) =>
    (message: string, fields: LogFields = {}) =>
      entry(one, message, fields);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Values of the environment that look like credentials, and the password of each address in it. */
export function secretsIn(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    const password = URL.parse(value)?.password ?? '';
    const named = /KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|AUTHORIZATION|HEADERS/i.test(name);
    return [
      // Short values would black out ordinary words.
      ...(named && value.length >= 6 ? [value] : []),
      ...(password.length >= 4 ? [password, decodeURIComponent(password)] : []),
    ];
  });
}
