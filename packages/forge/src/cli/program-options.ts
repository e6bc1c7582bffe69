import { InvalidArgumentError, Option } from 'commander';

// As in main.ts: only commander is loaded before a command runs.

/** Throws InvalidArgumentError. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number from 1 up.');
  return value;
}

/** A port. Throws InvalidArgumentError. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('must be a whole number from 0 to 65535.');
  return value;
}

/** For an option that may be given again. */
export const appended = (value: string, before: readonly string[] = []) => [...before, value];

/** Each a new option: commander changes them. */
export const json = () => new Option('--json', 'print one JSON document on stdout instead of tables');
/** Rows of a page. */
export const limit = (value: number) =>
  new Option('--limit <n>', 'rows at most').argParser(positiveInteger).default(value);

const levels = ['debug', 'info', 'warn', 'error'];
/** How what goes to stderr is written. */
export const logFormat = () =>
  new Option('--log-format <format>', 'what goes to stderr: sentences for people, or one JSON object a line')
    .choices(['human', 'json'])
    .env('FORGE_LOG_FORMAT')
    .default('human');
/** What goes to stderr. */
export const logLevel = () =>
  new Option('--log-level <level>', 'lowest level that is logged (default: warn for people, info as JSON)')
    .choices(levels)
    .env('FORGE_LOG_LEVEL');
