import { createComponentPool } from '../component-pool.ts';
import type { Ingestion } from '../ingest-corpus.ts';
import { formatCount, formatDuration } from '../lib/format.ts';
import { loadCorpus } from '../load-corpus.ts';
import { createProgress } from './progress.ts';
import { openWorkspace } from './workspace.ts';

function textOf(name: string, done: Ingestion): string {
  const { documents, chunks, kept, cached, embedded, removed, duplicates, tookMs } = done;
  const fresh = cached + embedded;
  const share =
    fresh === 0 ? '' : ` (embedding cache: ${((100 * cached) / fresh).toFixed(0)} % of ${formatCount(fresh)})`;
  const rate = embedded === 0 ? '' : `, ${(embedded / Math.max(0.001, tookMs / 1000)).toFixed(0)}/s`;
  return [
    `${name}: ${formatCount(documents)} documents, ${formatCount(chunks)} chunks in ${formatDuration(tookMs)}`,
    `  ${formatCount(embedded)} embedded${rate}, ${formatCount(kept)} kept${share}`,
    `  ${formatCount(removed)} removed, ${formatCount(duplicates)} duplicates left out`,
  ].join('\n');
}

/** Ctrl-C stops after the batch under way; the next call goes on from there. */
export async function ingest(files: readonly string[], options: { json?: boolean }): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('stopped; the same command goes on from here')));
  const monotonic = () => performance.now();
  const progress = createProgress(process.stderr, () => '', monotonic);
  const { surroundings } = openWorkspace((notice) => progress.notice(notice));
  const pool = createComponentPool(surroundings);
  try {
    for (const file of files) {
      const corpus = await loadCorpus(file, surroundings.baseDir);
      const done = await pool.ingest(corpus, stop.signal);
      console.log(options.json ? JSON.stringify({ corpus: corpus.name, ...done }) : textOf(corpus.name, done));
    }
  } finally {
    await pool.close();
  }
}
