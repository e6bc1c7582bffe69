import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Of a token or a session: more than anybody can guess, so that a plain hash protects what is stored. */
export const secretBytes = 32;

/** `forge_` and 43 characters. `bytes`: secretBytes of them, from the system's random source. */
export const tokenText = (bytes: Uint8Array): string => `forge_${Buffer.from(bytes).toString('base64url')}`;

/** True for what looks like a token of ours. */
export const isTokenText = (text: string): boolean => /^forge_[\w-]{43}$/.test(text);

/** What is stored in a secret's place: SHA-256, hexadecimal. */
export const secretHash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Takes the same time wherever they differ. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * What unsafe requests of a session must carry in a header: derived from the cookie's text, so that only who was handed
 * both can send both, and nothing needs to be stored.
 */
export const csrfTokenOf = (sessionText: string): string =>
  createHmac('sha256', sessionText).update('forge csrf').digest('base64url');
