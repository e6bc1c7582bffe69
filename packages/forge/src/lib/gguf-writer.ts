import { type BlockType, blockBytes, blockWeights, quantizeBlocks } from './quantize.ts';
import { replaceFile } from './replace-file.ts';
import { encodeValues } from './safetensors.ts';

/** A metadata value with its type in the file: `i32s` and `strings` are arrays. */
export type GgufValue =
  | readonly ['u32' | 'f32', number]
  | readonly ['bool', boolean]
  | readonly ['string', string]
  | readonly ['i32s', readonly number[]]
  | readonly ['strings', readonly string[]];

export type GgufMetadata = Readonly<Record<string, GgufValue>>;

/** How weights are kept in the file: as floats, or as blocks of few bits with a scale. */
export type GgufTensorType = 'F32' | 'F16' | 'BF16' | BlockType;

/** A tensor whose values are made when its turn comes: one at a time is in memory. */
export interface GgufTensor {
  readonly name: string;
  /** Row-major, as in safetensors; the file holds dimensions in the opposite order. */
  readonly shape: readonly number[];
  readonly dtype: GgufTensorType;
  values(): Promise<Float32Array>;
}

const version = 3;
/** The format's default; other values need `general.alignment`. */
const alignment = 32;
const valueTypes = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
/** Of ggml.h. */
const tensorTypes = { F32: 0, F16: 1, BF16: 30, Q4_0: 2, Q8_0: 8 } as const;
const isBlockType = (type: GgufTensorType): type is BlockType => type in blockBytes;
const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function metadataBytes([type, value]: GgufValue): Buffer[] {
  switch (type) {
    case 'u32':
      return [u32(valueTypes.u32), u32(value)];
    case 'f32':
      return [u32(valueTypes.f32), Buffer.from(Float32Array.of(value).buffer)];
    case 'bool':
      return [u32(valueTypes.bool), Buffer.of(value ? 1 : 0)];
    case 'string':
      return [u32(valueTypes.string), text(value)];
    case 'i32s':
      return [
        u32(valueTypes.array),
        u32(valueTypes.i32),
        u64(value.length),
        Buffer.from(Int32Array.from(value).buffer),
      ];
    case 'strings':
      return [u32(valueTypes.array), u32(valueTypes.string), u64(value.length), ...value.map(text)];
  }
}

function sizeOf({ shape, dtype }: GgufTensor): number {
  const weights = shape.reduce((a, b) => a * b, 1);
  if (isBlockType(dtype)) return (weights / blockWeights) * blockBytes[dtype];
  return weights * (dtype === 'F32' ? 4 : 2);
}

const encode = (values: Float32Array, { dtype, name }: GgufTensor) =>
  isBlockType(dtype) ? quantizeBlocks(values, dtype) : encodeValues(values, dtype, name);

/**
 * Writes a GGUF file (version 3, little-endian), one tensor at a time, and puts it in its place once it is whole.
 * Keys and tensors come in the order given. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export async function writeGguf(path: string, metadata: GgufMetadata, tensors: readonly GgufTensor[]): Promise<void> {
  const entries = Object.entries(metadata);
  const header = [Buffer.from('GGUF'), u32(version), u64(tensors.length), u64(entries.length)];
  for (const [key, value] of entries) header.push(text(key), ...metadataBytes(value));
  const sizes = tensors.map(sizeOf);
  let offset = 0;
  for (const [index, { name, shape, dtype }] of tensors.entries()) {
    const dimensions = [...shape].reverse();
    header.push(text(name), u32(shape.length), ...dimensions.map(u64), u32(tensorTypes[dtype]), u64(offset));
    offset += aligned(sizes[index] as number);
  }
  await replaceFile(path, async (write) => {
    const start = Buffer.concat(header);
    await write(start);
    await write(Buffer.alloc(aligned(start.length) - start.length));
    for (const [index, tensor] of tensors.entries()) {
      const { name } = tensor;
      const bytes = encode(await tensor.values(), tensor);
      if (bytes.length !== sizes[index])
        throw new RangeError(`tensor ${name}: ${bytes.length} bytes where its shape needs ${sizes[index]}`);
      await write(bytes);
      await write(Buffer.alloc(aligned(bytes.length) - bytes.length));
    }
  });
}
