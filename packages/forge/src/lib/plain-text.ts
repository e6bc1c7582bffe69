import { ConfigError } from '../errors.ts';

/** What a document file says: its title, and its text without markup. */
export interface DocumentText {
  readonly title: string;
  readonly text: string;
}

/** Without what no database takes (NUL, half a character) and what is no letter of a word (soft hyphens). */
export const cleanText = (text: string) => text.replace(/[\0\u00ad]/g, '').toWellFormed();

/** Throws ConfigError where the bytes are no UTF-8 text. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.includes(0)) throw new ConfigError('a binary file (or UTF-16), not UTF-8 text; leave it out of the corpus');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError('not UTF-8 text; convert it, or leave it out of the corpus');
  }
}

/** The title is the first heading of Markdown. */
export function plainText(bytes: Uint8Array): DocumentText {
  const text = decodeText(bytes);
  return { title: /^#[ \t]+(\S.*)$/m.exec(text)?.[1] ?? '', text };
}
