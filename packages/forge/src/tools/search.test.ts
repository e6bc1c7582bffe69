import { describe, expect, it } from 'vitest';
import { callTool } from '../lib/call-tool.ts';
import type { Retriever } from '../retriever.ts';
import type { ToolParts } from '../tool.ts';
import { definition } from './search.ts';

const asked: [string, number][] = [];
const retriever: Retriever = {
  name: 'list',
  fingerprint: 'list 1',
  async retrieve(query, topK) {
    asked.push([query, topK]);
    if (query === 'nothing') return [];
    return Array.from({ length: topK }, (_, i) => ({
      id: `${i}`,
      documentId: `${i}`,
      title: '',
      url: '',
      stages: {},
      text: `about ${query} ${i}`,
      score: 1,
    }));
  },
};
const parts: ToolParts = {
  baseDir: '.',
  cacheDir: '.',
  env: {},
  now: Date.now,
  notify: () => {},
  retriever: async () => retriever,
};
const open = (options: object = {}) =>
  definition.create(definition.options.parse({ retriever: 'bm25', ...options }), parts);
const bounds = { timeoutMs: 1000, maxChars: 10_000, secrets: [] };

describe('search', () => {
  it('shows numbered passages, as many as are asked for', async () => {
    const { tools } = await open();
    const call = async (input: string) => (await callTool(tools, { tool: 'search', input }, bounds)).observation;
    expect(await call('rain')).toEqual({ text: '[1] about rain 0\n[2] about rain 1\n[3] about rain 2' });
    expect(await call('{"query":"rain","k":1}')).toEqual({ text: '[1] about rain 0' });
    expect(await call('{"query":"rain","k":21}')).toMatchObject({ error: 'bad-arguments' });
    expect(await call('nothing')).toEqual({ text: 'nothing found' });
    expect(asked).toEqual([
      ['rain', 3],
      ['rain', 1],
      ['nothing', 3],
    ]);
  });

  it('has the name and the description that it is given, and another fingerprint with each', async () => {
    const papers = await open({ toolName: 'search-papers', description: 'Papers on birds.', maxChars: 100 });
    expect(papers.tools[0]).toMatchObject({ name: 'search-papers', description: 'Papers on birds.' });
    expect(papers.fingerprint).not.toBe((await open()).fingerprint);
    expect(definition.options.safeParse({ retriever: 'bm25', toolName: 'Search it' }).success).toBe(false);
  });
});
