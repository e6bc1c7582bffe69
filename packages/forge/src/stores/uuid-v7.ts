/** Ids that sort by time of creation (RFC 9562, version 7), strictly ascending within one process. */
export function createUuidSource(now: () => number, randomBytes: (size: number) => Uint8Array): () => string {
  let lastMs = 0;
  let counter = 0;
  return () => {
    const ms = now();
    if (ms > lastMs) {
      lastMs = ms;
      // The upper bit stays free, so that a millisecond has room for at least 2,048 ids.
      const [high = 0, low = 0] = randomBytes(2);
      counter = ((high & 0x07) << 8) | low;
    } else if (++counter > 0xfff) {
      // The next millisecond is borrowed, as the RFC allows (6.2, method 1).
      lastMs++;
      counter = 0;
    }
    const bytes = randomBytes(8);
    bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x80;
    const tail = Buffer.from(bytes).toString('hex');
    const time = lastMs.toString(16).padStart(12, '0');
    const sequence = counter.toString(16).padStart(3, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence}-${tail.slice(0, 4)}-${tail.slice(4)}`;
  };
}
