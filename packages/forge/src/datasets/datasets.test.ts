import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../dataset.ts';
import type { Surroundings } from '../definition.ts';
import { sampleRowIndices } from '../lib/sample-examples.ts';
import { hasSharedData, sharedData } from '../testing/shared-data.ts';
import { datasets } from './index.ts';

let dir: string;
const surroundings = (): Surroundings => ({
  baseDir: dir,
  cacheDir: join(dir, 'cache'),
  env: {},
  now: Date.now,
  notify: () => {},
});

async function open(name: string, options: object): Promise<Dataset> {
  const definition = datasets.find((one) => one.name === name);
  if (definition === undefined) throw new Error(name);
  return definition.create(definition.options.parse(options), surroundings());
}

async function file(name: string, content: string | Buffer): Promise<string> {
  await writeFile(join(dir, name), content);
  return name;
}

/** What reading the whole data set says is wrong. */
async function problemOf(name: string, options: object): Promise<string> {
  const reading = async () => {
    const dataset = await open(name, options);
    await dataset.count();
    await Array.fromAsync(dataset.examples());
  };
  const error = await reading().then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error?.name).toBe('ConfigError');
  expect(error?.message).not.toContain('\n');
  return error?.message ?? '';
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-datasets-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const jsonl = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('json-lines', () => {
  it('reads columns, nested ones too, with blank lines, CRLF, a byte-order mark and no final newline', async () => {
    const path = await file(
      'a.jsonl',
      '\uFEFF{"q":{"t":"One?"},"a":["1","one"],"k":"x","p":"ctx","g":"G"}\r\n\n{"q":{"t":"Two?"},"a":2,"k":"y","p":"ctx2","g":"G"}',
    );
    const dataset = await open('json-lines', {
      path,
      columns: { id: 'k', question: 'q.t', answer: 'a', context: 'p', cluster: 'g' },
    });
    expect(await dataset.count()).toBe(2);
    expect(await Array.fromAsync(dataset.examples())).toEqual([
      { id: 'x', text: 'One?', targets: ['1', 'one'], context: 'ctx', cluster: 'G' },
      { id: 'y', text: 'Two?', targets: ['2'], context: 'ctx2', cluster: 'G' },
    ]);
    expect(await Array.fromAsync(dataset.examples({ only: new Set([1]) }))).toHaveLength(1);
  });
  it('keeps characters whole that span two chunks of the file', async () => {
    const text = '€'.repeat(300_000);
    const dataset = await open('json-lines', {
      path: await file('wide.jsonl', jsonl([{ question: `a${text}`, answer: 'x' }])),
    });
    expect((await Array.fromAsync(dataset.examples()))[0]?.text).toBe(`a${text}`);
  });
  it('has the fingerprint of its bytes', async () => {
    const rows = jsonl([{ question: 'q', answer: 'a' }]);
    const fingerprint = async (name: string, content: string) =>
      (await open('json-lines', { path: await file(name, content) })).fingerprint();
    expect(await fingerprint('f1.jsonl', rows)).toBe(await fingerprint('f2.jsonl', rows));
    expect(await fingerprint('f3.jsonl', `${rows}\n`)).not.toBe(await fingerprint('f1.jsonl', rows));
  });
  it.each([
    ['a missing file', 'absent.jsonl', undefined, ['absent.jsonl: no such file']],
    ['an empty file', 'empty.jsonl', '', ['empty.jsonl: the file is empty']],
    ['only blank lines', 'blank.jsonl', '\n \n', ['blank.jsonl: no rows']],
    [
      'a broken line',
      'broken.jsonl',
      '{"question":"q","answer":"a"}\n{"question": oops}\n',
      ['broken.jsonl:2: broken JSON'],
    ],
    ['a list', 'list.jsonl', '[1]\n', ['list.jsonl:1: not a JSON object but a list']],
    ['JSON over many lines', 'pretty.jsonl', '[\n {"question": "q"}\n]', ['pretty.jsonl:1', 'one object on each line']],
    [
      'a missing column',
      'column.jsonl',
      '{"query":"q","answer":"a"}\n',
      ['column.jsonl:1: no column "question"', 'Columns there: query, answer'],
    ],
    ['an empty question', 'noquestion.jsonl', '{"question":" ","answer":"a"}\n', ['noquestion.jsonl:1', 'is empty']],
    ['no targets', 'notargets.jsonl', '{"question":"q","answer":[]}\n', ['notargets.jsonl:1', 'columns.answer']],
    ['a wrong type', 'type.jsonl', '{"question":{"a":1},"answer":"a"}\n', ['type.jsonl:1', 'holds object, not a text']],
    [
      'bytes that are not UTF-8',
      'latin.jsonl',
      Buffer.from('{"question":"caf\xe9","answer":"a"}\n', 'latin1'),
      ['latin.jsonl:1: not UTF-8'],
    ],
  ])('refuses %s', async (_title, name, content, parts) => {
    if (content !== undefined) await file(name, content);
    const problem = await problemOf('json-lines', { path: name });
    for (const part of parts) expect(problem).toContain(part);
  });
  it('refuses a 10 MB line by its number, and a repeated id by both rows', async () => {
    await file('long.jsonl', `{"question":"q","answer":"a"}\n{"question":"${'x'.repeat(10_000_000)}","answer":"a"}\n`);
    const long = await problemOf('json-lines', { path: 'long.jsonl' });
    expect(long).toContain('long.jsonl:2');
    expect(long).toContain('maxRowBytes');
    await file(
      'twice.jsonl',
      jsonl([
        { i: 1, question: 'q', answer: 'a' },
        { i: 1, question: 'r', answer: 'a' },
      ]),
    );
    expect(await problemOf('json-lines', { path: 'twice.jsonl', columns: { id: 'i' } })).toContain(
      'twice.jsonl:2: id "1" is also that of twice.jsonl:1',
    );
  });
  it('suggests the file that was meant, and the right reader for its ending', async () => {
    await file('questions.jsonl', jsonl([{ question: 'q', answer: 'a' }]));
    expect(await problemOf('json-lines', { path: 'question.jsonl' })).toContain('Did you mean "questions.jsonl"?');
    await file('table.csv', 'question,answer\nq,a\n');
    expect(await problemOf('json-lines', { path: 'table.csv' })).toContain('dataset: {name: csv}');
  });
});

