import { createHash } from 'node:crypto';

/** A 31-bit seed from a text: the same on every machine, whatever the order in which examples are done. */
export function contentSeed(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) >>> 1;
}
