/** 16-bit floating point in both directions, rounded to nearest even as IEEE 754 says. Bits are in Uint16Arrays. */

let halfValues: Float32Array | undefined;

function valueOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** F16 to F32, into `out` from index `at`. Exact. */
export function decodeHalf(bits: Uint16Array, out: Float32Array, at = 0): void {
  // A table of all 65,536 values (256 KiB) is several times faster than taking each value apart.
  halfValues ??= Float32Array.from({ length: 65_536 }, (_, index) => valueOfHalf(index));
  for (let i = 0; i < bits.length; i++) out[at + i] = halfValues[bits[i] as number] as number;
}

function halfOfSmall(magnitude: number): number {
  // Half of the smallest subnormal, 2^-25, is a tie and goes to the even 0.
  if (magnitude <= 0x33000000) return 0;
  const shift = 126 - (magnitude >>> 23);
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const quotient = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (quotient & 1) === 1) ? quotient + 1 : quotient;
}

/** F32 to F16. A value that rounds beyond 65504 becomes infinite, as in numpy and PyTorch. */
export function encodeHalf(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const magnitude = word & 0x7fffffff;
    let half: number;
    if (magnitude < 0x38800000) half = halfOfSmall(magnitude);
    else if (magnitude < 0x47800000) half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    else if (magnitude <= 0x7f800000) half = 0x7c00;
    else half = 0x7e00;
    out[i] = half | ((word >>> 16) & 0x8000);
  }
  return out;
}

/** BF16 to F32, into `out` from index `at`. Exact. */
export function decodeBrainFloat(bits: Uint16Array, out: Float32Array, at = 0): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[at + i] = (bits[i] as number) << 16;
}

/** F32 to BF16. */
export function encodeBrainFloat(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const notANumber = (word & 0x7fffffff) > 0x7f800000;
    out[i] = notANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}
