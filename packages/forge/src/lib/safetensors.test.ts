import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBrainFloat, decodeHalf, encodeBrainFloat, encodeHalf } from './half-precision.ts';
import { openSafetensors, writeSafetensors } from './safetensors.ts';

const lab = fileURLToPath(new URL('../../../../models/lab', import.meta.url));
const sha256 = (values: Uint16Array) => createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-safetensors-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('16-bit floats', () => {
  // A million bit patterns over all exponents, subnormals, infinities and NaNs. NaNs: quiet, without payload.
  const words = Uint32Array.from({ length: 2 ** 20 }, (_, i) => (Math.imul(i, 2_654_435_761) + 12_345) >>> 0);
  const floats = new Float32Array(words.buffer);

  it('rounds to F16 like numpy 2.4', () => {
    expect(sha256(encodeHalf(floats))).toBe('335c0051425b19cdaf646201595bb28d69aea41ee56e436157a796a488fa3e19');
  });

  it('rounds to BF16 like PyTorch 2.13', () => {
    const bits = encodeBrainFloat(floats).map((one, i) => (Number.isNaN(floats[i]) ? 0x7fc0 : one));
    expect(sha256(bits)).toBe('022da9fb08ee9d5e964af5a42808ef8ae84fca6361ea00c96172028b9bb0cfe3');
  });

  it('reads back every F16 and BF16 value that is a number', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    for (const [decode, encode] of [[decodeHalf, encodeHalf] as const, [decodeBrainFloat, encodeBrainFloat] as const]) {
      const values = new Float32Array(all.length);
      decode(all, values);
      const back = encode(values);
      expect(all.filter((bits, i) => back[i] !== bits && !Number.isNaN(values[i]))).toHaveLength(0);
    }
    const some = new Float32Array(4);
    decodeHalf(Uint16Array.of(0x3c00, 0x0001, 0xfbff), some, 1);
    expect([...some]).toEqual([0, 1, 2 ** -24, -65_504]);
  });
});

const tensors = () => [
  { name: 'b.weight', shape: [2, 3], data: Float32Array.from([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], (x) => x / 3) },
  { name: 'a', shape: [3], data: Float32Array.of(1e-7, 65_504, -0) },
];

describe('writing', () => {
  // safetensors.torch.save(..., {'format': 'pt'}) of safetensors 0.8
  it.each([
    [
      'F32' as const,
      'mAAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJhIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpbMCwxMl19LCJiLndlaWdodCI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwzXSwiZGF0YV9vZmZzZXRzIjpbMTIsMzZdfX0gIJW/1jMA4H9HAAAAgFVVVb8AAAC/q6oqvquqKj4AAAA/VVVVPw==',
    ],
    [
      'F16' as const,
      'mAAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJhIjp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpbMCw2XX0sImIud2VpZ2h0Ijp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOlsyLDNdLCJkYXRhX29mZnNldHMiOls2LDE4XX19ICAgIAIA/3sAgKu6ALhVsVUxADirOg==',
    ],
    [
      'BF16' as const,
      'mAAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJhIjp7ImR0eXBlIjoiQkYxNiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzAsNl19LCJiLndlaWdodCI6eyJkdHlwZSI6IkJGMTYiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzYsMThdfX0gINczgEcAgFW/AL8rvis+AD9VPw==',
    ],
  ])('writes %s byte for byte like the reference', async (dtype, golden) => {
    const [all, path] = [tensors(), join(dir, 'new', `${dtype}.safetensors`)];
    // BF16 keeps 8 bits: 65504 becomes 65536.
    await writeSafetensors(path, all, { dtype });
    expect((await readFile(path)).toString('base64')).toBe(golden);
  });

  it('leaves the file before and nothing else where it fails', async () => {
    const path = join(dir, 'kept.safetensors');
    await writeFile(path, 'before');
    const tooLarge = { name: 'w', shape: [1], data: Float32Array.of(70_000) };
    await expect(writeSafetensors(path, [tooLarge], { dtype: 'F16' })).rejects.toThrow('tensor w: 70000 does not fit');
    expect(await readFile(path, 'utf8')).toBe('before');
    expect((await readdir(dir)).filter((name) => name.includes('partial'))).toEqual([]);
    const wrong = { ...tooLarge, shape: [2] };
    await expect(writeSafetensors(path, [wrong], { dtype: 'F32' })).rejects.toThrow('1 values for the shape [2]');
    await expect(writeSafetensors(path, [tooLarge, tooLarge], { dtype: 'F32' })).rejects.toThrow('two tensors');
  });
});

