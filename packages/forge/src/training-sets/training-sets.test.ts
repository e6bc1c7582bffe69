import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Surroundings } from '../definition.ts';
import { startHubServer } from '../testing/hub-server.ts';
import { hasSharedData, sharedData } from '../testing/shared-data.ts';
import type { PreferenceRow, TrainingSet } from '../training-set.ts';
import { trainingSets } from './index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-training-sets-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function open(name: string, options: object, env: Record<string, string> = {}): Promise<TrainingSet> {
  const definition = trainingSets.find((one) => one.name === name);
  if (definition === undefined) throw new Error(name);
  const surroundings: Surroundings = {
    baseDir: dir,
    cacheDir: join(dir, 'cache'),
    env,
    now: Date.now,
    notify: () => {},
  };
  return definition.create(definition.options.parse(options), surroundings);
}

async function file(name: string, rows: readonly unknown[] | Buffer): Promise<string> {
  const lines = Buffer.isBuffer(rows) ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  await writeFile(join(dir, name), lines);
  return name;
}

const rowsOf = (set: TrainingSet) => Array.fromAsync(set.rows());

async function problemOf(name: string, options: object): Promise<string> {
  const error = await open(name, options)
    .then(rowsOf)
    .then(
      () => undefined,
      (thrown: Error) => thrown,
    );
  expect(error?.name).toBe('ConfigError');
  return error?.message ?? '';
}

describe('preference-json-lines', () => {
  const lineage = { experimentId: 'e', exampleId: 'x', chosenRunId: 'r1', rejectedRunId: 'r2' };

  it('reads what forge pairs writes, counts what teaches nothing, gzipped or not', async () => {
    const rows = [
      { kind: 'preference', id: 'a', prompt: 'P', chosen: ' 1', rejected: ' 2', cluster: 'c', lineage },
      { prompt: 'P', chosen: ' 1', rejected: ' 1' },
      { prompt: 'P', chosen: ' ', rejected: ' 1' },
      { prompt: 'Q', chosen: ' 1', rejected: ' 2' },
    ];
    const set = await open('preference-json-lines', { path: await file('p.jsonl', rows) });
    const read = await rowsOf(set);
    expect(read).toEqual([rows[0], { kind: 'preference', id: '3', ...rows[3] }]);
    expect(set.leftOut()).toEqual({ 'equal answers': 1, 'empty answer': 1 });
    const packed = gzipSync(rows.map((row) => JSON.stringify(row)).join('\n'));
    expect(await rowsOf(await open('preference-json-lines', { path: await file('p.jsonl.gz', packed) }))).toEqual(read);
    expect(
      await problemOf('preference-json-lines', { path: await file('q.jsonl.gz', packed.subarray(0, 60)) }),
    ).toContain('q.jsonl.gz: not a gzip file, or a truncated one');
  });

  it('reads other columns, nested ones too, and fills templates', async () => {
    const path = await file('t.jsonl', [{ q: 'One?', a: { good: '1', bad: '2' }, n: 7, g: 'G' }]);
    const set = await open('preference-json-lines', {
      path,
      columns: { prompt: 'q', chosen: 'a.good', rejected: 'a.bad', id: 'n', cluster: 'g' },
      promptTemplate: 'Question: {prompt}\nAnswer:',
      answerTemplate: ' {answer}',
    });
    expect(await rowsOf(set)).toEqual([
      { kind: 'preference', id: '7', prompt: 'Question: One?\nAnswer:', chosen: ' 1', rejected: ' 2', cluster: 'G' },
    ]);
  });

  it.each([
    ['a missing column', [{ prompt: 'p', chosen: 'c' }], {}, ['x.jsonl:1: no column "rejected"', 'prompt, chosen']],
    ['a column that was named', [{ prompt: 'p', chosen: 'c', rejected: 'r' }], { columns: { id: 'key' } }, ['"key"']],
    ['broken lineage', [{ prompt: 'p', chosen: 'c', rejected: 'r', lineage: {} }], {}, ['column "lineage" must be']],
    ['only empty pairs', [{ prompt: 'p', chosen: '', rejected: 'r' }], {}, ['no rows (left out: empty answer: 1)']],
    [
      'a template without its place',
      [{}],
      { answerTemplate: ' {prompt}' },
      ['answerTemplate', 'must contain {answer}'],
    ],
  ])('refuses %s', async (_title, rows, options, parts) => {
    const problem = await problemOf('preference-json-lines', { path: await file('x.jsonl', rows), ...options });
    for (const part of parts) expect(problem).toContain(part);
  });
});

