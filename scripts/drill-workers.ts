/**
 * Kills workers, server and database with -9 at random moments of experiments, and counts what was lost and what is there
 * twice. Prints Markdown; ends with 1 where a row was lost, doubled or failed, or a limit was exceeded.
 *
 * node scripts/drill-workers.ts [--cycles 100] [--rows 200] [--seed drill] [--victim database] [--write]
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { markdownTable } from '../packages/forge/src/lib/format.ts';
import { callLimit, type DrillCycle, drillWorkers, victims } from '../packages/forge/src/testing/worker-drill.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '100' },
    rows: { type: 'string', default: '200' },
    seed: { type: 'string', default: 'drill' },
    victim: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

const seconds = (ms: number) => (ms / 1000).toFixed(1);
const sum = (cycles: readonly DrillCycle[], key: 'rows' | 'lost' | 'duplicated' | 'failed') =>
  String(cycles.reduce((total, cycle) => total + cycle[key], 0));

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const dashboard = new URL('../packages/dashboard/out', import.meta.url);
const withServer = existsSync(dashboard);
if (!withServer) console.error('the dashboard is not built (npm run build:dashboard): no server is killed');

const rows = Number(values.rows);
const only = victims.find((victim) => victim === values.victim);
if (values.victim !== undefined && only === undefined)
  throw new Error(`--victim ${values.victim}: one of ${victims.join(', ')}`);
const result = await drillWorkers({
  cycles: Number(values.cycles),
  rows,
  seed: values.seed,
  withServer,
  only,
  onCycle: (cycle) => console.error(JSON.stringify(cycle)),
});

const byVictim = Map.groupBy(result.cycles, ({ victim }) => victim);
const table = markdownTable(
  ['killed with -9', 'times', 'rows', 'lost', 'twice', 'failed', 'to the end after the kill, median s', 'longest s'],
  [...byVictim].map(([victim, cycles]) => {
    const times = cycles.map(({ recoveredMs }) => recoveredMs);
    return [
      victim,
      String(cycles.length),
      sum(cycles, 'rows'),
      sum(cycles, 'lost'),
      sum(cycles, 'duplicated'),
      sum(cycles, 'failed'),
      seconds(median(times)),
      seconds(Math.max(...times)),
    ];
  }),
);

const text = `# Drills

\`npm run drill:workers -- --cycles ${values.cycles} --rows ${rows} --seed ${values.seed}${only === undefined ? '' : ` --victim '${only}'`} --write\` on ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}.
Two workers, a server and a Postgres execute one experiment after another (${rows} examples, 40 ms a call, ${callLimit} calls at once
on all machines together, a worker is lost after 3 s). At a random moment of each experiment one part is killed with \`kill -9\` and
started again; the rows are counted when the experiment has ended. All on one database.

${table}

Calls under way at once: ${result.mostCalls} at most, the limit was ${callLimit}. The times count the start of the new process, and the
3 seconds until shards of a lost worker wait again.
`;
console.log(text);
if (values.write) await writeFile(new URL('../docs/drills.md', import.meta.url), text);
const good = result.cycles.every(
  (cycle) => cycle.rows === rows && cycle.lost === 0 && cycle.duplicated === 0 && cycle.failed === 0,
);
process.exitCode = good && result.mostCalls <= callLimit ? 0 : 1;
