import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteFile } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Notice } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { callTool } from '../lib/call-tool.ts';
import { startWikipediaServer } from '../testing/wikipedia-server.ts';
import type { Observation, ToolSet } from '../tool.ts';
import { definition } from './wikipedia-search.ts';

let folder: string;
let wiki: Awaited<ReturnType<typeof startWikipediaServer>>;
let nowMs: number;
let notices: Notice[];
const open: ToolSet[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wikipedia-search-'));
  wiki = await startWikipediaServer();
  nowMs = Date.UTC(2024, 0, 1);
  notices = [];
});
afterEach(async () => {
  for (const set of open.splice(0)) await set.close();
  await wiki.close();
  await rm(folder, { recursive: true });
});

async function create(given: Record<string, unknown>): Promise<ToolSet> {
  const set = await definition.create(definition.options.parse(given), {
    baseDir: folder,
    cacheDir: join(folder, 'cache'),
    env: {},
    now: () => nowMs,
    notify: (notice) => notices.push(notice),
    retriever: () => Promise.reject(new Error('no retriever')),
  });
  open.push(set);
  return set;
}

/** At the server of the test, as quick as it can. */
const live = (given: Record<string, unknown> = {}) =>
  create({ baseUrl: wiki.url, allowPrivate: true, requestsPerSecond: 200, ...given });

async function ask(set: ToolSet, query: string, timeoutMs = 10_000): Promise<Observation> {
  const bounds = { timeoutMs, maxChars: 100_000, secrets: [] };
  return (await callTool(set.tools, { tool: 'wikipedia-search', input: query }, bounds)).observation;
}

const tolan = 'Mira Tolan\nMira Tolan (born 3 May 1961) is a clockmaker from Velm.';

