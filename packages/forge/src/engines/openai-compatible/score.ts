import { z } from 'zod';
import type { ScoreRequest, TokenLogprobs } from '../../engine.ts';
import { ConfigError, EngineError } from '../../errors.ts';
import type { ServerTokenizer } from './tokenize.ts';

const echoed = z.object({
  choices: z
    .array(
      z.object({
        logprobs: z
          .object({ tokens: z.array(z.string()), token_logprobs: z.array(z.number().nullable()) })
          .nullish()
          .catch(null),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number() }).nullish(),
});

const promptLogprob = z.object({ logprob: z.number(), decoded_token: z.string().nullish() });
/** vLLM: one entry a prompt token, by its id; null for the first. */
const prompted = z.object({
  prompt_logprobs: z.array(z.record(z.string(), promptLogprob).nullable()).nullish(),
});

interface Scored {
  readonly tokens: readonly string[];
  readonly logprobs: readonly (number | null)[];
}

/** The body of a request whose answer echoes its prompt with log-probabilities. One token more has to be generated: not every server allows none. */
export const echoBody = (model: string, prompt: string | readonly number[]) =>
  JSON.stringify({ model, prompt, max_tokens: 1, temperature: 0, echo: true, logprobs: 1 });

/**
 * The body of a chat whose answer tells the log-probabilities of its tokens, with the answer so far where one is given
 * (https://docs.vllm.ai/en/latest/serving/openai_compatible_server/, extra parameters of the chat API).
 */
export const promptLogprobsBody = (model: string, prompt: string, answer: string | null) =>
  JSON.stringify({
    model,
    messages: [{ role: 'user', content: prompt }, ...(answer === null ? [] : [{ role: 'assistant', content: answer }])],
    max_tokens: 1,
    temperature: 0,
    // The token itself, and no alternatives.
    prompt_logprobs: 0,
    add_generation_prompt: answer === null,
    continue_final_message: answer !== null,
  });

/** The tokens of an echoed text, the generated one left out. Throws ConfigError where the server has no echo. */
function echoedTokens(json: unknown): Scored {
  const parsed = echoed.safeParse(json);
  if (!parsed.success) throw new EngineError('bad-response', 'the answer to a scoring request has no choices');
  const { choices, usage } = parsed.data;
  const logprobs = choices[0]?.logprobs;
  // A server that ignores echo sends the one generated token, or log-probabilities of another shape, or none.
  if (!logprobs || usage == null || logprobs.tokens.length < usage.prompt_tokens) {
    throw new ConfigError(
      'engine: this server does not score given text (it ignores `echo` with `logprobs` on /completions, as llama-server and Ollama do); use vLLM, SGLang or the llama-cpp engine',
    );
  }
  const tokens = logprobs.tokens.slice(0, usage.prompt_tokens);
  return { tokens, logprobs: logprobs.token_logprobs.slice(0, tokens.length) };
}

/** The tokens of a chat. Throws ConfigError where the server does not tell their probabilities. */
function promptedTokens(json: unknown): Scored {
  const entries = prompted.safeParse(json).data?.prompt_logprobs;
  if (entries == null) {
    throw new ConfigError(
      'engine: this server does not score given chats (it ignores `prompt_logprobs`, which vLLM has); use vLLM, api: completions, or the llama-cpp engine',
    );
  }
  const own = entries.map((entry) => {
    const [one, ...others] = entry === null ? [] : Object.values(entry);
    // Which of several is the text's own cannot be told: an object's numeric keys have no order of their own.
    if (others.length > 0) throw new EngineError('bad-response', 'prompt_logprobs has more than was asked for');
    return one;
  });
  return {
    tokens: own.map((one) => one?.decoded_token ?? ''),
    logprobs: own.map((one) => one?.logprob ?? null),
  };
}

/** How many tokens at the end hold the continuation, by their text; null where tokens are parts of characters. */
function tokensOfEnd(tokens: readonly string[], continuation: string): number | null {
  let end = '';
  let count = 0;
  while (end.length < continuation.length && count < tokens.length) end = `${tokens[tokens.length - ++count]}${end}`;
  return end.endsWith(continuation) ? count : null;
}

function checkEnd({ end = false }: ScoreRequest): void {
  if (end) {
    throw new ConfigError(
      'engine: openai-compatible cannot score where a text ends, as the protocol has no word for it; use end: false, or the engine llama-cpp',
    );
  }
}

function lastOf(all: Scored, count: number): TokenLogprobs {
  const tokens = count > 0 ? all.tokens.slice(-count) : [];
  const logprobs = count > 0 ? all.logprobs.slice(-count) : [];
  if (!logprobs.every((one) => one !== null)) {
    throw new EngineError('bad-request', 'nothing comes before the continuation: its first token has no probability');
  }
  return { tokens, logprobs, total: logprobs.reduce((sum, one) => sum + one, 0) };
}

async function scoreEnd(
  request: ScoreRequest,
  whole: () => Promise<Scored>,
  before: () => Promise<Scored>,
): Promise<TokenLogprobs> {
  checkEnd(request);
  const all = await whole();
  const count = tokensOfEnd(all.tokens, request.continuation);
  return lastOf(all, count ?? all.tokens.length - (await before()).tokens.length);
}

/** The ids that are scored, and how many at their end are the continuation: the text is split where its tokens first differ from the prompt's. */
async function idsToScore({ prompt, continuation, ids, signal }: ScoreRequest, { encode }: ServerTokenizer) {
  if (ids !== undefined) return { whole: [...ids.prompt, ...ids.continuation], count: ids.continuation.length };
  const before = await encode(prompt, true, signal);
  const whole = await encode(prompt + continuation, true, signal);
  const differs = before.findIndex((id, i) => id !== whole[i]);
  return { whole, count: whole.length - (differs < 0 ? before.length : differs) };
}

/** Like `scoreByEcho`, of ids: where the continuation begins is known, and need not be found again in a server's texts of tokens. */
export async function scoreIds(
  request: ScoreRequest,
  tokenizer: ServerTokenizer,
  ask: (ids: readonly number[]) => Promise<unknown>,
): Promise<TokenLogprobs> {
  checkEnd(request);
  const { whole, count } = await idsToScore(request, tokenizer);
  const all = echoedTokens(await ask(whole));
  if (all.tokens.length !== whole.length) {
    const sent = `${whole.length} token ids were sent and ${all.tokens.length} scored`;
    throw new EngineError('bad-response', `${sent}: the server adds tokens to those that it gets`);
  }
  return lastOf(all, count);
}

/**
 * Log-probabilities of a continuation from the echo of `prompt + continuation` (vLLM, SGLang, forge serve-model; the shape of
 * OpenAI's legacy completions). `text_offset` is not used: servers count special tokens in it that the text does not have. A
 * token that straddles the border belongs to the continuation.
 */
export const scoreByEcho = (request: ScoreRequest, ask: (text: string) => Promise<unknown>): Promise<TokenLogprobs> =>
  scoreEnd(
    request,
    async () => echoedTokens(await ask(request.prompt + request.continuation)),
    async () => echoedTokens(await ask(request.prompt)),
  );

/** The same for a chat: the continuation is what the assistant says to the prompt, in the model's template. */
export const scoreByPromptLogprobs = (
  request: ScoreRequest,
  ask: (answer: string | null) => Promise<unknown>,
): Promise<TokenLogprobs> =>
  scoreEnd(
    request,
    async () => promptedTokens(await ask(request.continuation)),
    async () => promptedTokens(await ask(null)),
  );
