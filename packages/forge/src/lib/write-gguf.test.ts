import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { readGgufFileInfo } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withCpuEngine } from '../testing/cpu-engine.ts';
import { smallShape, writeRandomAdapter, writeRandomModel } from '../testing/random-model.ts';
import { encodeHalf } from './half-precision.ts';
import { writeGgufAdapter } from './write-gguf-adapter.ts';
import { writeGgufModel } from './write-gguf-model.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const lab = join(root, 'models/lab');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-gguf-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const problem =
  "Question: Vera has 58 stones. Vera buys 13. Vera sells 9. How many stones does Vera have now?\nLet's think step by step.";
const texts = [
  { prompt: problem, continuation: '\n58 + 13 = 71\n71 - 9 = 62\nAnswer: 62' },
  {
    prompt: 'Question: Vera has 58 stones. Vera sells 13. How many stones does Vera have now?\nAnswer:',
    continuation: ' 45',
  },
  {
    prompt: "Zürich — 東京 don't WE'LL 12345  \n\n x",
    continuation:
      " y\t{z}  🙂 ok. It is what it is, and Vera's brother Urban sells 12 of 300 books to Judith in the long summer of 1999.",
  },
];

/** Summed log-probabilities of the three continuations, nats. */
const scores = (options: object) =>
  withCpuEngine(dir, options, async (engine) => {
    const totals: number[] = [];
    for (const text of texts) totals.push((await engine.score?.(text))?.total ?? Number.NaN);
    return totals;
  });

/** llama.cpp keeps keys and values in F16, which is seen in a sum over a hundred tokens. */
function expectClose(found: readonly number[], golden: readonly number[], tolerance = 0.06): void {
  for (const [index, total] of golden.entries())
    expect(Math.abs((found[index] as number) - total), `text ${index}: ${found[index]}, ${total}`).toBeLessThan(
      tolerance,
    );
}

/** The same three sums from transformers and PEFT, for machines that have them. */
async function transformersScores(...folders: string[]): Promise<number[]> {
  const script = fileURLToPath(new URL('../testing/transformers-scores.py', import.meta.url));
  const python = env.FORGE_TEST_PYTHON as string;
  const stdout = await new Promise<string>((resolve, reject) => {
    const child = execFile(python, [script, ...folders], (error, out) => (error ? reject(error) : resolve(out)));
    child.stdin?.end(JSON.stringify(texts));
  });
  return JSON.parse(stdout).totals;
}

/** Loading PyTorch takes its time on a busy machine. */
const timeout = env.FORGE_TEST_PYTHON === undefined ? 60_000 : 300_000;

describe('the lab model', { timeout }, () => {
  const path = () => join(dir, 'lab.gguf');
  beforeAll(() => writeGgufModel({ model: lab, path: path(), name: 'lab' }));

  it('gets the same tensors as from gguf 0.19 for Python', async () => {
    const reference = join(lab, 'lab-world-2m.gguf');
    const [ours, theirs] = await Promise.all([path(), reference].map((file) => readGgufFileInfo(file)));
    const [bytes, golden] = await Promise.all([readFile(path()), readFile(reference)]);
    expect(ours?.fullTensorInfo?.length).toBe(47);
    for (const one of theirs?.fullTensorInfo ?? []) {
      const found = ours?.fullTensorInfo?.find(({ name }) => name === one.name);
      expect(found).toMatchObject({ dimensions: one.dimensions, ggmlType: one.ggmlType });
      const size = one.dimensions.reduce((a: number, b) => a * Number(b), 1) * (one.ggmlType === 0 ? 4 : 2);
      const [a, b] = [bytes.subarray(Number(found?.fileOffset)), golden.subarray(Number(one.fileOffset))];
      if (one.ggmlType === 1) expect(a.subarray(0, size).equals(b.subarray(0, size)), one.name).toBe(true);
      // Vectors of the reference were written from F32, model.safetensors has them as F16.
      else {
        const half = (all: Buffer) => encodeHalf(new Float32Array(new Uint8Array(all.subarray(0, size)).buffer));
        expect(half(a), one.name).toEqual(half(b));
      }
    }
    const { llama, tokenizer } = (theirs?.metadata ?? {}) as Record<string, unknown>;
    expect(ours?.metadata).toMatchObject({ llama, tokenizer });
  });

  it('writes the same texts as with the reference file', async () => {
    const prompts = [problem, texts[1]?.prompt as string, 'Question: Where does Tilda live?\nAnswer:', 'Vera'];
    const write = (model: string) =>
      withCpuEngine(dir, { model }, async (engine) => {
        const written: string[] = [];
        for (const prompt of prompts) {
          const request = { prompt, temperature: 0, topP: 1, topK: 0, maxTokens: 50, stop: [], seed: 1 };
          written.push((await engine.generate(request)).text);
        }
        return written;
      });
    const ours = await write(path());
    expect(ours[0]).toContain('58 + 13 = 71');
    expect(ours).toEqual(await write('models/lab/lab-world-2m.gguf'));
  });

  it('serves an adapter for all seven matrices as PEFT does, beside the model and merged into it', async () => {
    const adapter = join(dir, 'lab-adapter');
    await writeRandomAdapter(adapter, lab);
    await writeGgufAdapter({ adapter, model: lab, path: join(dir, 'lab-lora.gguf'), name: 'random' });
    await writeGgufModel({ model: lab, adapter, path: join(dir, 'lab-merged.gguf'), name: 'merged' });
    // testing/transformers-scores.py: transformers 5.18, PEFT 0.21, torch 2.13; with the adapter, and without.
    const golden = [-0.007796470112891201, -0.47395678456026635, -636.3418011921345];
    const plain = [-0.004703206413069364, -0.6116126137165145, -647.0005695293104];
    expectClose(await scores({ model: path() }), plain);
    const served = await scores({ model: path(), lora: [{ path: join(dir, 'lab-lora.gguf') }] });
    expectClose(served, golden);
    expectClose(await scores({ model: join(dir, 'lab-merged.gguf') }), golden);
    // Half of the adapter is neither all of it nor none.
    const half = await scores({ model: path(), lora: [{ path: join(dir, 'lab-lora.gguf'), scale: 0.5 }] });
    for (const other of [plain, golden])
      expect(Math.abs((half[2] as number) - (other[2] as number))).toBeGreaterThan(1);
    if (env.FORGE_TEST_PYTHON !== undefined) {
      expectClose(await transformersScores(lab), plain, 1e-3);
      expectClose(await transformersScores(lab, adapter), golden, 1e-3);
    }
  });
});

