import { z } from 'zod';
import { EngineError } from '../../errors.ts';
import { decodeUtf8, parseJson } from './answer.ts';
import type { HttpClient } from './http-client.ts';

/** vLLM and SGLang send `count` as well, llama-server only the tokens. */
const encoded = z.object({ count: z.number().optional(), tokens: z.array(z.unknown()).optional() });
const ids = z.array(z.int().nonnegative());
/** `prompt` from vLLM, `content` from llama-server, `text` from SGLang. */
const decoded = z.object({ prompt: z.string().nullish(), content: z.string().nullish(), text: z.string().nullish() });

/**
 * The server's own tokenizer: `POST /tokenize` and `/detokenize` beside `/v1` (vLLM, SGLang, llama-server, forge serve-model). A server that
 * has none is not asked again. `content` is llama-server's name for `prompt`.
 */
export function createServerTokenizer(client: HttpClient, baseUrl: URL, model: string) {
  const root = baseUrl.pathname.replace(/\/v1$/, '');
  let absent = false;

  async function ask(what: 'tokenize' | 'detokenize', fields: object, signal?: AbortSignal): Promise<unknown> {
    const body = JSON.stringify({ model, ...fields });
    const { status, body: bytes } = await client.send({ path: `${root}/${what}${baseUrl.search}`, body, signal });
    // Gateways answer unknown paths with all sorts of 4xx, or with their home page. A 5xx may pass.
    if (status >= 500) throw new EngineError('server-error', `/${what}: HTTP ${status}`, { retryable: true });
    return status === 200 ? parseJson(decodeUtf8(bytes)) : undefined;
  }

  async function tokens(text: string, start: boolean, signal?: AbortSignal) {
    const fields = { prompt: text, content: text, add_special_tokens: start, add_special: start };
    return encoded.safeParse(await ask('tokenize', fields, signal)).data;
  }

  const without = (what: string) =>
    new EngineError('bad-request', `the server has no /${what} that tells token ids: leave tokenIds out`);

  return {
    /** Number of tokens of a text, without those that start a prompt; null where the server cannot count. */
    async count(text: string, signal?: AbortSignal): Promise<number | null> {
      if (absent) return null;
      const answer = await tokens(text, false, signal);
      const count = answer?.count ?? answer?.tokens?.length;
      absent = count === undefined;
      return count ?? null;
    },
    /** Ids of a text; of a prompt where `start`, with the tokens that the server begins one with. Rejects with EngineError. */
    async encode(text: string, start: boolean, signal?: AbortSignal): Promise<readonly number[]> {
      const found = ids.safeParse((await tokens(text, start, signal))?.tokens);
      if (!found.success) throw without('tokenize');
      return found.data;
    },
    async decode(given: readonly number[]): Promise<string> {
      const answer = decoded.safeParse(await ask('detokenize', { tokens: given }));
      const text = answer.data?.prompt ?? answer.data?.content ?? answer.data?.text;
      if (text == null) throw without('detokenize');
      return text;
    },
  };
}

export type ServerTokenizer = ReturnType<typeof createServerTokenizer>;
