/**
 * Which texts were there already, in 8 bytes each (16 to 32 with room to grow) however long they are. A Map would take some 250 bytes
 * for an id and where it stands, and ends at 16.7 million.
 */
export interface FingerprintSet {
  /** Adds a text. False where one with the same fingerprint was added before: the same text, or, once in 10^19 pairs, another one. */
  add(text: string): boolean;
}

const fullest = 0.5;

/** Two 32-bit hashes of the UTF-16 units, by multiplication and shifts as in MurmurHash3 (public domain, A. Appleby). */
function fingerprint(text: string): readonly [number, number] {
  let [first, second] = [0x9e3779b9, 0x85ebca6b];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    first = Math.imul(first ^ unit, 0xcc9e2d51);
    first ^= first >>> 15;
    second = Math.imul(second ^ unit, 0x1b873593) + 0x165667b1;
    second ^= second >>> 13;
  }
  const finish = (hash: number) => {
    let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  return [finish(first ^ text.length), finish(second)];
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