describe('reading', () => {
  it('lists and reads the lab model', async () => {
    const model = await openSafetensors(lab);
    const name = 'model.layers.4.mlp.down_proj.weight';
    expect(model.metadata).toEqual({ format: 'pt' });
    expect(model.tensors.get(name)).toMatchObject({ dtype: 'F16', shape: [192, 512], bytes: 2 * 192 * 512 });
    const values = await model.read(name);
    // safetensors.numpy.load_file: w[0, :3], w[191, 511], float64 sum
    expect([...values.slice(0, 3), values.at(-1)]).toEqual([
      -0.007183074951171875, -0.01306915283203125, -0.1204833984375, -0.0950927734375,
    ]);
    expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(83.87734586000443, 6);
    await expect(model.read('lm_head.weight')).rejects.toThrow('has no tensor lm_head.weight');
    await model.close();
  });

  it('reads shards through their index', async () => {
    const folder = join(dir, 'sharded');
    const [b, a] = tensors();
    await writeSafetensors(join(folder, 'model-1.safetensors'), [a as never], { dtype: 'BF16' });
    await writeSafetensors(join(folder, 'model-2.safetensors'), [b as never], { dtype: 'F32' });
    const index = (weight_map: object) =>
      writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
    await index({ a: 'model-1.safetensors', 'b.weight': 'model-2.safetensors' });
    const model = await openSafetensors(folder);
    expect([...model.tensors.keys()]).toEqual(['a', 'b.weight']);
    expect(await model.read('b.weight')).toEqual(b?.data);
    expect((await model.read('a'))[1]).toBe(65_536);
    await model.close();
    for (const [map, message] of [
      [{ a: '../model-1.safetensors' }, 'must be a .safetensors file in the same folder'],
      [{ a: 'model-1.bin' }, 'pickles are never loaded'],
      [{ a: 'model-3.safetensors' }, 'no such file, but the index names it'],
      [{ c: 'model-1.safetensors' }, 'has no tensor c, but the index says so'],
      [{ a: 1 }, 'is not an index'],
    ] as const) {
      await index(map);
      await expect(openSafetensors(folder)).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringContaining(message),
      });
    }
  });

  /** A file with this header and so many bytes of data. */
  async function hostile(header: unknown, dataBytes: number, headerBytes?: bigint): Promise<string> {
    const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(headerBytes ?? BigInt(text.length));
    const path = join(dir, 'hostile.safetensors');
    await writeFile(path, Buffer.concat([length, text, Buffer.alloc(dataBytes)]));
    return path;
  }
  const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: 'F32', shape, data_offsets });

  it.each<[string, unknown, number, bigint | undefined, string]>([
    ['a header longer than the file', {}, 20, 2n ** 40n, 'truncated, or not a safetensors file'],
    ['a header length beyond 2^53', {}, 20, 2n ** 64n - 1n, 'truncated, or not a safetensors file'],
    ['no JSON', '{"a": nonsense', 8, undefined, 'its header is not a JSON object'],
    ['an array', '[1,2,3]    ', 8, undefined, 'its header is not a JSON object'],
    ['negative offsets', { a: f32([1], [-4, 0]) }, 8, undefined, 'does not describe tensor a'],
    ['no shape', { a: { dtype: 'F32' } }, 8, undefined, 'does not describe tensor a'],
    ['data beyond the end', { a: f32([4], [0, 16]) }, 8, undefined, 'tensor a ends at byte'],
    ['offsets in the wrong order', { a: f32([1], [8, 4]) }, 8, undefined, 'truncated or damaged: tensor a'],
    ['a shape that is not the size', { a: f32([3], [0, 8]) }, 8, undefined, 'must have 12 bytes, not 8'],
    ['a shape beyond 2^53', { a: f32([2 ** 40, 2 ** 40], [0, 8]) }, 8, undefined, 'not 8'],
    ['overlap', { a: f32([2], [0, 8]), b: f32([1], [4, 8]) }, 8, undefined, 'tensor b starts at byte'],
    ['a hole', { a: f32([1], [0, 4]), b: f32([1], [8, 12]) }, 12, undefined, 'tensor b starts at byte'],
  ])('refuses a file with %s', async (_what, header, dataBytes, headerBytes, message) => {
    await expect(openSafetensors(await hostile(header, dataBytes, headerBytes))).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining(message),
    });
  });

  it('refuses pickles and other files, each with what it is', async () => {
    const folder = join(dir, 'pickled');
    await mkdir(folder);
    await writeFile(join(folder, 'pytorch_model.bin'), 'PK\x03\x04');
    await expect(openSafetensors(folder)).rejects.toThrow('never loaded as they can run programs');
    await expect(openSafetensors(join(folder, 'pytorch_model.bin'))).rejects.toThrow('never loaded');
    await symlink('pytorch_model.bin', join(folder, 'model.safetensors'));
    await expect(openSafetensors(folder)).rejects.toThrow('is a PyTorch pickle');
    await expect(openSafetensors(join(lab, 'lab-world-2m.gguf'))).rejects.toThrow('is a GGUF file');
    await expect(openSafetensors(join(dir, 'nowhere'))).rejects.toThrow('no such file or folder');
    await expect(openSafetensors(join(lab, '../../docs'))).rejects.toThrow('has neither model.safetensors nor');
    await writeFile(join(dir, 'empty.safetensors'), '');
    await expect(openSafetensors(join(dir, 'empty.safetensors'))).rejects.toThrow('it has 0 bytes');
  });

  it('says so where a file is cut, and what cannot be read', async () => {
    const path = join(dir, 'cut.safetensors');
    await writeFile(path, await readFile(join(lab, 'model.safetensors')));
    await truncate(path, 4_000_000);
    await expect(openSafetensors(path)).rejects.toThrow(/ends at byte \d+ of 4000000; fetch it again/);
    const quantised = await hostile({ q: { dtype: 'I32', shape: [2], data_offsets: [0, 8] } }, 8);
    const model = await openSafetensors(quantised);
    await expect(model.read('q')).rejects.toThrow('is I32; F32, F16 and BF16 can be read');
    await model.close();
  });
});
