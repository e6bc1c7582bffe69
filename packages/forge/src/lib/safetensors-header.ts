import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { isPickle } from './pickle.ts';

/** Where a tensor lies: bytes from `offset` of the file. */
export interface TensorPlace {
  /** As the header says: F32, F16, BF16, I64, ... */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** The limit of the reference implementation. */
const maxHeaderBytes = 100_000_000;

/** Bytes per value. A dtype that is not here is listed, but its size cannot be checked. */
const valueBytes: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

const count = z.int().min(0);
const tensorSchema = z.object({
  dtype: z.string().max(32),
  shape: z.array(count).max(16),
  data_offsets: z.tuple([count, count]),
});
const headerSchema = z.record(z.string(), z.unknown());

function notSafetensors(start: Buffer): string | undefined {
  const text = start.toString('latin1');
  if (isPickle(start))
    return 'is a PyTorch pickle, which is never loaded as it can run programs: take the safetensors version';
  if (text.startsWith('GGUF')) return 'is a GGUF file: training and conversion start from the safetensors version';
  if (text.startsWith('version https://git-lfs'))
    return 'is a Git LFS pointer, not the weights: fetch them with git lfs pull';
  if (/^\s*<(!doctype|html)/i.test(text)) return 'is an HTML page, not weights: the download was an error page';
  return undefined;
}

function tensorPlace(name: string, value: unknown, dataStart: number, fileBytes: number, label: string): TensorPlace {
  const parsed = tensorSchema.safeParse(value);
  if (!parsed.success)
    throw new ConfigError(`${label}: damaged: the header does not describe tensor ${name} as it must`);
  const { dtype, shape, data_offsets: range } = parsed.data;
  const bytes = range[1] - range[0];
  const needed = shape.reduce((product, size) => product * size, valueBytes[dtype] ?? Number.NaN);
  if (bytes < 0 || dataStart + range[1] > fileBytes)
    throw new ConfigError(
      `${label}: truncated or damaged: tensor ${name} ends at byte ${dataStart + range[1]} of ${fileBytes}; fetch it again`,
    );
  if (!Number.isNaN(needed) && needed !== bytes)
    throw new ConfigError(
      `${label}: damaged: tensor ${name} of ${dtype} [${shape.join(', ')}] must have ${needed} bytes, not ${bytes}`,
    );
  return { dtype, shape, offset: dataStart + range[0], bytes };
}

/** The format allows neither overlaps nor holes: either could hide data. */
function checkContiguous(tensors: ReadonlyMap<string, TensorPlace>, dataStart: number, label: string): void {
  let end = dataStart;
  for (const [name, { offset, bytes }] of [...tensors].sort(
    ([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes,
  )) {
    if (offset !== end)
      throw new ConfigError(`${label}: damaged: tensor ${name} starts at byte ${offset} where byte ${end} is next`);
    end = offset + bytes;
  }
}

/**
 * The header of an open file, each size checked against the file before anything is read or allocated by it.
 * Throws ConfigError for whatever is not a whole safetensors file. https://huggingface.co/docs/safetensors
 */
export async function readSafetensorsHeader(
  file: FileHandle,
  label: string,
): Promise<{ tensors: ReadonlyMap<string, TensorPlace>; metadata: Readonly<Record<string, string>> }> {
  const { size } = await file.stat();
  const start = Buffer.alloc(Math.min(64, size));
  await file.read(start, 0, start.length, 0);
  const wrong = notSafetensors(start);
  if (wrong !== undefined) throw new ConfigError(`${label}: ${wrong}`);
  if (size < 10) throw new ConfigError(`${label}: is not a safetensors file: it has ${size} bytes`);
  const headerBytes = Number(start.readBigUInt64LE());
  if (headerBytes > maxHeaderBytes || 8 + headerBytes > size)
    throw new ConfigError(
      `${label}: truncated, or not a safetensors file: a header of ${headerBytes} bytes in a file of ${size}`,
    );
  const text = Buffer.alloc(headerBytes);
  await file.read(text, 0, headerBytes, 8);
  let entries: Record<string, unknown>;
  try {
    entries = headerSchema.parse(JSON.parse(text.toString('utf8')));
  } catch {
    throw new ConfigError(`${label}: is not a safetensors file: its header is not a JSON object`);
  }
  const tensors = new Map<string, TensorPlace>();
  for (const [name, value] of Object.entries(entries))
    if (name !== '__metadata__') tensors.set(name, tensorPlace(name, value, 8 + headerBytes, size, label));
  checkContiguous(tensors, 8 + headerBytes, label);
  const metadata = z.record(z.string(), z.string()).safeParse(entries.__metadata__ ?? {});
  return { tensors, metadata: metadata.data ?? {} };
}
