import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { decodeBrainFloat, decodeHalf, encodeBrainFloat, encodeHalf } from './half-precision.ts';
import { hasPickleName } from './pickle.ts';
import { replaceFile } from './replace-file.ts';
import { readSafetensorsHeader, type TensorPlace } from './safetensors-header.ts';

/** One tensor of a model folder. */
export interface StoredTensor extends TensorPlace {
  /** Absolute. */
  readonly file: string;
}

/** Weights on disk, read one tensor at a time. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** `__metadata__` of the first file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Row-major values of an F32, F16 or BF16 tensor. Throws ConfigError where there is none of this name or kind. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

const chunkBytes = 16 * 2 ** 20;
const maxIndexBytes = 100_000_000;
const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

const exists = (path: string) =>
  stat(path).then(
    (info) => info.isFile(),
    () => false,
  );

/** The shard files of a folder in its index, each name checked: an index must not point out of its folder. */
async function indexedFiles(folder: string, index: string): Promise<{ files: string[]; names: Map<string, string> }> {
  const { size } = await stat(index);
  if (size > maxIndexBytes) throw new ConfigError(`${index}: ${size} bytes; an index has ${maxIndexBytes} at most`);
  const parsed = indexSchema.safeParse(
    await readFile(index, 'utf8')
      .then(JSON.parse)
      .catch(() => undefined),
  );
  if (!parsed.success) throw new ConfigError(`${index}: is not an index: weight_map must name a file for each tensor`);
  const names = new Map<string, string>();
  for (const [tensor, file] of Object.entries(parsed.data.weight_map)) {
    if (file !== basename(file) || !file.endsWith('.safetensors'))
      throw new ConfigError(
        `${index}: weight_map.${tensor}: ${file}: must be a .safetensors file in the same folder${hasPickleName(file) ? '; pickles are never loaded' : ''}`,
      );
    names.set(tensor, join(folder, file));
  }
  return { files: [...new Set(names.values())].sort(), names };
}

/** The files with the weights, and for a sharded model which file has which tensor. */
async function weightFiles(path: string): Promise<{ files: string[]; names?: Map<string, string> }> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) throw new ConfigError(`${path}: no such file or folder`);
  if (info.isFile()) {
    if (hasPickleName(path))
      throw new ConfigError(
        `${path}: a PyTorch pickle is never loaded as it can run programs: take the safetensors version of the model`,
      );
    return { files: [path] };
  }
  const single = join(path, 'model.safetensors');
  if (await exists(single)) return { files: [single] };
  const index = join(path, 'model.safetensors.index.json');
  if (await exists(index)) return indexedFiles(path, index);
  const pickles = (await readdir(path)).filter(hasPickleName);
  throw new ConfigError(
    pickles.length > 0
      ? `${path}: has its weights as PyTorch pickles (${pickles[0]}), which are never loaded as they can run programs: take a version with model.safetensors`
      : `${path}: has neither model.safetensors nor model.safetensors.index.json`,
  );
}

async function readBytes(file: FileHandle, into: Uint8Array, position: number, label: string): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, Math.min(chunkBytes, into.length - at), position + at);
    if (bytesRead === 0) throw new ConfigError(`${label}: became shorter while it was read`);
    at += bytesRead;
  }
}

async function readValues(file: FileHandle, name: string, tensor: StoredTensor): Promise<Float32Array> {
  const { dtype, offset, bytes } = tensor;
  const label = `${tensor.file}: tensor ${name}`;
  if (dtype === 'F32') {
    const values = new Float32Array(bytes / 4);
    await readBytes(file, new Uint8Array(values.buffer), offset, label);
    return values;
  }
  if (dtype !== 'F16' && dtype !== 'BF16')
    throw new ConfigError(`${label}: is ${dtype}; F32, F16 and BF16 can be read: take an unquantised version`);
  const decode = dtype === 'F16' ? decodeHalf : decodeBrainFloat;
  const values = new Float32Array(bytes / 2);
  // In pieces: the 16-bit copy of a large matrix need not be in memory beside the 32-bit one.
  const piece = new Uint16Array(Math.min(bytes, chunkBytes) / 2);
  for (let at = 0; at < values.length; at += piece.length) {
    const part = piece.subarray(0, values.length - at);
    await readBytes(file, new Uint8Array(part.buffer, 0, part.byteLength), offset + 2 * at, label);
    decode(part, values, at);
  }
  return values;
}

/**
 * Opens a model folder (`model.safetensors`, or shards through `model.safetensors.index.json`) or one safetensors file. Only
 * headers are read. Throws ConfigError for pickles, damaged or hostile files, and an index that does not fit its shards.
 */
export async function openSafetensors(folderOrFile: string): Promise<Safetensors> {
  const { files, names } = await weightFiles(folderOrFile);
  const handles = new Map<string, FileHandle>();
  const close = async () => {
    await Promise.all([...handles.values()].map((handle) => handle.close()));
    handles.clear();
  };
  try {
    const tensors = new Map<string, StoredTensor>();
    let first: Readonly<Record<string, string>> | undefined;
    for (const path of files) {
      const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
        throw new ConfigError(
          `${path}: ${error.code === 'ENOENT' ? 'no such file, but the index names it' : `cannot be read (${error.code})`}`,
        );
      });
      handles.set(path, handle);
      const header = await readSafetensorsHeader(handle, path);
      first ??= header.metadata;
      for (const [name, place] of header.tensors)
        if (names === undefined || names.get(name) === path) tensors.set(name, { ...place, file: path });
    }
    for (const [name, path] of names ?? [])
      if (!tensors.has(name)) throw new ConfigError(`${path}: has no tensor ${name}, but the index says so`);
    return {
      tensors,
      metadata: first ?? {},
      async read(name) {
        const tensor = tensors.get(name);
        const handle = tensor && handles.get(tensor.file);
        if (tensor === undefined || handle === undefined)
          throw new ConfigError(`${folderOrFile}: has no tensor ${name}`);
        return readValues(handle, name, tensor);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A tensor to be written: row-major values. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Little-endian bytes of values in a dtype. Throws ConfigError where F16 cannot hold one of them. */
export function encodeValues(data: Float32Array, dtype: 'F32' | 'F16' | 'BF16', name: string): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (dtype === 'BF16') return new Uint8Array(encodeBrainFloat(data).buffer);
  const bits = encodeHalf(data);
  const lost = bits.findIndex((half) => (half & 0x7c00) === 0x7c00);
  if (lost !== -1)
    throw new ConfigError(`tensor ${name}: ${data[lost]} does not fit into F16 (65504 at most): write BF16 or F32`);
  return new Uint8Array(bits.buffer);
}

/**
 * Writes one safetensors file, byte for byte as the reference implementation does (tensors in the order of their names),
 * one tensor at a time, and puts it in its place once it is whole.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<NamedTensor>,
  {
    dtype,
    metadata = { format: 'pt' },
  }: { dtype: 'F32' | 'F16' | 'BF16'; metadata?: Readonly<Record<string, string>> },
): Promise<void> {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const { name, shape, data } of sorted) {
    if (Object.hasOwn(header, name)) throw new RangeError(`two tensors are called ${name}`);
    if (shape.reduce((product, size) => product * size, 1) !== data.length)
      throw new RangeError(`tensor ${name}: ${data.length} values for the shape [${shape.join(', ')}]`);
    const begin = end;
    end += data.length * (dtype === 'F32' ? 4 : 2);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ');
  text.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  await replaceFile(path, async (write) => {
    await write(length);
    await write(padded);
    for (const { name, data } of sorted) await write(encodeValues(data, dtype, name));
  });
}
