import { z } from 'zod';
import { decodeUtf8, parseJson } from './answer.ts';
import type { HttpClient } from './http-client.ts';

/** vLLM and SGLang send `count`, llama-server only the tokens. */
const answer = z.object({ count: z.number().optional(), tokens: z.array(z.unknown()).optional() });

/** Number of tokens of a text; null where the server cannot count. */
export type TokenCounter = (text: string, signal?: AbortSignal) => Promise<number | null>;

/**
 * Counts by the server's own tokenizer: `POST /tokenize` beside `/v1` (vLLM, SGLang, llama-server). A server that has none
 * is not asked again. `content` is llama-server's name for `prompt`.
 */
export function createTokenCounter(client: HttpClient, baseUrl: URL, model: string): TokenCounter {
  const path = `${baseUrl.pathname.replace(/\/v1$/, '')}/tokenize${baseUrl.search}`;
  let absent = false;
  return async (text, signal) => {
    if (absent) return null;
    // Without the tokens that start a prompt: texts are counted, not prompts.
    const body = JSON.stringify({ model, prompt: text, content: text, add_special_tokens: false, add_special: false });
    const { status, body: bytes } = await client.send({ path, body, signal });
    const parsed = status === 200 ? answer.safeParse(parseJson(decodeUtf8(bytes))) : undefined;
    const count = parsed?.data?.count ?? parsed?.data?.tokens?.length;
    // Gateways answer unknown paths with all sorts of 4xx, or with their home page. A 5xx may pass.
    absent = count === undefined && status < 500;
    return count ?? null;
  };
}
