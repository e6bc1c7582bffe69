import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { benchmarkSchema } from './benchmark-schema.ts';
import { buildDataset } from './build.ts';
import { definitionsOf, nouns } from './catalog.ts';
import { checkExperimentReach } from './check-experiment-reach.ts';
import { createComponentPool } from './component-pool.ts';
import { corpusSchema } from './corpus-schema.ts';
import { nounOfOption } from './lib/component-reference.ts';
import { type Reach, reachOf } from './lib/option-reach.ts';
import { parseExperiment } from './load-experiment.ts';
import { trainingSchema } from './training-schema.ts';

interface Inner {
  readonly def?: {
    type: string;
    innerType?: z.ZodType;
    in?: z.ZodType;
    element?: z.ZodType;
    valueType?: z.ZodType;
    options?: z.ZodType[];
  };
  readonly shape?: Record<string, z.ZodType>;
}

/** Every option that takes any text, with what it says it reaches. */
function* texts(schema: z.ZodType, path: string): Generator<[path: string, reach: Reach | undefined]> {
  const reach = reachOf(schema);
  if (reach !== undefined) return void (yield [path, reach]);
  if (nounOfOption(schema) !== undefined) return;
  let inner = schema as Inner;
  for (let next = inner; next !== undefined; next = (next.def?.innerType ?? next.def?.in) as Inner) inner = next;
  const { def, shape } = inner;
  for (const [key, option] of Object.entries(shape ?? {})) yield* texts(option, `${path}.${key}`);
  for (const below of [def?.element, def?.valueType]) if (below !== undefined) yield* texts(below, `${path}[]`);
  for (const branch of def?.options ?? []) yield* texts(branch, path);
  if (def?.type === 'string') yield [path, undefined];
}

/** Texts that go to a model, name a column or choose something by name: they reach nothing. */
const plain = new Set([
  ...['split', 'revision', 'repo', 'config', 'hub', 'delimiter', 'template', 'exampleTemplate', 'passageTemplate'],
  ...['promptTemplate', 'answerTemplate', 'claimTemplate', 'separator', 'system', 'stop[]', 'supported', 'unsupported'],
  ...['question', 'answer', 'reasoning', 'context', 'agent', 'description', 'name', 'baseline', 'metric', 'prompt'],
  ...['mustCall[]', 'mustNotCall[]', 'order[]', 'toolName', 'prefix', 'allow[]', 'contact', 'labels[]', 'sampleSeed'],
  ...['server', 'method', 'optimisation', 'optimisations[]', 'ablation[]', 'push'],
]);
const plainPlaces = [
  /^dataset:[\w-]+\.columns\.\w+$/,
  /^training-set:[\w-]+\.columns\.\w+$/,
  /^corpus\.sources\[\]\.columns\.\w+$/,
  // Names on the server, and a path as the server sees it.
  /^engine:openai-compatible\.(model|lora\[\]\.(name|path)|headers\[\])$/,
  /^engine:scripted\.(default|responses\[\]\.(match|text))$/,
  // Held to allowPrivate and the operator's hosts when it is used.
  /^tool:[\w-]+\.allowedHosts\[\]$/,
  /^tool:mcp\.args\[\]$/,
  /^index:qdrant\.collection$/,
  // A component by name: looked up in the catalog.
  /^(benchmark|training)\.(.*\.)?(dataset|engine|method|metrics\[\]|judge)(\.name)?$/,
];

const options = [
  ...nouns.flatMap((noun) =>
    definitionsOf(noun).flatMap(({ name, options }) => [...texts(options, `${noun}:${name}`)]),
  ),
  ...texts(corpusSchema, 'corpus'),
  ...texts(trainingSchema, 'training'),
  ...texts(benchmarkSchema, 'benchmark'),
];

