/** What was looked at and what was found. */
export interface Check {
  readonly name: string;
  /** `warn`: works, but not all of it, or not for long. */
  readonly status: 'ok' | 'warn' | 'fail';
  /** One line. */
  readonly found: string;
  /** What to do about it; there unless all is well. */
  readonly mend?: string;
}

export const ok = (name: string, found: string): Check => ({ name, status: 'ok', found });
export const warn = (name: string, found: string, mend: string): Check => ({ name, status: 'warn', found, mend });
export const fail = (name: string, found: string, mend: string): Check => ({ name, status: 'fail', found, mend });