const dialogue = (...turns: string[]) =>
  turns.map((turn, i) => `\n\n${i % 2 === 0 ? 'Human' : 'Assistant'}:${turn === '' ? '' : ` ${turn}`}`).join('');

describe('hh-rlhf', () => {
  const rows = [
    { chosen: dialogue('Hi', 'Yes, one.', 'And?', 'Ok'), rejected: dialogue('Hi', 'Yes, one.', 'And?', 'Oh no') },
    { chosen: dialogue('Hi', 'Yes', 'A', 'B'), rejected: dialogue('Hi', 'No', 'C', 'D') },
    { chosen: dialogue('Hi', 'Yes'), rejected: dialogue('Hi', 'Yes') },
    { chosen: dialogue('Hi', 'Yes'), rejected: dialogue('Hi', '') },
    { chosen: dialogue('Hi', 'Yes'), rejected: dialogue('Ho', 'Yes') },
  ];

  it('cuts at the last turn that both dialogues share, and counts what is left out', async () => {
    const path = await file('hh.jsonl', rows);
    const set = await open('hh-rlhf', { path });
    expect(await rowsOf(set)).toEqual([
      {
        kind: 'preference',
        id: '0',
        prompt: '\n\nHuman: Hi\n\nAssistant: Yes, one.\n\nHuman: And?\n\nAssistant:',
        chosen: ' Ok',
        rejected: ' Oh no',
        cluster: 'Human: Hi',
      },
    ]);
    expect(set.leftOut()).toEqual({
      'dialogues part before the last turn': 1,
      'equal answers': 1,
      'empty answer': 1,
      'dialogues share no turn': 1,
    });
    const kept = await rowsOf(await open('hh-rlhf', { path, diverged: 'keep' }));
    expect(kept[1]).toMatchObject({
      prompt: '\n\nHuman: Hi\n\nAssistant:',
      chosen: ' Yes\n\nHuman: A\n\nAssistant: B',
    });
    expect(await problemOf('hh-rlhf', { path: await file('other.jsonl', [{ chosen: 'a', rejected: 'b' }]) })).toContain(
      'other.jsonl:1: column "chosen" does not begin with',
    );
  });

  it('reads a subset of the hub’s repository', async () => {
    const packed = gzipSync(JSON.stringify(rows[0]));
    const hub = await startHubServer([
      {
        kind: 'dataset',
        repo: 'Anthropic/hh-rlhf',
        files: {
          'harmless-base/train.jsonl.gz': packed,
          'harmless-base/test.jsonl.gz': gzipSync(`${JSON.stringify(rows[0])}\n${JSON.stringify(rows[1])}`),
          'helpful-base/train.jsonl.gz': gzipSync(JSON.stringify({ ...rows[0], chosen: dialogue('Hi', 'Sure') })),
        },
      },
    ]);
    try {
      const env = { HF_ENDPOINT: hub.url };
      const [harmless] = await rowsOf(await open('hh-rlhf', {}, env));
      expect(harmless).toMatchObject({ chosen: ' Ok' });
      const [helpful] = await rowsOf(await open('hh-rlhf', { subset: 'helpful-base', diverged: 'keep' }, env));
      expect(helpful).toMatchObject({ chosen: ' Sure' });
      const test = await open('hh-rlhf', { split: 'test', diverged: 'keep' }, env);
      expect(await rowsOf(test)).toHaveLength(2);
    } finally {
      await hub.close();
    }
  });

  it.skipIf(!hasSharedData)('reads the real test split (skipped where the shared data is absent)', async () => {
    const set = await open('hh-rlhf', { path: join(sharedData, 'hh-rlhf/harmless-base.test.jsonl.gz') });
    const read = (await rowsOf(set)) as PreferenceRow[];
    // Counted with Python: of 2,312 rows 4 have an empty answer; none is equal or parts before its last turn.
    expect(read).toHaveLength(2308);
    expect(set.leftOut()).toEqual({ 'empty answer': 4 });
    expect(read.every(({ prompt }) => prompt.endsWith('\n\nAssistant:'))).toBe(true);
    expect(read[0]?.chosen).toMatch(/^ No, sorry! {2}All of these involve a pen/);
    expect(read[0]?.rejected).toMatch(/^ There are lots of funny things you can do with pens/);
    const { readFileSync } = await import('node:fs');
    const raw = gunzipSync(readFileSync(join(sharedData, 'hh-rlhf/harmless-base.test.jsonl.gz'))).toString('utf8');
    const lines = raw
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { chosen: string; rejected: string });
    for (const { id, prompt, chosen, rejected } of read)
      expect({ chosen: prompt + chosen, rejected: prompt + rejected }).toEqual(lines[Number(id)]);
  });
});

