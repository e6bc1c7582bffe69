import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { Engine, EngineParts, GenerateRequest, Generation } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { contentHash } from '../lib/canonical-json.ts';

const failKinds = [
  'timeout',
  'rate-limited',
  'server-error',
  'bad-request',
  'bad-response',
  'context-overflow',
  'crashed',
] as const;
const retryableKinds: ReadonlySet<string> = new Set(['timeout', 'rate-limited', 'server-error', 'crashed']);

const options = z.strictObject({
  responses: z
    .array(
      z.strictObject({
        match: z.string().describe('Part of the prompt; the first response that matches is given'),
        text: z.string().describe('What the model writes'),
      }),
    )
    .default([])
    .describe('Answers by what the prompt contains'),
  default: z.string().default('').describe('What the model writes where nothing matches'),
  latencyMs: z.number().min(0).max(600_000).default(0).describe('Time for each answer, ms'),
  failEvery: z.int().min(0).default(0).describe('Every nth request fails; 0 = none'),
  failKind: z.enum(failKinds).default('server-error').describe('How it fails'),
  concurrency: z.int().min(1).max(4096).default(8).describe('Requests in flight at most'),
});

/** Whitespace-separated words, each with the space before it: this engine's tokens. */
const tokensOf = (text: string) => text.match(/\s*\S+/g) ?? [];

function write(text: string, { maxTokens, stop }: Pick<GenerateRequest, 'maxTokens' | 'stop'>) {
  const ends = stop.map((one) => text.indexOf(one)).filter((at) => at >= 0);
  const end = Math.min(text.length, ...ends);
  const tokens = tokensOf(text.slice(0, end));
  if (tokens.length > maxTokens) {
    return { text: tokens.slice(0, maxTokens).join(''), finishReason: 'length', completionTokens: maxTokens } as const;
  }
  return { text: text.slice(0, end), finishReason: 'stop', completionTokens: tokens.length } as const;
}

function create(given: z.infer<typeof options>): Engine {
  const { responses, default: fallback, latencyMs, failEvery, failKind, concurrency } = given;
  const digest = `scripted:${contentHash([responses, fallback])}`;
  const stats = { requests: 0, failures: 0, retries: 0, promptTokens: 0, cachedPromptTokens: 0, completionTokens: 0 };
  let closed = false;

  async function wait(signal: AbortSignal | undefined): Promise<void> {
    const cancelled = () => new EngineError('cancelled', closed ? 'the engine was closed' : 'cancelled');
    if (closed || signal?.aborted) throw cancelled();
    if (latencyMs === 0) return;
    await sleep(latencyMs, undefined, signal === undefined ? {} : { signal }).catch(() => {
      throw cancelled();
    });
  }

  async function answer(request: GenerateRequest, number: number): Promise<Generation> {
    await wait(request.signal);
    if (failEvery > 0 && number % failEvery === 0) {
      throw new EngineError(failKind, `scripted failure of request ${number}`, {
        retryable: retryableKinds.has(failKind),
      });
    }
    const script = responses.find(({ match }) => request.prompt.includes(match))?.text ?? fallback;
    const { completionTokens, ...written } = write(script, request);
    return {
      ...written,
      usage: { promptTokens: tokensOf(request.prompt).length, completionTokens, cachedPromptTokens: 0 },
      // As the script says, not as measured: the same on every run.
      timing: { queuedMs: 0, prefillMs: 0, decodeMs: latencyMs, computeMs: 0, totalMs: latencyMs },
      cached: false,
      retries: 0,
    };
  }

  return {
    name: 'scripted',
    fingerprint: digest,
    modelDigest: digest,
    settings: { latencyMs, failEvery, failKind },
    concurrency,
    async generate(request) {
      const number = ++stats.requests;
      try {
        const generation = await answer(request, number);
        stats.promptTokens += generation.usage.promptTokens;
        stats.completionTokens += generation.usage.completionTokens;
        return generation;
      } catch (error) {
        stats.failures++;
        throw error;
      }
    },
    countTokens: async (text) => tokensOf(text).length,
    stats: () => ({ ...stats }),
    async close() {
      closed = true;
    },
  };
}

/** Answers from a list in the config, for tests and for trying an experiment out: no model, always the same. Tokens are words. */
export const definition: Definition<Engine, EngineParts, typeof options> = {
  name: 'scripted',
  summary: 'Answers from a list in the config: for tests and for trying an experiment out without a model',
  options,
  create,
};
