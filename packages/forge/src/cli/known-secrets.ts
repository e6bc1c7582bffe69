import { redact } from '../lib/redact.ts';

let known: () => readonly string[] = () => [];

/** Says which values the last words of this process must not show. */
export function rememberSecrets(values: () => readonly string[]): void {
  known = values;
}

/** A text with every secret that this process knows blacked out. */
export const withoutSecrets = (text: string): string => redact(text, known());
