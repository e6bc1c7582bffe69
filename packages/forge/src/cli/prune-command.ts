import { ConfigError } from '../errors.ts';
import { formatCount } from '../lib/format.ts';
import { type PruneReport, planPrune, prune } from '../stores/prune.ts';
import { openDatabase } from './open-database.ts';
import { openWorkspace } from './workspace.ts';

interface PruneOptions {
  readonly olderThan: string;
  readonly calls?: boolean;
  readonly cache?: boolean;
  readonly deleted?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const unitMs = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** `12h`, `90d`, `8w` as ms. */
function parseAge(text: string): number {
  const [, number, unit] = /^(\d{1,6})([hdw])$/.exec(text) ?? [];
  if (number === undefined)
    throw new ConfigError(`--older-than ${text}: give a number of hours, days or weeks, e.g. 12h, 90d, 8w`);
  return Number(number) * unitMs[unit as keyof typeof unitMs];
}

const nouns: Readonly<Record<keyof PruneReport, string>> = {
  calls: 'model calls',
  responses: 'cached responses',
  experiments: 'deleted experiments',
  runs: 'runs of them',
  results: 'examples of them',
  benchmarks: 'benchmarks of them',
};

/** `forge prune`: deletes what is older than asked for. Throws ConfigError. */
export async function pruneOld(options: PruneOptions): Promise<void> {
  const { calls = false, cache = false, deleted = false, yes = false } = options;
  if (!calls && !cache && !deleted)
    throw new ConfigError('forge prune: say what may go: --calls, --cache, --deleted, or several of them');
  const age = parseAge(options.olderThan);
  const workspace = openWorkspace();
  const request = { before: Math.floor(workspace.clock.now() - age), calls, cache, deleted };
  const connection = await openDatabase(workspace);
  try {
    const report = yes ? await prune(connection.query, request) : await planPrune(connection.query, request);
    if (options.json) return console.log(JSON.stringify({ removed: yes, ...request, ...report }, null, 2));
    const lines = Object.entries(nouns).filter(([key]) => report[key as keyof PruneReport] > 0);
    if (lines.length === 0) return console.log(`nothing is older than ${options.olderThan}`);
    console.log(yes ? 'removed:' : 'would be removed:');
    for (const [key, noun] of lines)
      console.log(`  ${formatCount(report[key as keyof PruneReport]).padStart(12)} ${noun}`);
    if (!yes) console.log('nothing was changed; to remove it for good: the same command with --yes');
  } finally {
    await connection.close();
  }
}
