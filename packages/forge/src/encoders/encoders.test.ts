import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createComponent } from '../create-component.ts';
import type { CrossEncoder, Embedder, Nli } from '../encoder.ts';
import { ConfigError } from '../errors.ts';
import { startHubServer } from '../testing/hub-server.ts';
import { labModels, surroundingsIn } from '../testing/lab-encoders.ts';
import { crossEncoders, embedders, nliModels } from './index.ts';
import { openModelThread } from './transformers/model-thread.ts';

let dir: string;
const open: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-encoders-'));
});
afterAll(async () => {
  await Promise.all(open.map((one) => one.close()));
  await rm(dir, { recursive: true, force: true });
});

async function make<T extends { close(): Promise<void> }>(
  definitions: Parameters<typeof createComponent<T, ReturnType<typeof surroundingsIn>>>[0],
  { name, ...options }: { name: string; [key: string]: unknown },
): Promise<T> {
  const made = await createComponent(definitions, { name, options }, surroundingsIn(dir));
  open.push(made);
  return made;
}
const embedder = (options: object = {}) => make<Embedder>(embedders, { ...labModels.embedder, ...options });
const crossEncoder = () => make<CrossEncoder>(crossEncoders, labModels.crossEncoder);
const nli = (options: object = {}) => make<Nli>(nliModels, { ...labModels.nli, ...options });

const query = 'What is the job of Vera Harker?';
const passages = [
  'Vera Harker\nThe job of Vera Harker is hunter. The city of Vera Harker is Lamdale.',
  'Vera Selby\nThe boss of Vera Selby is Vera Harker. The job of Vera Selby is baker.',
  'Lamdale\nThe river of Lamdale is Osk.',
];
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

// Golden values: the weights of each model file in PyTorch, by the code that the fixture of trainers/native-encoder names.
describe('the embedder', () => {
  it('equals PyTorch', async () => {
    const model = await embedder();
    expect(model.dimension).toBe(128);
    const [asked, ...found] = (await model.embed([query, ...passages])) as [Float32Array, ...Float32Array[]];
    expect([...asked.slice(0, 4)].map((value) => value.toFixed(4))).toEqual(['0.0871', '0.0177', '-0.0765', '-0.0028']);
    const cosines = found.map((vector) => dot(asked, vector));
    for (const [i, expected] of [0.967321, 0.516042, 0.282309].entries()) expect(cosines[i]).toBeCloseTo(expected, 4);
  });

  it('gives the same vectors whatever stands beside them, on one thread or two', async () => {
    const [one, two] = await Promise.all([embedder(), embedder({ workers: 2, batch: 2 })]);
    const texts = Array.from(
      { length: 7 },
      (_, i) => `${passages[i % 3]} ${'The pet of Ivan Kirk is cat. '.repeat(i)}`,
    );
    const together = await two.embed(texts);
    for (const [i, text] of texts.entries()) {
      const [alone] = await one.embed([text]);
      expect(dot(alone as Float32Array, together[i] as Float32Array)).toBeCloseTo(1, 5);
    }
    expect(two.fingerprint).toBe(one.fingerprint);
  });

  it('cuts long texts off at its limit, takes empty and foreign ones, counts tokens without special ones', async () => {
    const model = await embedder({ maxTokens: 16 });
    const [long, same, empty, foreign] = await model.embed([
      `The pet of Ivan Kirk is cat. ${'word '.repeat(100_000)}`,
      `The pet of Ivan Kirk is cat. ${'word '.repeat(20)}`,
      '',
      '日本語 🎉 \u0000',
    ]);
    expect(dot(long as Float32Array, same as Float32Array)).toBeCloseTo(1, 5);
    for (const vector of [empty, foreign])
      expect(dot(vector as Float32Array, vector as Float32Array)).toBeCloseTo(1, 5);
    expect(await model.countTokens(['The pet of Ivan Kirk is cat.', ''])).toEqual([8, 0]);
    expect(await model.embed([])).toEqual([]);
  });

  it('does not block the event loop', async () => {
    const model = await embedder();
    let longest = 0;
    let before = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - before);
      before = performance.now();
    }, 5);
    await model.embed(Array.from({ length: 400 }, () => passages[0] as string));
    clearInterval(timer);
    expect(longest).toBeLessThan(250);
  });
});

describe('the cross-encoder', () => {
  it('equals PyTorch', async () => {
    const scores = await (await crossEncoder()).score(query, passages);
    for (const [i, expected] of [9.903163, -13.527519, -14.771237].entries())
      expect(scores[i]).toBeCloseTo(expected, 2);
  });
});

