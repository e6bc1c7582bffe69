import type { Engine, GenerateRequest, Generation, ScoreRequest, Tokenizer } from '../../engine.ts';
import { type CompletionLogprobs, completionLogprobs, withFirstToken } from './answer.ts';
import { ModelServerProblem } from './problem.ts';
import type { ServedRequest } from './request.ts';

/** A prompt as the engine gets it. */
export interface ServedPrompt {
  readonly text: string;
  /** Where the request gave ids, or asks for them. */
  readonly ids: readonly number[] | undefined;
}

/** Throws ModelServerProblem where the engine has none. */
export function tokenizerOf({ tokenizer }: Engine): Tokenizer {
  if (tokenizer === undefined) throw new ModelServerProblem(501, 'the engine has no tokenizer, and takes only text');
  return tokenizer;
}

/** The text of ids that were given, the ids of a text where they are asked for. Rejects with ModelServerProblem, EngineError. */
export async function servedPrompt(engine: Engine, { prompt, tokenIds }: ServedRequest): Promise<ServedPrompt> {
  if (typeof prompt !== 'string') return { text: await tokenizerOf(engine).decode(prompt), ids: prompt };
  return { text: prompt, ids: tokenIds ? await tokenizerOf(engine).encode(prompt, { start: true }) : undefined };
}

/** `random`: in [0, 1), for the seed of a request that names none. */
export function engineRequest(
  { sampling, seed, tokenIds }: ServedRequest,
  { text, ids }: ServedPrompt,
  random: () => number,
  signal: AbortSignal,
): GenerateRequest {
  return {
    ...sampling,
    prompt: text,
    ...(ids === undefined ? {} : { promptTokens: ids }),
    ...(tokenIds && { tokenIds }),
    seed: seed ?? Math.floor(random() * 2 ** 31),
    signal,
  };
}

/** Log-probabilities of what was asked for: of the echoed prompt, of what was written. */
async function scored(
  engine: Engine,
  { text, ids }: ServedPrompt,
  echo: boolean,
  written: string,
  signal: AbortSignal,
) {
  const score = (request: ScoreRequest) => {
    if (engine.score === undefined) throw new ModelServerProblem(400, 'logprobs: the engine cannot score');
    return engine.score({ ...request, signal });
  };
  const found: { tokens: string[]; logprobs: (number | null)[] } = { tokens: [], logprobs: [] };
  if (echo) {
    const given = ids === undefined ? {} : { ids: { prompt: [], continuation: ids } };
    const { tokens, logprobs } = withFirstToken(text, await score({ prompt: '', continuation: text, ...given }));
    found.tokens.push(...tokens);
    found.logprobs.push(...logprobs);
  }
  if (written !== '') {
    const given =
      ids === undefined ? {} : { ids: { prompt: ids, continuation: await tokenizerOf(engine).encode(written) } };
    const { tokens, logprobs } = await score({ prompt: text, continuation: written, ...given });
    found.tokens.push(...tokens);
    found.logprobs.push(...logprobs);
  }
  return found;
}

export interface WholeCompletion {
  readonly answer: Pick<Generation, 'text' | 'finishReason' | 'usage' | 'tokens'>;
  readonly logprobs: CompletionLogprobs | null;
}

/** A whole completion, with what `echo` and `logprobs` add to it. */
export async function completeWhole(
  engine: Engine,
  given: ServedRequest,
  prompt: ServedPrompt,
  request: GenerateRequest & { readonly signal: AbortSignal },
): Promise<WholeCompletion> {
  const { echo, logprobs: wanted } = given;
  const generated = given.sampling.maxTokens === 0 ? null : await engine.generate(request);
  const written = generated?.text ?? '';
  const found = wanted ? await scored(engine, prompt, echo, written, request.signal) : { tokens: [], logprobs: [] };
  const count = async () =>
    prompt.ids?.length ?? (found.tokens.length || ((await engine.countTokens?.(prompt.text)) ?? 0));
  const usage = generated?.usage ?? { promptTokens: await count(), completionTokens: 0, cachedPromptTokens: 0 };
  const tokens = given.tokenIds ? { tokens: generated?.tokens ?? [] } : {};
  const text = (echo ? prompt.text : '') + written;
  return {
    answer: { text, finishReason: generated?.finishReason ?? 'length', usage, ...tokens },
    logprobs: wanted ? completionLogprobs(found.tokens, found.logprobs) : null,
  };
}