const projections = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'];
const { rope_theta, ...withoutTheta } = smallShape;

/** Golden: testing/transformers-scores.py, transformers 5.18, PEFT 0.21, torch 2.13; without the random adapter, and with it. */
const families = [
  {
    what: 'Llama 3.1 with scaled positions, shared keys and biases',
    config: {
      ...smallShape,
      model_type: 'llama',
      attention_bias: true,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
    },
    extras: { biases: [...projections, 'self_attn.o_proj'] },
    plain: [-276.36071727509716, -30.228817815646725, -598.1996860378065],
    adapted: [-279.40819011352204, -32.82902703474766, -588.3260661059334],
  },
  {
    what: 'Llama with linearly scaled positions, as transformers 5 writes it',
    config: {
      ...withoutTheta,
      model_type: 'llama',
      rope_parameters: { rope_type: 'linear', factor: 4, rope_theta },
    },
    extras: {},
    plain: [-269.5363005874668, -28.284657626605807, -579.1900916074229],
    adapted: [-265.18644689619794, -33.298505690286916, -591.7085965093684],
  },
  {
    what: 'Mistral with heads wider than their share',
    config: { ...smallShape, model_type: 'mistral', head_dim: 32, sliding_window: 256 },
    extras: {},
    plain: [-275.4397017586001, -29.98612610944815, -559.3921480843749],
    adapted: [-268.91380858641145, -30.857381451186942, -562.3108158261192],
  },
  {
    what: 'Qwen2, tied, with biases',
    config: {
      ...smallShape,
      model_type: 'qwen2',
      tie_word_embeddings: true,
      sliding_window: 32,
      use_sliding_window: false,
    },
    extras: { biases: projections },
    plain: [-246.36527572740735, -26.489306416503098, -558.5049650069893],
    adapted: [-255.14983592132836, -29.10924383093589, -546.6698699985544],
  },
  {
    what: 'Qwen3 with norms of heads',
    config: { ...smallShape, model_type: 'qwen3', head_dim: 32 },
    extras: { headNorms: true },
    plain: [-265.39380488392703, -24.249530704856845, -549.5187045732102],
    adapted: [-272.82692727367777, -26.237595842545836, -556.4353245573864],
  },
];

describe('models of the family', { timeout }, () => {
  it.each(families)('$what: scores as transformers, also with an adapter', async (family) => {
    const name = family.config.model_type;
    const [model, adapter, path] = [join(dir, name), join(dir, `${name}-adapter`), join(dir, `${name}.gguf`)];
    await writeRandomModel(model, family.config, family.extras);
    await writeRandomAdapter(adapter, model);
    await writeGgufModel({ model, path, name, dtype: 'F32' });
    expectClose(await scores({ model: path }), family.plain);
    await writeGgufAdapter({ adapter, model, path: join(dir, `${name}-lora.gguf`), name });
    expectClose(await scores({ model: path, lora: [{ path: join(dir, `${name}-lora.gguf`) }] }), family.adapted);
    if (env.FORGE_TEST_PYTHON !== undefined) {
      expectClose(await transformersScores(model), family.plain, 1e-2);
      expectClose(await transformersScores(model, adapter), family.adapted, 1e-2);
    }
  });

  it('reads the window of Mistral as the context', async () => {
    const info = await readGgufFileInfo(join(dir, 'mistral.gguf'));
    expect(info.metadata).toMatchObject({ llama: { context_length: 256 } });
  });
});