describe('the live site', () => {
  it.each(['Mira Tolan', 'mira Tolan', 'M. Tolan'])('shows the first paragraph of the article: %s', async (title) => {
    expect(await ask(await live(), title)).toEqual({ text: tolan });
    expect(wiki.log).toHaveLength(1);
  });

  it.each(['clock of oster', 'a<b', 'de:Oster', 'Mira|Tolan'])(
    'searches where there is no such title: %s',
    async (query) => {
      expect(await ask(await live(), query)).toEqual({ text: `${tolan}\nOther pages: Oster (town)` });
    },
  );

  it('lists what a title may mean', async () => {
    expect(await ask(await live(), 'Oster')).toEqual({
      text: '"Oster" may mean:\n- Oster (river)\n- Oster (town)\n- Eastern wind\nSearch for one of these.',
    });
  });

  it('says that nothing is found, with what the site suggests', async () => {
    const set = await live();
    expect(await ask(set, 'mirra tolann')).toEqual({
      text: 'nothing found for "mirra tolann"; did you mean: mira tolan?',
    });
    expect(await ask(set, 'xyzzy')).toEqual({ text: 'nothing found for "xyzzy"; try fewer or other words' });
  });

  it('cuts an observation', async () => {
    const page = { title: 'Long', extract: 'x'.repeat(500) };
    wiki.faults.push({ status: 200, body: { text: JSON.stringify({ query: { pages: [page] } }) } });
    expect(await ask(await live({ maxChars: 100 }), 'Long')).toEqual({ text: `Long\n${'x'.repeat(95)} ...` });
  });

  it('tells the site who asks, and warns where it should say more', async () => {
    await ask(await live({ contact: 'lab@example.org' }), 'Mira Tolan');
    expect(wiki.log[0]?.userAgent).toMatch(/^LLMForge\/0\.1 \(lab@example\.org\) node\/\d+\.\d+\.\d+$/);
    await create({ contact: 'lab@example.org' });
    expect(notices).toEqual([]);
    await create({});
    expect(notices[0]?.message).toContain('set contact to an e-mail or web address');
    expect(() => definition.options.parse({ contact: 'a\r\nx: y' })).toThrow();
  });

  it('is asked no more often than requestsPerSecond, by all together', async () => {
    const sets = [
      await live({ requestsPerSecond: 20, cache: false }),
      await live({ requestsPerSecond: 20, cache: false }),
    ];
    await Promise.all(sets.flatMap((set) => [1, 2, 3, 4].map(() => ask(set, 'Mira Tolan'))));
    const times = wiki.log.map(({ atMs }) => atMs);
    expect(times).toHaveLength(8);
    // Seven gaps of 50 ms; the requests' own way takes a little more or less.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(300);
  });

  it.each([
    ['429 with seconds', { status: 429, headers: { 'retry-after': '1' } }, 1000],
    ['503 with a date', { status: 503, headers: { 'retry-after': 'Mon, 01 Jan 2024 00:00:01 GMT' } }, 1000],
    ['429 without a word', { status: 429 }, 500],
    ['200 that says so', { status: 200, body: 'ratelimited', headers: { 'retry-after': '1' } }, 1000],
  ] as const)('is asked again after the time it wants: %s', async (_, fault, leastMs) => {
    wiki.faults.push(fault);
    expect(await ask(await live(), 'Mira Tolan')).toEqual({ text: tolan });
    expect(wiki.log).toHaveLength(2);
    expect((wiki.log[1]?.atMs ?? 0) - (wiki.log[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(leastMs - 20);
  });

  it('is given up where it wants more time than a call has', async () => {
    wiki.faults.push({ status: 429, headers: { 'retry-after': '60' } });
    const start = performance.now();
    const { text, error } = await ask(await live({ timeoutSeconds: 5 }), 'Mira Tolan');
    expect(error).toBe('failed');
    expect(text).toMatch(/has too many requests \(429\) and wants to be asked again in 60 s/);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(wiki.log).toHaveLength(1);
  });

  it.each([
    ['a huge body', { status: 200, body: { text: ' '.repeat(4_000_001) } }, /longer than 4000000 bytes/],
    ['a page', { status: 200, headers: { 'content-type': 'text/html' }, body: { text: '<p>' } }, /is "text\/html"/],
    ['half a JSON', { status: 200, body: { text: '{"query":' } }, /not one of a MediaWiki API; check baseUrl/],
    [
      'an error of the API',
      { status: 200, body: 'toolong' },
      /longer than the maximum .*\(cirrussearch-query-too-long\)/,
    ],
    ['500', { status: 500 }, /answered 500/],
    [
      'a way to another host',
      { status: 302, headers: { location: 'http://10.0.0.1/' } },
      /"10\.0\.0\.1" is not an allowed host/,
    ],
  ] as const)('answers with %s: an observation, and nothing is kept', async (_, fault, message) => {
    wiki.faults.push(fault);
    const set = await live();
    const { text, error } = await ask(set, 'Mira Tolan');
    expect(text).toMatch(message);
    expect(error).toBe(fault.status === 302 ? 'refused' : 'failed');
    expect(await ask(set, 'Mira Tolan')).toEqual({ text: tolan });
  });

  it('that does not answer in time is a timeout', async () => {
    const set = await live({ timeoutSeconds: 0.3, requestsPerSecond: 0.5 });
    await ask(set, 'Mira Tolan');
    expect(await ask(set, 'M. Tolan')).toMatchObject({ error: 'timeout' });
  });

  it('on this machine needs allowPrivate', async () => {
    const { text, error } = await ask(await live({ allowPrivate: false }), 'Mira Tolan');
    expect(error).toBe('refused');
    expect(text).toBe('error: 127.0.0.1 is not on the public internet; allowPrivate: true would allow it');
    expect(wiki.log).toEqual([]);
  });

  it('must be on its own list of hosts', async () => {
    await expect(live({ allowedHosts: ['*.wikipedia.org'] })).rejects.toThrow(
      /allowedHosts: \*\.wikipedia\.org does not hold "127\.0\.0\.1:\d+", the host of baseUrl/,
    );
    await expect(live({ allowedHosts: ['http://x'] })).rejects.toThrow(ConfigError);
  });
});

describe('kept answers', () => {
  it('make a run repeatable with the site gone', async () => {
    const queries = ['Mira Tolan', 'clock of oster', 'Oster', 'xyzzy'];
    const first = await live();
    const before = [];
    for (const query of queries) before.push(await ask(first, query));
    await wiki.close();
    const second = await live();
    expect(second.fingerprint).toBe(first.fingerprint);
    const after = [];
    for (const query of queries) after.push(await ask(second, query));
    expect(after).toEqual(before);
    const { text, error } = await ask(second, 'something new');
    expect(error).toBe('failed');
    expect(text).toMatch(/nothing listens there/);
    wiki = await startWikipediaServer();
  });

  it('are asked for again after cacheDays, and used where the site cannot be reached', async () => {
    const set = await live({ cacheDays: 2 });
    await ask(set, 'Mira Tolan');
    nowMs += 86_400_000;
    await ask(set, 'Mira Tolan');
    expect(wiki.log).toHaveLength(1);
    nowMs += 2 * 86_400_000;
    await ask(set, 'Mira Tolan');
    expect(wiki.log).toHaveLength(2);
    nowMs += 3 * 86_400_000;
    wiki.faults.push({ status: 500 });
    expect(await ask(set, 'Mira Tolan')).toEqual({ text: tolan });
    expect(wiki.log).toHaveLength(3);
  });

  it('are whole files; a broken one is asked for again', async () => {
    const set = await live();
    await Promise.all([1, 2, 3, 4].map(() => ask(set, 'Mira Tolan')));
    const answers = join(folder, 'cache', 'wikipedia', 'answers');
    const files = (await readdir(answers, { recursive: true })).filter((name) => name.includes('.'));
    expect(files).toHaveLength(1);
    const file = join(answers, files[0] ?? '');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ fetchedMs: nowMs });
    const asked = wiki.log.length;
    await writeFile(file, '{"url":');
    expect(await ask(set, 'Mira Tolan')).toEqual({ text: tolan });
    expect(wiki.log).toHaveLength(asked + 1);
  });

  it('are off with cache: false', async () => {
    const set = await live({ cache: false });
    await ask(set, 'Mira Tolan');
    await ask(set, 'Mira Tolan');
    expect(wiki.log).toHaveLength(2);
    await expect(readdir(join(folder, 'cache'))).rejects.toThrow();
  });
});

describe('a dump', () => {
  const rows = [
    { id: '1', url: '', title: 'Mira Tolan', text: `${tolan.split('\n')[1]}\n\nShe built the tower clock of Oster.` },
    { id: '2', url: '', title: 'Oster', text: 'Oster may refer to:\n\nOster (town), a town\n* Oster (river), a river' },
    { id: '3', url: '', title: 'Oster (town)', text: 'Oster is a town with a famous tower clock.' },
    { id: '4', url: '', title: 'MIRA TOLAN', text: 'A ship.' },
    { id: '5', url: '', title: 'Velm', text: 'Velm is a café-filled town, too. 🕰' },
  ];
  const lines = (all: readonly object[]) => all.map((row) => JSON.stringify(row)).join('\n');

  it.each(['jsonl', 'parquet', 'folder'])('is read without a network: %s', async (kind) => {
    const path = join(folder, kind === 'folder' ? 'dump' : `dump.${kind}`);
    if (kind === 'jsonl') await writeFile(path, lines(rows));
    if (kind === 'folder') {
      await mkdir(path);
      await writeFile(join(path, '1.jsonl'), lines(rows.slice(0, 2)));
      await writeFile(join(path, '2.jsonl'), lines(rows.slice(2)));
      await writeFile(join(path, 'README.md'), 'not a table');
    }
    if (kind === 'parquet') {
      const columns = ['id', 'url', 'title', 'text'] as const;
      const columnData = columns.map((name) => ({ name, data: rows.map((row) => row[name]), type: 'STRING' as const }));
      await parquetWriteFile({ filename: path, columnData });
    }
    await wiki.close();
    const set = await create({ dump: kind === 'folder' ? 'dump' : `dump.${kind}` });
    expect(await ask(set, 'Mira Tolan')).toEqual({ text: tolan });
    expect((await ask(set, 'mira_tolan')).text).toBe(tolan);
    expect((await ask(set, 'MIRA  TOLAN')).text).toBe('MIRA TOLAN\nA ship.');
    expect((await ask(set, 'velm')).text).toBe('Velm\nVelm is a café-filled town, too. 🕰');
    expect((await ask(set, 'Oster')).text).toBe(
      '"Oster" may mean:\n- Oster (town), a town\n- Oster (river), a river\nSearch for one of these.',
    );
    expect((await ask(set, 'a famous clock')).text).toBe(
      'Oster (town)\nOster is a town with a famous tower clock.\nOther pages: Mira Tolan; MIRA TOLAN; Velm',
    );
    expect((await ask(set, 'xyzzy')).text).toBe('nothing found for "xyzzy"; try fewer or other words');
    wiki = await startWikipediaServer();
  });

  it('follows redirects, also in circles and to nowhere', async () => {
    const redirects = [
      { title: 'Tolan', redirect: 'M. Tolan' },
      { title: 'M. Tolan', redirect: 'Mira Tolan' },
      { title: 'Ring', redirect: 'Circle' },
      { title: 'Circle', redirect: 'Ring' },
      { title: 'Nowhere', redirect: 'Not there' },
    ];
    await writeFile(
      join(folder, 'dump.jsonl'),
      lines([...rows.map((row) => ({ ...row, redirect: null })), ...redirects]),
    );
    const set = await create({ dump: 'dump.jsonl' });
    expect((await ask(set, 'tolan')).text).toBe(tolan);
    expect((await ask(set, 'Ring')).text).toMatch(/^nothing found/);
    expect((await ask(set, 'Nowhere')).text).toMatch(/^nothing found/);
  });

  it('is compacted once, and its digest is in the fingerprint', async () => {
    await writeFile(join(folder, 'dump.jsonl'), lines(rows));
    const first = await create({ dump: 'dump.jsonl' });
    const dumps = join(folder, 'cache', 'wikipedia', 'dumps');
    expect(await readdir(dumps)).toHaveLength(1);
    await writeFile(join(folder, 'copy.jsonl'), lines(rows));
    const second = await create({ dump: 'copy.jsonl' });
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(await readdir(dumps)).toHaveLength(1);
    await writeFile(join(folder, 'other.jsonl'), lines(rows.slice(1)));
    const other = await create({ dump: 'other.jsonl' });
    expect(other.fingerprint).not.toBe(first.fingerprint);
    expect((await create({ dump: 'dump.jsonl', maxChars: 100 })).fingerprint).not.toBe(first.fingerprint);
  });

  it.each([
    ['nowhere.jsonl', undefined, /nowhere\.jsonl: no such file/],
    ['empty.jsonl', '', /the file is empty/],
    ['dump.xml', '<mediawiki>', /dump\.xml: no dump \(option dump\); give a \.jsonl, \.parquet or \.csv file/],
    ['untitled.jsonl', '{"name":"a","text":"b"}', /untitled\.jsonl:1: column "title" is no text .*there: name, text/],
    ['broken.jsonl', '{"title":', /broken\.jsonl:1: broken JSON/],
  ])('that is none says so and leaves nothing behind: %s', async (name, content, message) => {
    if (content !== undefined) await writeFile(join(folder, name), content);
    const made = create({ dump: name });
    await expect(made).rejects.toThrow(message);
    await expect(made).rejects.toThrow(ConfigError);
    expect(await readdir(join(folder, 'cache', 'wikipedia', 'dumps')).catch(() => [])).toEqual([]);
  });
});

it('fingerprints differ with the wiki', async () => {
  const [english, german] = await Promise.all([
    create({ contact: 'a@b.c' }),
    create({ baseUrl: 'https://de.wikipedia.org', contact: 'a@b.c' }),
  ]);
  expect(english.fingerprint).not.toBe(german.fingerprint);
  expect((await create({ contact: 'other@b.c', requestsPerSecond: 1 })).fingerprint).toBe(english.fingerprint);
});
