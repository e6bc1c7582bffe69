import { createHash } from 'node:crypto';

/**
 * Which texts were there already, in 8 bytes each (16 to 32 with room to grow) however long they are. A Map would take some 250 bytes
 * for an id and where it stands, and ends at 16.7 million.
 */
export interface FingerprintSet {
  /** Adds a text. False where one with the same fingerprint was added before: the same text, or, once in 10^19 pairs, another one. */
  add(text: string): boolean;
}

const fullest = 0.5;

/** The first 64 bits of SHA-256 over the UTF-16 units, so that lone surrogates count. */
function fingerprint(text: string): readonly [number, number] {
  const digest = createHash('sha256').update(Buffer.from(text, 'utf16le')).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

/** An empty set. */
export function createFingerprintSet(): FingerprintSet {
  let size = 0;
  // Pairs of hashes, found by the first one and the places after it; 0, 0 is an empty place.
  let table = new Uint32Array(2048);

  function place(first: number, second: number): boolean {
    const places = table.length / 2;
    let at = first & (places - 1);
    while (table[2 * at] !== 0 || table[2 * at + 1] !== 0) {
      if (table[2 * at] === first && table[2 * at + 1] === second) return false;
      at = (at + 1) & (places - 1);
    }
    table[2 * at] = first;
    table[2 * at + 1] = second;
    return true;
  }

  function grow(): void {
    const before = table;
    table = new Uint32Array(before.length * 2);
    for (let i = 0; i < before.length; i += 2) {
      const [first = 0, second = 0] = [before[i], before[i + 1]];
      if (first !== 0 || second !== 0) place(first, second);
    }
  }

  return {
    add(text) {
      const [first, second] = fingerprint(text);
      if (size + 1 > (fullest * table.length) / 2) grow();
      const isNew = place(first, second === 0 ? 1 : second);
      if (isNew) size++;
      return isNew;
    },
  };
}
