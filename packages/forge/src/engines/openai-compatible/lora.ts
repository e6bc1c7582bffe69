import { z } from 'zod';
import { ConfigError, EngineError } from '../../errors.ts';
import { decodeUtf8, parseJson } from './answer.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';
import { messageOfBody } from './http-failure.ts';

export interface LoraAdapter {
  readonly name: string;
  /** As the server sees it. */
  readonly path: string;
}

/** How a server takes adapters while it runs. */
interface Dialect {
  readonly path: string;
  /** The model that a request names to have the adapter. */
  modelName(model: string, adapter: string): string;
}

const unloadTimeoutMs = 10_000;

const vllm: Dialect = { path: '/v1', modelName: (_, adapter) => adapter };
const sglang: Dialect = { path: '', modelName: (model, adapter) => `${model}:${adapter}` };

const models = z.object({ data: z.array(z.object({ id: z.string(), root: z.string().nullish() })) });

const advice =
  'start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, or SGLang with --enable-lora; the path must be one that the server can read';

/**
 * Adapters that a server loads before the first request and unloads at the end: vLLM
 * (https://docs.vllm.ai/en/latest/features/lora/#dynamically-serving-lora-adapters), else SGLang
 * (https://docs.sglang.ai/advanced_features/lora.html). What was loaded already from the same place stays.
 */
export function createAdapters(client: HttpClient, root: string, model: string, adapters: readonly LoraAdapter[]) {
  const base = root.replace(/\/v1$/, '');
  const loaded: LoraAdapter[] = [];
  let dialect = vllm;
  let ready: Promise<void> | undefined;

  const ask = (what: 'load' | 'unload', body: object, signal?: AbortSignal) =>
    client.send({ path: `${base}${dialect.path}/${what}_lora_adapter`, body: JSON.stringify(body), signal });

  async function isThere({ name, path }: LoraAdapter): Promise<boolean> {
    const { status, body } = await client.send({ path: `${base}/v1/models` });
    const listed = status === 200 ? models.safeParse(parseJson(decodeUtf8(body))) : undefined;
    return listed?.data?.data.some(({ id, root: from }) => id === name && from === path) ?? false;
  }

  async function load(adapter: LoraAdapter): Promise<void> {
    const { name, path } = adapter;
    const body = { lora_name: name, lora_path: path };
    let answer: HttpAnswer = await ask('load', body);
    if (answer.status === 404 && dialect === vllm && loaded.length === 0) {
      dialect = sglang;
      const other = await ask('load', body);
      if (other.status === 404) dialect = vllm;
      else answer = other;
    }
    if (answer.status === 200) return void loaded.push(adapter);
    const said = messageOfBody(answer.body.toString('utf8')) || 'no message';
    if (/already/i.test(said) && (await isThere(adapter))) return;
    if (answer.status >= 500) {
      throw new EngineError('server-error', `lora ${name}: HTTP ${answer.status}: ${said}`, { retryable: true });
    }
    throw new ConfigError(`lora.${name}: the server does not load ${path} (HTTP ${answer.status}: ${said}); ${advice}`);
  }

  async function loadAll(): Promise<void> {
    for (const adapter of adapters) if (!loaded.includes(adapter)) await load(adapter);
  }

  return {
    /** The model that requests are to name: the adapter, where there is exactly one. Rejects with ConfigError, EngineError. */
    async model(): Promise<string> {
      ready ??= loadAll().catch((error: unknown) => {
        ready = undefined;
        throw error;
      });
      await ready;
      const [only, ...others] = adapters;
      return only === undefined || others.length > 0 ? model : dialect.modelName(model, only.name);
    },
    /** Best effort: a server that is gone has no adapters either. */
    async unload(): Promise<void> {
      await ready?.catch(() => {});
      const signal = AbortSignal.timeout(unloadTimeoutMs);
      for (const { name } of loaded.splice(0)) await ask('unload', { lora_name: name }, signal).catch(() => {});
    },
  };
}
