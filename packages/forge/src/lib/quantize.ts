import { encodeHalf } from './half-precision.ts';

/** Types of blocks of 32 weights with one scale, as ggml has them (https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c). */
export type BlockType = 'Q8_0' | 'Q4_0';

/** Weights of a block. A row must be made of whole blocks. */
export const blockWeights = 32;
const scaleBytes = 2;
/** Bytes of a block. */
export const blockBytes = { Q8_0: scaleBytes + blockWeights, Q4_0: scaleBytes + blockWeights / 2 } as const;

/** Half away from zero, as roundf does. */
const roundAway = (value: number) => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);

/** The value of a block that is farthest from zero, with its sign; the first of equal ones. */
function extreme(block: Float32Array): number {
  let most = 0;
  for (const value of block) if (Math.abs(value) > Math.abs(most)) most = value;
  return most;
}

function writeQ8(block: Float32Array, out: Uint8Array): number {
  const scale = Math.fround(Math.abs(extreme(block)) / 127);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  for (let i = 0; i < blockWeights; i++)
    out[scaleBytes + i] = roundAway(Math.fround((block[i] as number) * inverse)) & 0xff;
  return scale;
}

/** The value farthest from zero becomes 0 or 16 (cut to 15), zero is 8; byte i holds weights i and i + 16. */
function writeQ4(block: Float32Array, out: Uint8Array): number {
  const scale = Math.fround(extreme(block) / -8);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  const level = (i: number) => Math.max(0, Math.min(15, Math.trunc((block[i] as number) * inverse + 8.5)));
  const half = blockWeights / 2;
  for (let i = 0; i < half; i++) out[scaleBytes + i] = level(i) | (level(i + half) << 4);
  return scale;
}

/** Rows of weights as blocks, byte for byte as ggml's reference quantisation. The length is a multiple of 32. */
export function quantizeBlocks(values: Float32Array, type: BlockType): Uint8Array {
  if (values.length % blockWeights !== 0)
    throw new RangeError(`${values.length} weights are not whole blocks of ${blockWeights}`);
  const size = blockBytes[type];
  const blocks = values.length / blockWeights;
  const out = new Uint8Array(blocks * size);
  const scales = new Float32Array(blocks);
  const write = type === 'Q8_0' ? writeQ8 : writeQ4;
  for (let b = 0; b < blocks; b++) {
    const block = values.subarray(b * blockWeights, (b + 1) * blockWeights);
    scales[b] = write(block, out.subarray(b * size, (b + 1) * size));
  }
  for (const [b, half] of encodeHalf(scales).entries()) {
    out[b * size] = half & 0xff;
    out[b * size + 1] = half >>> 8;
  }
  return out;
}