describe('csv', () => {
  it('reads quotes, line breaks in fields, and tabs', async () => {
    const dataset = await open('csv', {
      path: await file('b.csv', 'question,answer\r\n"Who said ""no""?\nReally?",Bob\r\nTwo?,2\r\n'),
    });
    expect(await dataset.count()).toBe(2);
    expect(await Array.fromAsync(dataset.examples({ only: new Set([0]) }))).toEqual([
      { id: '0', text: 'Who said "no"?\nReally?', targets: ['Bob'] },
    ]);
    expect(await (await open('csv', { path: await file('c.tsv', 'question\tanswer\nOne, two?\t1\n') })).count()).toBe(
      1,
    );
  });
  it.each([
    ['an open quote', 'open.csv', 'question,answer\n"q,a\n', 'broken CSV'],
    ['a row of another length', 'ragged.csv', 'question,answer\nq,a,b\n', 'broken CSV'],
    ['only a header', 'header.csv', 'question,answer\n', 'no rows'],
    ['bytes that are not UTF-8', 'latin.csv', Buffer.from('question,answer\ncaf\xe9,a\n', 'latin1'), 'not UTF-8'],
  ])('refuses %s', async (_title, name, content, part) => {
    expect(await problemOf('csv', { path: await file(name, content) })).toContain(part);
  });
});

describe('parquet', () => {
  const table = () =>
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'question', data: Array.from({ length: 2500 }, (_, i) => `Q${i}`), type: 'STRING' },
          { name: 'answer', data: Array.from({ length: 2500 }, (_, i) => i), type: 'INT32' },
        ],
        rowGroupSize: 700,
      }),
    );
  it('reads all rows, or those that are asked for', async () => {
    const dataset = await open('parquet', { path: await file('d.parquet', table()) });
    expect(await dataset.count()).toBe(2500);
    const some = await Array.fromAsync(dataset.examples({ only: new Set([0, 699, 700, 2499]) }));
    expect(some.map((example) => [example.id, example.text, example.targets[0]])).toEqual(
      ['0', '699', '700', '2499'].map((i) => [i, `Q${i}`, i]),
    );
    expect(await Array.fromAsync(dataset.examples())).toHaveLength(2500);
  });
  it('refuses a truncated file and one that is something else', async () => {
    expect(await problemOf('parquet', { path: await file('cut.parquet', table().subarray(0, 5000)) })).toContain(
      'cut.parquet: not a Parquet file, or a truncated one',
    );
    expect(await problemOf('parquet', { path: await file('text.parquet', 'hello, this is a text\n') })).toContain(
      'text.parquet',
    );
  });
});

describe('lab-world', () => {
  it.each([
    ['arithmetic', 500],
    ['reading', 300],
    ['known-facts', 200],
    ['documents', 300],
    ['multi-hop', 200],
    ['calculator', 200],
  ])('%s has %d test rows', async (split, count) => {
    const dataset = await open('lab-world', { split });
    expect(await dataset.count()).toBe(count);
    const [first] = await Array.fromAsync(dataset.examples({ only: new Set([0]) }));
    expect(first?.targets[0]).toBeTruthy();
    expect(first?.context !== undefined).toBe(split === 'reading');
  });
});

