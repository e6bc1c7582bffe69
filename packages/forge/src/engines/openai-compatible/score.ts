import { z } from 'zod';
import type { ScoreRequest, TokenLogprobs } from '../../engine.ts';
import { ConfigError, EngineError } from '../../errors.ts';

const scored = z.object({
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

/** The body of a request whose answer echoes its prompt with log-probabilities. One token more has to be generated: not every server allows none. */
export const scoreBody = (model: string, text: string) =>
  JSON.stringify({ model, prompt: text, max_tokens: 1, temperature: 0, echo: true, logprobs: 1 });

/** The tokens of an echoed text, the generated one left out. Throws ConfigError where the server has no echo. */
function echoedTokens(json: unknown) {
  const parsed = scored.safeParse(json);
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

/** How many tokens at the end hold the continuation, by their text; null where tokens are parts of characters. */
function tokensOfEnd(tokens: readonly string[], continuation: string): number | null {
  let end = '';
  let count = 0;
  while (end.length < continuation.length && count < tokens.length) end = `${tokens[tokens.length - ++count]}${end}`;
  return end.endsWith(continuation) ? count : null;
}

/**
 * Log-probabilities of a continuation from the echo of `prompt + continuation` (vLLM, SGLang; the shape of OpenAI's legacy
 * completions). `text_offset` is not used: servers count special tokens in it that the text does not have. A token that
 * straddles the border belongs to the continuation.
 */
export async function scoreByEcho(
  { prompt, continuation, end = false }: ScoreRequest,
  ask: (text: string) => Promise<unknown>,
): Promise<TokenLogprobs> {
  if (end) {
    throw new ConfigError(
      'engine: openai-compatible cannot score where a text ends, as the protocol has no word for it; use end: false, or the engine llama-cpp',
    );
  }
  const all = echoedTokens(await ask(prompt + continuation));
  let count = tokensOfEnd(all.tokens, continuation);
  if (count === null) count = all.tokens.length - echoedTokens(await ask(prompt)).tokens.length;
  const tokens = count > 0 ? all.tokens.slice(-count) : [];
  const logprobs = count > 0 ? all.logprobs.slice(-count) : [];
  if (!logprobs.every((one) => one !== null)) {
    throw new EngineError('bad-request', 'nothing comes before the continuation: its first token has no probability');
  }
  return { tokens, logprobs, total: logprobs.reduce((sum, one) => sum + one, 0) };
}
