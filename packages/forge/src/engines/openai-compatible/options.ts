import { z } from 'zod';
import type { EngineParts } from '../../engine.ts';
import { ConfigError } from '../../errors.ts';
import { reaching } from '../../lib/option-reach.ts';

export const options = z.strictObject({
  baseUrl: reaching(
    'address',
    z.url({ protocol: /^https?$/, error: 'an http or https URL, e.g. http://localhost:8000/v1' }),
  ).describe('Address of the API up to its version, e.g. http://localhost:8000/v1 or https://api.openai.com/v1'),
  model: z.string().min(1).describe('Name under which the server knows the model'),
  api: z
    .enum(['chat', 'completions'])
    .default('chat')
    .describe(
      'chat: the prompt is one user message, in the model’s chat template; completions: the prompt as it is, for base models',
    ),
  apiKeyEnv: reaching('variable', z.string().min(1))
    .optional()
    .describe(
      'Environment variable that holds the API key. Default: OPENAI_API_KEY for api.openai.com, none for other servers',
    ),
  headers: z
    .record(z.string(), z.string())
    .default({})
    .describe('Further request headers. They are stored with the experiment: no secrets here'),
  headersEnv: reaching('variable', z.record(z.string(), z.string()))
    .default({})
    .describe('Further request headers that are secret: header name to the environment variable that holds its value'),
  concurrency: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe('Requests in flight at most; fewer while the server is overloaded'),
  timeoutMs: z.int().min(1).max(86_400_000).default(300_000).describe('Time for one whole answer, ms'),
  maxRetries: z
    .int()
    .min(0)
    .max(20)
    .default(5)
    .describe('How often a request is repeated after 429, 5xx, a broken connection or a timeout'),
  maxResponseBytes: z.int().min(1024).default(16_777_216).describe('Longest answer that is read, bytes'),
  stream: z
    .boolean()
    .default(true)
    .describe('Have tokens sent as they come: this measures the time to the first token'),
  samplingFields: z
    .enum(['extended', 'standard'])
    .optional()
    .describe(
      'extended: also top_k, min_p and repetition_penalty, so that defaults of the server or model change nothing (vLLM, SGLang, llama-server, Ollama); standard: only what OpenAI takes. Default: standard for api.openai.com, else extended',
    ),
  maxTokensField: z
    .enum(['max_tokens', 'max_completion_tokens'])
    .default('max_tokens')
    .describe('Name of the field that limits the completion; OpenAI’s reasoning models want max_completion_tokens'),
  // Without a default of the schema: an experiment that does not name it keeps its configuration hash.
  tokenIds: z
    .boolean()
    .optional()
    .describe(
      'Send prompts, and texts to score, as token ids that the server’s own /tokenize gives (one more request each): answers then begin and scores split exactly at a token. Needs api: completions and a server that takes ids (vLLM, SGLang, llama-server, forge serve-model)',
    ),
  lora: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('Name that the adapter gets on the server'),
        path: z.string().min(1).describe('Folder of the adapter (PEFT), as the server sees it'),
      }),
    )
    .max(64)
    .optional()
    .describe(
      'Adapters that the server loads before the first request, and unloads at the end (vLLM, SGLang). Requests use it where there is exactly one; of several, model names one',
    ),
  extraBody: z
    .record(z.string(), z.json())
    .default({})
    .describe('Merged into each request body last; null leaves a field out'),
});

export type Options = z.infer<typeof options>;

/** Options that were checked against each other and the environment. */
export interface Server {
  /** Without a slash at its end. */
  readonly baseUrl: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Values that must never be shown. */
  readonly secrets: readonly string[];
  readonly samplingFields: 'extended' | 'standard';
}

const secretHeaders = /^(authorization|proxy-authorization|cookie|.*(api-?key|token|secret).*)$/i;

function fromEnvironment(env: EngineParts['env'], variable: string, key: string): string {
  const value = env[variable]?.trim();
  if (value === undefined || value === '') {
    throw new ConfigError(
      `${key}: the environment variable ${variable} is not set; set it, or leave ${key} out for a server without a key`,
    );
  }
  if (!/^[\x20-\x7e]+$/.test(value))
    throw new ConfigError(`${key}: the value of ${variable} has characters that no header may have`);
  return value;
}

/** Throws ConfigError: a secret in the config, a variable that is not set. */
export function resolveServer(given: Options, env: EngineParts['env']): Server {
  if (given.tokenIds && given.api === 'chat') {
    throw new ConfigError(
      'tokenIds: a chat has messages, not tokens, as its prompt; use api: completions, or leave tokenIds out',
    );
  }
  const baseUrl = new URL(given.baseUrl);
  if (baseUrl.username !== '' || baseUrl.password !== '') {
    throw new ConfigError(
      `baseUrl: a user name or password in it would be stored with the experiment; use headersEnv (authorization)`,
    );
  }
  baseUrl.pathname = baseUrl.pathname.replace(/\/+$/, '');
  const hosted = baseUrl.hostname === 'api.openai.com';
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given.headers)) {
    if (secretHeaders.test(name)) {
      throw new ConfigError(
        `headers.${name}: would be stored with the experiment; name an environment variable instead: headersEnv: { ${name}: VARIABLE }`,
      );
    }
    headers[name.toLowerCase()] = value;
  }
  const secrets: string[] = [];
  const keyVariable = given.apiKeyEnv ?? (hosted ? 'OPENAI_API_KEY' : undefined);
  if (keyVariable !== undefined) {
    const key = fromEnvironment(env, keyVariable, 'apiKeyEnv');
    secrets.push(key);
    headers.authorization = `Bearer ${key}`;
  }
  for (const [name, variable] of Object.entries(given.headersEnv)) {
    const value = fromEnvironment(env, variable, `headersEnv.${name}`);
    secrets.push(value);
    headers[name.toLowerCase()] = value;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(value)) {
      throw new ConfigError(`headers.${name}: not a header that HTTP allows`);
    }
  }
  return { baseUrl, headers, secrets, samplingFields: given.samplingFields ?? (hosted ? 'standard' : 'extended') };
}