describe('preference-pairs', () => {
  const rows = Array.from({ length: 200 }, (_, i) => ({
    id: `p${i}`,
    prompt: `Q${i}`,
    chosen: ` c${i}`,
    rejected: ` r${i}`,
  }));
  it('shows both answers in an order that the seed draws, the chosen one being the target', async () => {
    const path = await file('pairs.jsonl', jsonl([...rows, { ...rows[0], id: 'last', cluster: 'k' }]));
    const read = async (seed: number) =>
      Array.from(await Array.fromAsync((await open('preference-pairs', { path, seed })).examples()));
    const examples = await read(0);
    expect(examples.map(({ id, text, targets }) => [id, text, targets[0]]).slice(0, 2)).toEqual([
      ['p0', 'Q0', ' c0'],
      ['p1', 'Q1', ' c1'],
    ]);
    expect(examples[3]?.choices?.toSorted()).toEqual([' c3', ' r3']);
    expect(examples.at(-1)?.cluster).toBe('k');
    const first = (some: typeof examples) => some.map(({ choices, targets }) => choices?.[0] === targets[0]);
    const share = first(examples).filter(Boolean).length / examples.length;
    expect(share).toBeGreaterThan(0.35);
    expect(share).toBeLessThan(0.65);
    expect(first(await read(0))).toEqual(first(examples));
    expect(first(await read(1))).not.toEqual(first(examples));
  });
  it('refuses a pair without a difference, and a row that is none', async () => {
    const same = await file('same.jsonl', jsonl([{ prompt: 'p', chosen: 'a', rejected: 'a' }]));
    expect(await problemOf('preference-pairs', { path: same })).toContain(
      'same.jsonl:1: chosen and rejected are the same',
    );
    const half = await file('half.jsonl', jsonl([{ prompt: 'p', chosen: 'a' }]));
    expect(await problemOf('preference-pairs', { path: half })).toContain('no column "rejected"');
  });
});

describe.skipIf(!hasSharedData)('the official files (skipped where the shared data is absent)', () => {
  it.each([
    ['squad', 'squad/dev-v1.1.json', 10570, 'Which NFL team represented the AFC at Super Bowl 50?', 'Denver Broncos'],
    ['gsm8k', 'gsm8k/test.jsonl', 1319, 'Janet’s ducks lay 16 eggs per day.', '18'],
    ['trivia-qa', 'triviaqa/trivia.dev.jsonl', 8837, 'The VS-300 was a type of what?', '🚁'],
    [
      'nq-open',
      'nq-open/NQ-open.dev.jsonl',
      3610,
      'when was the last time anyone was on the moon',
      '14 December 1972 UTC',
    ],
  ])('%s', async (name, path, count, text, target) => {
    const dataset = await open(name, { path: join(sharedData, path) });
    expect(await dataset.count()).toBe(count);
    const rows = await Array.fromAsync(dataset.examples());
    expect(rows).toHaveLength(count);
    expect(rows[0]?.text).toContain(text);
    expect(rows[0]?.targets[0]).toBe(target);
    if (name === 'squad') expect(new Set(rows.map((row) => row.cluster)).size).toBe(48);
  });
});

describe('sampling', () => {
  it('is the same on every machine', () => {
    expect([...sampleRowIndices(1000, 8, '0')].sort((a, b) => a - b)).toMatchInlineSnapshot(`
      [
        9,
        260,
        351,
        420,
        462,
        837,
        924,
        935,
      ]
    `);
  });
  it('nests, differs by seed, and is uniform', () => {
    const large = sampleRowIndices(5000, 400, '1');
    expect([...sampleRowIndices(5000, 100, '1')].every((index) => large.has(index))).toBe(true);
    expect([...sampleRowIndices(5000, 400, '2')].filter((index) => large.has(index)).length).toBeLessThan(80);
    const cells = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 200; seed++)
      for (const index of sampleRowIndices(1000, 50, String(seed)))
        cells[Math.floor(index / 100)] = (cells[Math.floor(index / 100)] ?? 0) + 1;
    expect(cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(27.9);
  });
  it('takes everything where as much is asked for, and is quick on ten million rows', () => {
    expect(sampleRowIndices(3, 9, '0').size).toBe(3);
    const started = performance.now();
    expect(sampleRowIndices(10_000_000, 1000, '0').size).toBe(1000);
    expect(performance.now() - started).toBeLessThan(4000);
  });
});
