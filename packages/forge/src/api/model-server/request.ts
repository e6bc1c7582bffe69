import { z } from 'zod';
import type { Sampling } from '../../engine.ts';
import { ModelServerProblem } from './problem.ts';

/** OpenAI's default where a completion names no limit (https://platform.openai.com/docs/api-reference/completions). */
const defaultMaxTokens = 16;
const maxStops = 64;
const maxIds = 1_048_576;

/** Fields that would change the answer and that the engine cannot follow, with the values that ask for nothing. */
const neutral: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  best_of: [1],
  suffix: [''],
  min_p: [0],
  repetition_penalty: [1],
  presence_penalty: [0],
  frequency_penalty: [0],
  min_tokens: [0],
  ignore_eos: [false],
  use_beam_search: [false],
  logit_bias: [{}],
  tools: [[]],
  tool_choice: ['none', 'auto'],
  response_format: [{ type: 'text' }],
  grammar: [''],
  prompt_logprobs: [],
  top_logprobs: [0],
};

const sampling = {
  model: z.string().nullish(),
  temperature: z.number().min(0).max(100).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(maxStops)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
};
const tokenIds = z.array(z.int().nonnegative()).min(1).max(maxIds);
const limit = z.int().min(0).max(1_048_576).nullish();
const completion = z.object({
  ...sampling,
  prompt: z.union([
    z.string(),
    tokenIds,
    z.tuple([z.string()]).transform(([only]) => only),
    z.tuple([tokenIds]).transform(([only]) => only),
  ]),
  return_token_ids: z.boolean().nullish(),
  max_tokens: limit,
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(1).nullish(),
});
const textPart = z.object({ type: z.literal('text'), text: z.string() });
const message = z.object({ role: z.literal('user'), content: z.union([z.string(), z.array(textPart)]) });
const chat = z.object({
  ...sampling,
  messages: z.tuple([message], 'one message of role user, and no others: the engine puts one prompt into the template'),
  max_tokens: limit,
  max_completion_tokens: limit,
  logprobs: z.literal(false).nullish(),
});
const tokenize = z.object({
  prompt: z.string().nullish(),
  content: z.string().nullish(),
  add_special_tokens: z.boolean().nullish(),
  add_special: z.boolean().nullish(),
});
const detokenize = z.object({ tokens: z.array(z.int().nonnegative()).max(maxIds) });

/** One checked request, whichever endpoint it came to. */
export interface ServedRequest {
  /** null: whichever is served. */
  readonly model: string | null;
  readonly sampling: Sampling;
  /** null: one for each request. */
  readonly seed: number | null;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly prompt: string | readonly number[];
  /** The ids of the answer's tokens are asked for. */
  readonly tokenIds: boolean;
  readonly echo: boolean;
  readonly logprobs: boolean;
}

function check<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param = issue?.path.join('.') || null;
  throw new ModelServerProblem(400, `${param ?? 'body'}: ${issue?.message ?? 'not allowed'}`, { param });
}

function checkNeutral(body: unknown): void {
  if (typeof body !== 'object' || body === null) throw new ModelServerProblem(400, 'body: must be a JSON object');
  for (const [field, value] of Object.entries(body)) {
    const allowed = neutral[field];
    if (allowed === undefined || value === null) continue;
    const given = JSON.stringify(value);
    if (allowed.some((one) => JSON.stringify(one) === given)) continue;
    throw new ModelServerProblem(400, `${field}: this server cannot do it; leave the field out`, { param: field });
  }
}

type Sampled = Pick<z.infer<typeof chat>, keyof typeof sampling>;

function common(given: Sampled, maxTokens: number) {
  const { stop, top_k: topK, stream_options: streaming } = given;
  const stops = typeof stop === 'string' ? [stop] : (stop ?? []);
  return {
    model: given.model ?? null,
    seed: given.seed ?? null,
    stream: given.stream ?? false,
    includeUsage: streaming?.include_usage ?? false,
    sampling: {
      temperature: given.temperature ?? 1,
      topP: given.top_p ?? 1,
      // -1 is "off" for other servers.
      topK: Math.max(0, topK ?? 0),
      maxTokens,
      stop: stops.filter((one) => one !== ''),
    },
  };
}

/** POST /v1/completions. Throws ModelServerProblem. */
export function parseCompletion(body: unknown): ServedRequest {
  checkNeutral(body);
  const { prompt: asked } = body as { prompt?: unknown };
  if (Array.isArray(asked) && asked.length > 1 && typeof asked[0] !== 'number')
    throw new ModelServerProblem(400, 'prompt: one prompt a request; send a request for each', { param: 'prompt' });
  const given = check(completion, body);
  const echo = given.echo ?? false;
  const logprobs = typeof given.logprobs === 'number';
  const maxTokens = given.max_tokens ?? defaultMaxTokens;
  if (maxTokens === 0 && !echo)
    throw new ModelServerProblem(400, 'max_tokens: 0 only with echo', { param: 'max_tokens' });
  if (given.stream && (echo || logprobs))
    throw new ModelServerProblem(400, 'stream: not together with echo or logprobs', { param: 'stream' });
  const tokenIds = given.return_token_ids ?? false;
  return { ...common(given, maxTokens), prompt: given.prompt, tokenIds, echo, logprobs };
}

/** POST /v1/chat/completions. Without a limit the answer may fill the context. Throws ModelServerProblem. */
export function parseChat(body: unknown): ServedRequest {
  checkNeutral(body);
  const given = check(chat, body);
  const maxTokens = given.max_completion_tokens ?? given.max_tokens ?? 1_048_576;
  if (maxTokens === 0) throw new ModelServerProblem(400, 'max_tokens: 1 at least', { param: 'max_tokens' });
  const { content } = given.messages[0];
  const prompt = typeof content === 'string' ? content : content.map(({ text }) => text).join('');
  return { ...common(given, maxTokens), prompt, tokenIds: false, echo: false, logprobs: false };
}

/**
 * POST /tokenize: `prompt` as vLLM and SGLang name the text, or `content` as llama-server does; `start`: with the tokens that a prompt begins
 * with, which vLLM adds unless told not to and llama-server only when told to. Throws ModelServerProblem.
 */
export function parseTokenize(body: unknown): { text: string; start: boolean } {
  const { prompt, content, add_special_tokens: vllm, add_special: llamaServer } = check(tokenize, body);
  const text = prompt ?? content;
  if (text == null) throw new ModelServerProblem(400, 'prompt: missing', { param: 'prompt' });
  return { text, start: vllm ?? llamaServer ?? prompt != null };
}

/** POST /detokenize. Throws ModelServerProblem. */
export const parseDetokenize = (body: unknown): readonly number[] => check(detokenize, body).tokens;