describe('ultra-feedback', () => {
  const row = (score: readonly [number, number], answers = ['Good', 'Bad']) => ({
    prompt: 'Why?',
    prompt_id: 'abc',
    chosen: [
      { role: 'user', content: 'Why?' },
      { role: 'assistant', content: answers[0] },
    ],
    rejected: [
      { role: 'user', content: 'Why?' },
      { role: 'assistant', content: answers[1] },
    ],
    score_chosen: score[0],
    score_rejected: score[1],
  });

  it('reads messages with scores; ties are counted', async () => {
    const path = await file('uf.jsonl', [row([8.5, 6]), row([7, 7]), row([5, 6]), row([8, 6], ['Good', ''])]);
    const set = await open('ultra-feedback', { path });
    const pair = { kind: 'preference', id: '0', prompt: '\n\nHuman: Why?\n\nAssistant:', cluster: 'Why?' };
    expect(await rowsOf(set)).toEqual([{ ...pair, chosen: ' Good', rejected: ' Bad' }]);
    expect(set.leftOut()).toEqual({ 'equal scores': 1, 'rejected has the higher score': 1, 'empty answer': 1 });
    const instruct = await open('ultra-feedback', { path, promptTemplate: '[INST] {prompt} [/INST]' });
    expect((await rowsOf(instruct))[0]).toMatchObject({ prompt: '[INST] Why? [/INST]' });
  });

  it('reads the Parquet files of the hub', async () => {
    const rows = [row([8.5, 6]), row([7, 7])];
    const column = (name: keyof (typeof rows)[0]) => rows.map((one) => one[name]);
    const parquet = Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'prompt', data: column('prompt'), type: 'STRING' },
          { name: 'chosen', data: column('chosen'), type: 'JSON' },
          { name: 'rejected', data: column('rejected'), type: 'JSON' },
          { name: 'score_chosen', data: column('score_chosen'), type: 'DOUBLE' },
          { name: 'score_rejected', data: column('score_rejected'), type: 'DOUBLE' },
        ],
      }),
    );
    const files = { 'data/train_prefs-00000-of-00001-0a1b.parquet': parquet };
    const hub = await startHubServer([{ kind: 'dataset', repo: 'HuggingFaceH4/ultrafeedback_binarized', files }]);
    try {
      const set = await open('ultra-feedback', {}, { HF_ENDPOINT: hub.url });
      expect(await rowsOf(set)).toMatchObject([{ chosen: ' Good', rejected: ' Bad' }]);
      expect(set.leftOut()).toEqual({ 'equal scores': 1 });
    } finally {
      await hub.close();
    }
  });

  it('names what a row lacks', async () => {
    const { score_chosen: _, ...unscored } = row([8, 6]);
    expect(await problemOf('ultra-feedback', { path: await file('u1.jsonl', [unscored]) })).toContain(
      'u1.jsonl:1: column "score_chosen" must hold a number',
    );
    const asked = { ...row([8, 6]), chosen: [{ role: 'user', content: 'Why?' }] };
    expect(await problemOf('ultra-feedback', { path: await file('u2.jsonl', [asked]) })).toContain(
      'column "chosen" must be a list of {role, content} that ends with the assistant',
    );
  });
});