describe('options', () => {
  it.each(options.filter(([, reach]) => reach === undefined).map(([path]) => path))(
    '%s reaches nothing, or says what',
    (path) => {
      const key = path.split('.').at(-1) ?? '';
      expect(plain.has(key) || plainPlaces.some((place) => place.test(path))).toBe(true);
    },
  );

  it('that reach something are these', () => {
    const reached = Map.groupBy(options, ([, reach]) => reach);
    const count = (reach: Reach) => reached.get(reach)?.length ?? 0;
    expect(count('file')).toBeGreaterThanOrEqual(18);
    expect(count('model')).toBeGreaterThanOrEqual(5);
    expect(reached.get('code')).toEqual([['tool:typescript-file.path', 'code']]);
    expect(reached.get('program')?.map(([path]) => path)).toEqual([
      'tool:mcp.command',
      'trainer:trl.python',
      'trainer:trl.command',
      'benchmark.servers[].command',
    ]);
    expect(count('variable')).toBe(6);
    expect(count('address') + count('listed-address')).toBe(5);
  });
});

describe('a config over the API', () => {
  let baseDir: string;
  beforeAll(async () => {
    baseDir = await mkdtemp(join(tmpdir(), 'forge-reach-'));
    await writeFile(join(baseDir, 'rows.jsonl'), '{"question":"a","answer":"b"}\n');
    await symlink('/etc', join(baseDir, 'etc'));
  });
  afterAll(() => rm(baseDir, { recursive: true, force: true }));

  const given = { folders: [], privateHosts: ['localhost:8000', '10.1.2.3'], secrets: ['MY_KEY@llm.example.org'] };
  const env = { QDRANT_API_KEY: 'key', SECRET: 'value' };
  const check = (variant: object, allowPrograms = false) => {
    const source = {
      version: 1,
      name: 'hostile',
      dataset: { name: 'json-lines', path: 'rows.jsonl' },
      engine: 'scripted',
      method: 'naive',
      metrics: ['exact-match'],
      ...variant,
    };
    const { spec } = parseExperiment('hostile', JSON.stringify(source));
    return checkExperimentReach(spec, { baseDir, limits: given, env, allowPrograms });
  };
  const openai = (options: object) => ({ engine: { name: 'openai-compatible', model: 'm', ...options } });
  const tool = (...tools: object[]) => ({ method: { name: 'react', tools } });
  const rag = (options: object) => ({
    method: { name: 'rag', retriever: { name: 'dense', corpus: 'a.yaml', ...options } },
  });

  const outside: [string, object][] = [
    ['a file above', { dataset: { name: 'csv', path: '../x.csv' } }],
    ['an absolute file', { dataset: { name: 'parquet', path: '/etc/passwd' } }],
    ['a file behind a link', { dataset: { name: 'json-lines', path: 'etc/passwd' } }],
    ['a hidden file', { dataset: { name: 'json-lines', path: '.env' } }],
    ['a local copy of a known set', { dataset: { name: 'squad', path: '../squad.json' } }],
    ['a model', { engine: { name: 'llama-cpp', model: '/models/x.gguf' } }],
    ['an adapter', { engine: { name: 'llama-cpp', model: 'hf:a/b/c.gguf', lora: [{ path: '../lora.gguf' }] } }],
    ['a corpus', rag({ corpus: '../corpus.yaml' })],
    [
      'an encoder inside a stage',
      {
        method: {
          name: 'rag',
          retriever: {
            name: 'reranked',
            first: { name: 'bm25', corpus: 'a.yaml' },
            crossEncoder: { name: 'cross-encoder', model: '/m' },
          },
        },
      },
    ],
    [
      'a judge of a metric',
      { metrics: ['exact-match', { name: 'faithfulness', nli: { name: 'nli-classifier', model: '../m' } }] },
    ],
    ['recorded traces', { method: { name: 'recorded-traces', path: '/var/log/traces.jsonl' } }],
    ['a dump', tool({ name: 'wikipedia-search', dump: '/dumps' })],
    ['a matrix', { matrix: { 'engine.latencyMs': [0], dataset: [{ name: 'csv', path: '/x.csv' }] } }],
  ];
  it.each(outside)('reads not %s outside of the project', async (_what, variant) => {
    await expect(check(variant)).rejects.toThrow(/only files of the project/);
  });

  it.each<[object, RegExp]>([
    [tool({ name: 'typescript-file', path: 'tools/x.ts' }), /code, which is never loaded/],
    [tool({ name: 'mcp', command: 'sh', args: ['-c', 'id'] }), /"sh" is not started.*--allow-programs/],
    [openai({ baseUrl: 'http://localhost:9000/v1' }), /--private-host localhost:9000/],
    [openai({ baseUrl: 'http://169.254.169.254/latest' }), /not on the public internet/],
    [openai({ baseUrl: 'http://metadata.google.internal/v1' }), /not on the public internet/],
    [openai({ baseUrl: 'http://[::1]/v1' }), /not on the public internet/],
    [openai({ baseUrl: 'http://2130706433/v1' }), /not on the public internet/],
    [openai({ baseUrl: 'http://0x7f.1:80/v1' }), /not on the public internet/],
    [openai({ baseUrl: 'http://[::ffff:10.0.0.1]/v1' }), /not on the public internet/],
    [openai({ baseUrl: 'http://localhost./v1' }), /not on the public internet/],
    [
      openai({ baseUrl: 'https://attacker.example', apiKeyEnv: 'DATABASE_URL' }),
      /DATABASE_URL" is not sent to attacker/,
    ],
    [openai({ baseUrl: 'https://attacker.example', headersEnv: { a: 'HF_TOKEN' } }), /headersEnv\.a: .*not sent/],
    [openai({ baseUrl: 'https://attacker.example', apiKeyEnv: 'MY_KEY' }), /--secret MY_KEY@attacker/],
    [openai({ baseUrl: 'https://attacker.example', apiKeyEnv: 'OPENAI_API_KEY' }), /not sent/],
    [rag({ index: { name: 'qdrant', url: 'https://attacker.example' } }), /"attacker.example" is not spoken to/],
    [rag({ index: { name: 'qdrant', url: 'http://10.1.2.3' } }), /QDRANT_API_KEY" is not sent to 10.1.2.3/],
    [rag({ index: { name: 'qdrant', apiKeyEnv: 'SECRET' } }), /SECRET" is not sent/],
    [tool({ name: 'mcp', url: 'http://192.168.0.1/mcp', allowPrivate: true }), /not on the public internet/],
    [tool({ name: 'mcp', url: 'https://example.org/mcp', headersEnv: { authorization: 'SECRET' } }), /not sent/],
    [tool({ name: 'wikipedia-search', baseUrl: 'http://127.0.0.1:6333' }), /not on the public internet/],
  ])('refuses %j', async (variant, message) => {
    await expect(check(variant)).rejects.toThrow(message);
  });

  it('keeps code out even where programs are allowed', async () => {
    await expect(check(tool({ name: 'typescript-file', path: 'tools/x.ts' }), true)).rejects.toThrow(/never loaded/);
    await check(tool({ name: 'mcp', command: 'sh' }), true);
  });

  it.each([
    {},
    openai({ baseUrl: 'http://localhost:8000/v1' }),
    openai({ baseUrl: 'http://10.1.2.3/v1' }),
    openai({ baseUrl: 'https://api.openai.com/v1', apiKeyEnv: 'OPENAI_API_KEY' }),
    openai({ baseUrl: 'https://llm.example.org/v1', apiKeyEnv: 'MY_KEY' }),
    { engine: { name: 'llama-cpp', model: 'hf:owner/repo/file.gguf' } },
    rag({ corpus: 'corpora/a.yaml', index: 'qdrant' }),
    tool('calculator' as never, { name: 'wikipedia-search' }),
  ])('lets %j through', async (variant) => {
    await check(variant);
  });

  it('is held to it again when it is built, whoever stored it', async () => {
    const s = { baseDir, cacheDir: baseDir, env, now: Date.now, notify() {} };
    const spec = { name: 'json-lines', options: { path: 'etc/hostname' } };
    await expect(buildDataset(spec, { ...s, limits: given })).rejects.toThrow(/only files of the project/);
    expect((await buildDataset(spec, s)).name).toBe('json-lines');
    const pool = createComponentPool({ ...s, limits: given });
    await expect(pool.openCorpus('../corpus.yaml')).rejects.toThrow(/only files of the project/);
    await expect(pool.toolSet({ name: 'typescript-file', options: { path: 'x.ts' } })).rejects.toThrow(/never loaded/);
    await pool.close();
  });
});
