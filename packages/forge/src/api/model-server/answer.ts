import type { Generation, TokenLogprobs, TokenUsage } from '../../engine.ts';

/** What every JSON of one answer begins with. */
export interface AnswerHead {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
  readonly chat: boolean;
}

/** Log-probabilities as the completions of OpenAI and vLLM have them; null stands for what nothing comes before. */
export interface CompletionLogprobs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly (number | null)[];
  /** The engine tells only the probability of the token itself. */
  readonly top_logprobs: null;
  /** In characters, from the start of the text. */
  readonly text_offset: readonly number[];
}

const usageBody = ({ promptTokens, completionTokens, cachedPromptTokens }: TokenUsage) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedPromptTokens },
});

const head = ({ id, created, model, chat }: AnswerHead, streamed: boolean) => ({
  id,
  object: chat ? `chat.completion${streamed ? '.chunk' : ''}` : 'text_completion',
  created,
  model,
});

/** A whole answer. */
export function wholeAnswer(
  from: AnswerHead,
  { text, finishReason, usage, tokens }: Pick<Generation, 'text' | 'finishReason' | 'usage' | 'tokens'>,
  logprobs: CompletionLogprobs | null,
  promptIds?: readonly number[],
) {
  const said = from.chat ? { message: { role: 'assistant', content: text } } : { text };
  // Where they were asked for (return_token_ids), as vLLM names them.
  const ids = promptIds === undefined ? {} : { token_ids: tokens ?? null, prompt_token_ids: promptIds };
  const choice = { index: 0, ...said, logprobs, finish_reason: finishReason, ...ids };
  return { ...head(from, false), choices: [choice], usage: usageBody(usage) };
}

/** A piece of a streamed answer, with the ids of its tokens where they were asked for. */
export function streamedPiece(
  from: AnswerHead,
  text: string,
  finishReason: Generation['finishReason'] | null,
  tokens?: readonly number[],
) {
  const said = from.chat ? { delta: { content: text } } : { text };
  const ids = tokens === undefined ? {} : { token_ids: tokens };
  return { ...head(from, true), choices: [{ index: 0, ...said, logprobs: null, finish_reason: finishReason, ...ids }] };
}

/** The first piece of a streamed chat. */
export const streamedRole = (from: AnswerHead) => ({
  ...head(from, true),
  choices: [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
});

/** The last chunk of a stream that was asked for its usage. */
export const streamedUsage = (from: AnswerHead, usage: TokenUsage) => ({
  ...head(from, true),
  choices: [],
  usage: usageBody(usage),
});

/** Log-probabilities in the shape of the completions API. */
export function completionLogprobs(
  tokens: readonly string[],
  logprobs: readonly (number | null)[],
): CompletionLogprobs {
  let offset = 0;
  const offsets = tokens.map((token) => {
    const at = offset;
    offset += token.length;
    return at;
  });
  return { tokens, token_logprobs: logprobs, top_logprobs: null, text_offset: offsets };
}

/**
 * A scored text with its first token before it, which has no probability: the model's start token (without text here), or
 * the text's own first token where the model has none.
 */
export function withFirstToken(text: string, { tokens, logprobs }: TokenLogprobs) {
  const joined = tokens.join('');
  const first = text.endsWith(joined) ? text.slice(0, text.length - joined.length) : '';
  return { tokens: [first, ...tokens], logprobs: [null, ...logprobs] };
}