describe('the NLI model', () => {
  const premise = 'The job of Vera Harker is hunter. The city of Vera Harker is Lamdale.';
  it('tells what is stated, denied and not said, and its shares add up to 1', async () => {
    const claims = [
      'The job of Vera Harker is hunter.',
      'The answer to "What is the job of Vera Harker?" is baker.',
      'The pet of Vera Harker is dog.',
    ];
    const judged = await (await nli()).judge(claims.map((hypothesis) => ({ premise, hypothesis })));
    expect(judged[0]?.entailment).toBeCloseTo(0.999943, 4);
    expect(judged[1]?.contradiction).toBeCloseTo(0.999952, 4);
    expect(judged[2]?.neutral).toBeCloseTo(0.999949, 4);
    for (const { entailment, neutral, contradiction } of judged) {
      expect(entailment + neutral + contradiction).toBeCloseTo(1, 6);
    }
  });
});

describe('models of the hub', () => {
  it('are fetched once, then used offline; a repository without ONNX says what it has', async () => {
    const files: Record<string, Buffer> = {};
    for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx']) {
      files[file] = await readFile(join(labModels.embedder.model, file));
    }
    const hub = await startHubServer([
      { kind: 'model', repo: 'lab/embedder', files },
      { kind: 'model', repo: 'lab/other', files: { 'onnx/model_int8.onnx': Buffer.from('x') } },
    ]);
    const ofHub = (model: string) =>
      createComponent<Embedder, ReturnType<typeof surroundingsIn>>(
        embedders,
        { name: 'sentence-transformer', options: { model } },
        surroundingsIn(join(dir, 'hub'), { env: { HF_ENDPOINT: hub.url } }),
      );
    await expect(ofHub('lab/other')).rejects.toThrow(
      /has no onnx\/model\.onnx; ONNX files there: onnx\/model_int8\.onnx/,
    );
    const [first, local] = await Promise.all([ofHub('lab/embedder'), embedder()]);
    expect(first.fingerprint).toBe(local.fingerprint);
    await first.close();
    await hub.close();
    const second = await ofHub('lab/embedder');
    expect(await second.embed(['The pet of Ivan Kirk is cat.'])).toEqual(
      await local.embed(['The pet of Ivan Kirk is cat.']),
    );
    await second.close();
  });
});

describe('models that cannot be used', () => {
  it.each([
    [{ model: 'nowhere' }, /nowhere: no such folder, and not owner\/repo\[@revision\] of the hub/],
    [{ model: 'models/../..' }, /no such folder|has no onnx/],
    [{ dtype: 'q8' }, /has no onnx\/model_quantized\.onnx/],
  ])('%j', async (options, message) => {
    await expect(embedder(options)).rejects.toThrow(message);
    await expect(embedder(options)).rejects.toThrow(ConfigError);
  });

  it('a broken file is a ConfigError that names the model', async () => {
    const folder = join(dir, 'broken');
    await cp(labModels.embedder.model, folder, { recursive: true });
    await writeFile(join(folder, 'onnx', 'model.onnx'), 'not a model');
    await expect(embedder({ model: 'broken' })).rejects.toThrow(/model broken: cannot be loaded/);
  });

  it('a cross-encoder is no NLI model', async () => {
    await expect(nli({ model: labModels.crossEncoder.model })).rejects.toThrow(
      /no model of natural language inference/,
    );
  });
});

describe('a model on threads of its own', () => {
  it.each(['closed', 'aborted'])('ends in order when it is %s in the middle of its work', async (how) => {
    const settings = { model: labModels.embedder.model, dtype: 'fp32', threads: 1, workers: 2, batch: 32 } as const;
    const thread = await openModelThread('embedding', settings, surroundingsIn(dir));
    const texts = Array.from({ length: 1000 }, (_, i) => `The number of cows of Vera Harker is ${i}. `.repeat(6));
    const controller = new AbortController();
    const embedding = thread.embed(texts, controller.signal);
    const outcome = expect(embedding).rejects.toThrow(/abort/);
    await new Promise((resolve) => setTimeout(resolve, 60));
    if (how === 'aborted') controller.abort();
    // A thread that was killed at its work would end this process: closing waits for the batches that were begun, no longer.
    const started = performance.now();
    await thread.close();
    expect(performance.now() - started).toBeLessThan(5000);
    await outcome;
  });
});
