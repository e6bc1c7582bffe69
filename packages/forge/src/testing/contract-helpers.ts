import type { Page } from '../page.ts';
import type { Store } from '../store.ts';

export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** What Postgres itself cannot hold, and what looks like the marks it is stored with. */
export const hardTexts = [
  'nul \0 in the middle',
  '\0',
  'lone high \ud83d end',
  'lone low \ude00 end',
  'reversed \ude00\ud83d pair',
  'whole pair \u{1f600}',
  'the mark \ufffe itself, \ufffe0000 and \uffff',
  'backslash \\u0000 as text, \\\\u0000, \\ud83d, \\',
  'quotes " \' and \u2028 \u0001 \u001b[31m \r\n\t',
  '',
];

/** A new experiment with one run. */
export async function newRun(store: Store, name = 'contract'): Promise<{ experimentId: string; runId: string }> {
  const { experiment, runs } = await store.createExperiment({
    name,
    source: 'version: 1\n',
    config: { name },
    configHash: 'hash',
    runs: [{ variant: 'only', spec: {} }],
  });
  const runId = runs[0]?.id ?? '';
  return { experimentId: experiment.id, runId };
}

export async function allPages<T>(page: (after?: string) => Promise<Page<T>>): Promise<T[][]> {
  const pages: T[][] = [];
  let after: string | undefined;
  do {
    const { items, next } = await page(after);
    pages.push([...items]);
    after = next ?? undefined;
  } while (after !== undefined);
  return pages;
}
