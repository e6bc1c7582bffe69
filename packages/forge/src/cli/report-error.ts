import { inspect } from 'node:util';
import { messageOf } from '../errors.ts';
import { withoutSecrets } from './known-secrets.ts';

/** Ends the command with this exit code; what there is to say has been printed. */
export class ExitCode extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

// By name, not instanceof: main.ts must not wait for the modules that define other errors.
const isConfigError = (error: unknown) => error instanceof Error && error.name === 'ConfigError';
const isTrainerError = (error: unknown) => error instanceof Error && error.name === 'TrainerError';

/** 2 for what the user can mend, 1 for anything else; an ExitCode says its own. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ExitCode) return error.code;
  return isConfigError(error) ? 2 : 1;
}

/** One line for what a user can mend, or for a training that cannot go on; the whole stack for what is a defect of ours. */
export function reportError(error: unknown): void {
  if (error instanceof ExitCode) return;
  if (isConfigError(error) || isTrainerError(error)) console.error(`forge: ${withoutSecrets(messageOf(error))}`);
  else console.error(`forge: unexpected error\n${withoutSecrets(inspect(error))}`);
}
