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

/** In order. */
export const ok = (name: string, found: string): Check => ({ name, status: 'ok', found });
/** Works, but could be better; `mend` says how. */
export const warn = (name: string, found: string, mend: string): Check => ({ name, status: 'warn', found, mend });
/** Does not work; `mend` says what to do. */
export const fail = (name: string, found: string, mend: string): Check => ({ name, status: 'fail', found, mend });
