import { type FileHandle, open } from 'node:fs/promises';
import { ConfigError } from '../errors.ts';
import { isPickle } from './pickle.ts';

/** `[values, bytes]` of one block of each tensor type: ggml.h and ggml-common.h of llama.cpp. */
const blockSizes: Readonly<Record<number, readonly [values: number, bytes: number]>> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  3: [32, 20],
  6: [32, 22],
  7: [32, 24],
  8: [32, 34],
  9: [32, 36],
  10: [256, 84],
  11: [256, 110],
  12: [256, 144],
  13: [256, 176],
  14: [256, 210],
  15: [256, 292],
  16: [256, 66],
  17: [256, 74],
  18: [256, 98],
  19: [256, 50],
  20: [32, 18],
  21: [256, 110],
  22: [256, 82],
  23: [256, 136],
  24: [1, 1],
  25: [1, 2],
  26: [1, 4],
  27: [1, 8],
  28: [1, 8],
  29: [256, 56],
  30: [1, 2],
};

const scalarBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const [stringType, arrayType] = [8, 9];
const defaultAlignment = 32;
/** A vocabulary of a few hundred thousand tokens with merges stays far below. */
const maxHeaderBytes = 256 * 2 ** 20;
const maxEntries = 10_000_000;

class Truncated extends Error {}

/** Reads a file forward, a megabyte at a time. */
function createReader(file: FileHandle) {
  let buffer = Buffer.alloc(0);
  let at = 0;
  let filePosition = 0;

  async function take(bytes: number): Promise<Buffer> {
    if (filePosition > maxHeaderBytes || bytes > maxHeaderBytes) throw new Truncated();
    while (buffer.length - at < bytes) {
      const chunk = Buffer.alloc(Math.max(1 << 20, bytes));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, filePosition);
      if (bytesRead === 0) throw new Truncated();
      filePosition += bytesRead;
      buffer = Buffer.concat([buffer.subarray(at), chunk.subarray(0, bytesRead)]);
      at = 0;
    }
    at += bytes;
    return buffer.subarray(at - bytes, at);
  }

  const u32 = async () => (await take(4)).readUInt32LE();
  const u64 = async () => Number((await take(8)).readBigUInt64LE());
  const text = async () => (await take(await u64())).toString('utf8');
  const position = () => filePosition - (buffer.length - at);

  async function skipValue(type: number): Promise<void> {
    if (type === stringType) {
      await take(await u64());
    } else if (type === arrayType) {
      const inner = await u32();
      const count = await u64();
      if (count > maxEntries) throw new Truncated();
      const size = scalarBytes[inner];
      if (size !== undefined) await take(size * count);
      else for (let i = 0; i < count; i++) await skipValue(inner);
    } else {
      const size = scalarBytes[type];
      if (size === undefined) throw new Truncated();
      await take(size);
    }
  }
  return { take, u32, u64, text, skipValue, position };
}

/** The number of bytes that a GGUF file must have for all of its tensors. */
async function expectedSize(file: FileHandle): Promise<number> {
  const reader = createReader(file);
  await reader.take(8);
  const tensors = await reader.u64();
  const pairs = await reader.u64();
  if (tensors > maxEntries || pairs > maxEntries) throw new Truncated();
  let alignment = defaultAlignment;
  for (let i = 0; i < pairs; i++) {
    const key = await reader.text();
    const type = await reader.u32();
    if (key === 'general.alignment' && type === 4) alignment = await reader.u32();
    else await reader.skipValue(type);
  }
  let end = 0;
  for (let i = 0; i < tensors; i++) {
    await reader.text();
    const dimensions = await reader.u32();
    let values = 1;
    for (let d = 0; d < Math.min(dimensions, 8); d++) values *= await reader.u64();
    const [blockValues, blockBytes] = blockSizes[await reader.u32()] ?? [1, 0];
    end = Math.max(end, (await reader.u64()) + Math.ceil(values / blockValues) * blockBytes);
  }
  return Math.ceil(reader.position() / alignment) * alignment + end;
}

function wrongKind(start: Buffer): string | undefined {
  const text = start.toString('latin1');
  if (text.startsWith('GGUF')) return undefined;
  if (text.startsWith('version https://git-lfs'))
    return 'a Git LFS pointer, not the model itself: fetch it with git lfs pull';
  if (/^\s*<(!doctype|html)/i.test(text)) return 'an HTML page, not a model: the download was a login or an error page';
  if (isPickle(start)) return 'a PyTorch pickle, which is never loaded: take a GGUF version of the model';
  if (/^.{8}\{"/s.test(text))
    return 'a safetensors file, not a GGUF: convert it with llama.cpp’s convert_hf_to_gguf.py';
  return 'not a GGUF file';
}

/**
 * Looks at the header of a model file before a library does: what is not a whole GGUF file gets a ConfigError that says what
 * it is instead. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export async function checkGgufFile(path: string, label: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `model ${label}: ${code === 'ENOENT' ? 'no such file; forge models lists what is there' : `cannot be read (${code})`}`,
    );
  }
  try {
    const { size } = await file.stat();
    if (size === 0) throw new ConfigError(`model ${label}: the file is empty`);
    const start = Buffer.alloc(256);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    const wrong = wrongKind(start.subarray(0, bytesRead));
    if (wrong !== undefined) throw new ConfigError(`model ${label}: ${wrong}`);
    const version = bytesRead < 8 ? 3 : start.readUInt32LE(4);
    if (version < 2 || version > 3)
      throw new ConfigError(
        `model ${label}: GGUF version ${version} is not supported; convert the model anew (versions 2 and 3 are)`,
      );
    const expected = await expectedSize(file).catch((error) => {
      if (error instanceof Truncated) return Number.POSITIVE_INFINITY;
      throw error;
    });
    if (expected === Number.POSITIVE_INFINITY)
      throw new ConfigError(
        `model ${label}: the file is truncated or damaged: its header does not end within its ${size} bytes`,
      );
    if (size < expected) {
      throw new ConfigError(`model ${label}: the file is truncated: ${size} of ${expected} bytes; fetch it again`);
    }
  } finally {
    await file.close();
  }
}