describe('text-json-lines', () => {
  it('reads segments, prompt and completion, and plain text', async () => {
    const segments = [
      { text: 'Q: 1 + 1 =', weight: 0 },
      { text: ' 2', weight: 2, stop: true },
    ];
    const path = await file('text.jsonl', [
      { segments, cluster: 'sums' },
      { prompt: 'Q', completion: ' A', id: 'two' },
      { text: 'A story.' },
      { prompt: 'Q', completion: '' },
    ]);
    const set = await open('text-json-lines', { path });
    expect(await rowsOf(set)).toEqual([
      { kind: 'text', id: '0', segments, cluster: 'sums' },
      {
        kind: 'text',
        id: 'two',
        segments: [
          { text: 'Q', weight: 0 },
          { text: ' A', weight: 1, stop: true },
        ],
      },
      { kind: 'text', id: '2', segments: [{ text: 'A story.', weight: 1, stop: true }] },
    ]);
    expect(set.leftOut()).toEqual({ 'nothing to write': 1 });
    expect(set.kind).toBe('text');
  });
  it.each([
    ['no known column', { question: 'q' }, ['neither "segments"', 'Columns there: question']],
    ['half a pair', { prompt: 'q' }, ['no column "completion"']],
    ['a segment without weight', { segments: [{ text: 'a' }] }, ['columns.segments', '0.weight']],
  ])('refuses %s', async (_title, row, parts) => {
    const problem = await problemOf('text-json-lines', { path: await file('bad.jsonl', [row]) });
    for (const part of parts) expect(problem).toContain(part);
  });
});

describe('retrieval-json-lines', () => {
  it('reads queries with their texts, counts what teaches nothing', async () => {
    const path = await file('retrieval.jsonl', [
      {
        query: 'Who wrote Emma?',
        positive: 'Emma is by Jane Austen.',
        negatives: ['Emma is a name.'],
        cluster: 'emma',
      },
      { query: ' ', positive: 'Nothing was asked.', negatives: [] },
      { query: 'Who?', positive: 'She.', negatives: ['He.', 'She.'] },
      { query: 'Who?', positive: 'She.', negatives: [], id: 'last' },
    ]);
    const set = await open('retrieval-json-lines', { path });
    expect(set.kind).toBe('retrieval');
    expect(await rowsOf(set)).toEqual([
      {
        kind: 'retrieval',
        id: '0',
        query: 'Who wrote Emma?',
        positive: 'Emma is by Jane Austen.',
        negatives: ['Emma is a name.'],
        cluster: 'emma',
      },
      { kind: 'retrieval', id: 'last', query: 'Who?', positive: 'She.', negatives: [] },
    ]);
    expect(set.leftOut()).toEqual({ 'empty text': 1, 'the positive is among the negatives': 1 });
  });
  it.each([
    ['no query', { positive: 'p', negatives: [] }, 'no column "query"'],
    ['no list of negatives', { query: 'q', positive: 'p', negatives: 'n' }, 'columns.negatives'],
  ])('refuses %s', async (_title, row, part) => {
    expect(await problemOf('retrieval-json-lines', { path: await file('bad.jsonl', [row]) })).toContain(part);
  });
});

describe('classification-json-lines', () => {
  it('reads pairs with labels, under other names too', async () => {
    const path = await file('claims.jsonl', [
      { premise: 'Ann has a cat.', hypothesis: 'Ann has a pet.', label: 'yes' },
    ]);
    const expected = {
      kind: 'classification',
      id: '0',
      first: 'Ann has a cat.',
      second: 'Ann has a pet.',
      label: 'yes',
    };
    const set = await open('classification-json-lines', { path });
    expect(set.kind).toBe('classification');
    expect(await rowsOf(set)).toEqual([expected]);
    const other = await file('other.jsonl', [{ a: { text: 'Ann has a cat.' }, b: 'Ann has a pet.', label: 'yes' }]);
    const columns = { first: 'a.text', second: 'b' };
    expect(await rowsOf(await open('classification-json-lines', { path: other, columns }))).toEqual([expected]);
    expect(await problemOf('classification-json-lines', { path: other })).toContain('no column "premise"');
  });
});
