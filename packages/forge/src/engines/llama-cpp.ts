import { resolve } from 'node:path';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { Engine, EngineParts, Tokenizer, TokenLogprobs } from '../engine.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { fileDigest } from '../lib/file-digest.ts';
import { checkGgufFile } from '../lib/gguf-file.ts';
import { resolveModelFile } from '../lib/model-file.ts';
import { reaching } from '../lib/option-reach.ts';
import { type LoadOptions, type ModelGeneration, monotonicMs } from './llama-cpp/protocol.ts';

const loraSchema = z.strictObject({
  path: reaching('file', z.string().min(1)).describe('A LoRA adapter as GGUF.'),
  scale: z.number().default(1).describe('How strongly it is applied.'),
});

const options = z.strictObject({
  model: reaching('model', z.string().min(1)).describe(
    'A GGUF file: a path, or hf:owner/repo/file.gguf, with @revision after the repository where wanted.',
  ),
  batch: z.number().int().min(1).max(256).default(8).describe('Requests decoded together.'),
  contextSize: z
    .number()
    .int()
    .min(16)
    .max(1_048_576)
    .optional()
    .describe('Tokens of prompt and answer; the model’s own, at most 2048, when left out.'),
  threads: z
    .number()
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe('CPU threads; the cores of the machine when left out (1 for a model under 64 MB).'),
  gpu: z
    .union([z.enum(['auto', 'cuda', 'vulkan', 'metal']), z.literal(false)])
    .default('auto')
    .describe('Which GPU interface; false for the CPU alone.'),
  gpuLayers: z
    .union([z.literal('auto'), z.number().int().min(0)])
    .default('auto')
    .describe('Layers on the GPU; as many as fit when auto.'),
  lora: z.array(loraSchema).max(8).default([]).describe('Adapters on top of the model.'),
  chat: z.boolean().default(false).describe('Put the prompt into the model’s own chat template, as a user’s message.'),
  // Without defaults of the schema: an experiment that does not name them keeps its configuration hash.
  kvCache: z
    .enum(['f16', 'bf16', 'q8_0'])
    .optional()
    .describe(
      'How keys and values of earlier tokens are kept: f16 (so when left out) is the most exact; q8_0 takes half the memory and may be faster.',
    ),
  prefixCache: z
    .boolean()
    .optional()
    .describe(
      'Do not prefill again what a request before had as the beginning of its prompt (so when left out); false: every request prefills its whole prompt.',
    ),
  invariant: z
    .boolean()
    .default(false)
    .describe(
      'Decode one request at a time, from an empty cache (no prefixCache): slower, and an answer cannot depend on what else runs.',
    ),
});

/** Local models in GGUF through llama.cpp (https://github.com/ggml-org/llama.cpp), in a process of its own. */
export const definition: Definition<Engine, EngineParts, typeof options> = {
  name: 'llama-cpp',
  summary: 'A local GGUF model through llama.cpp: CPU or GPU, batched, with prefix reuse and LoRA.',
  options,
  async create({ prefixCache: wantsPrefixCache = true, kvCache = 'f16', ...settings }, parts) {
    const file = await resolveModelFile(settings.model, parts);
    await checkGgufFile(file.path, settings.model);
    const lora = await Promise.all(
      settings.lora.map(async ({ path, scale }) => {
        const full = resolve(parts.baseDir, path);
        await checkGgufFile(full, path);
        return { path: full, scale, sha256: await fileDigest(full, parts) };
      }),
    );
    const load: LoadOptions = {
      modelPath: file.path,
      batch: settings.batch,
      contextSize: settings.contextSize ?? null,
      threads: settings.threads ?? null,
      gpu: settings.gpu,
      gpuLayers: settings.gpuLayers,
      lora: lora.map(({ path, scale }) => ({ path, scale })),
      invariant: settings.invariant,
      kvCache,
      prefixCache: wantsPrefixCache,
      chat: settings.chat,
    };
    const { startModelProcess } = await import('./llama-cpp/model-process.ts');
    const model = await startModelProcess(load, settings.model);
    const { contextSize, threads, gpu, gpuLayers, bindingVersion } = model.info();
    const adapters = lora.map(({ sha256, scale }) => ({ sha256, scale }));
    const { batch, invariant, chat } = settings;
    const prefixCache = wantsPrefixCache && !invariant;
    // Everything that can change a token: greedy answers differ by rounding with batch sizes, thread counts and how a prompt is prefilled.
    const deciding = {
      model: file.sha256,
      adapters,
      batch: invariant ? 1 : batch,
      invariant,
      kvCache,
      prefixCache,
      chat,
      threads,
      gpu,
      gpuLayers,
      contextSize,
      bindingVersion,
    };
    const totals = {
      requests: 0,
      failures: 0,
      retries: 0,
      promptTokens: 0,
      cachedPromptTokens: 0,
      completionTokens: 0,
    };
    const encode: Tokenizer['encode'] = (text, { start = false } = {}) =>
      model.request<readonly number[]>({ type: 'encode', text, start });
    return {
      name: 'llama-cpp',
      fingerprint: `llama-cpp ${contentHash(deciding)}`,
      modelDigest: file.sha256,
      settings: {
        model: settings.model,
        batch,
        invariant,
        kvCache,
        prefixCache,
        chat,
        threads,
        gpu,
        gpuLayers,
        contextSize,
        bindingVersion,
      },
      concurrency: invariant ? 1 : batch,
      features: ['grammar', 'token-ids'],
      async generate({ signal, onText, ...request }) {
        const startedMs = monotonicMs();
        totals.requests++;
        try {
          const { timing, tokenMs, ...generation } = await model.request<ModelGeneration>(
            { type: 'generate', request, streams: onText !== undefined },
            signal,
            onText,
          );
          totals.promptTokens += generation.usage.promptTokens;
          totals.cachedPromptTokens += generation.usage.cachedPromptTokens;
          totals.completionTokens += generation.usage.completionTokens;
          return {
            ...generation,
            timing: { ...timing, totalMs: monotonicMs() - startedMs },
            ...(tokenMs === undefined ? {} : { tokenMs: tokenMs.map((ms) => ms - startedMs) }),
            cached: false,
            retries: 0,
          };
        } catch (error) {
          totals.failures++;
          throw error;
        }
      },
      score: ({ prompt, continuation, ids, end = false, signal }) =>
        model.request<TokenLogprobs>({ type: 'score', prompt, continuation, ids, end }, signal),
      countTokens: async (text) => (await encode(text)).length,
      tokenizer: { encode, decode: (ids) => model.request<string>({ type: 'decode', ids }) },
      release: (session) => model.release(session),
      stats: () => ({ ...totals }),
      close: () => model.close(),
    };
  },
};
