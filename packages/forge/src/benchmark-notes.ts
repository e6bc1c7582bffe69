import { unstableShare } from './benchmark-equivalence.ts';
import { type CellFigures, isReplay } from './benchmark-figures.ts';
import type { CellRows, CellRun, ExampleIndex } from './benchmark-rows.ts';
import type { BenchmarkSpec } from './benchmark-spec.ts';
import { bytes, cellLabel, listed, percent } from './benchmark-wording.ts';
import { fewClusters } from './statistics/estimate.ts';

/** A cell's figures with its rows. */
export interface CellPair {
  readonly figures: CellFigures;
  readonly rows: CellRows;
}

/** Under so few repetitions an interval of speeds is so wide that it says little: with two, 12.7 standard errors each way. */
const fewRepetitions = 3;

/** What cells say of themselves, each note once with the cells it is about. */
function ownNotes(pairs: readonly CellPair[]): string[] {
  const about = new Map<string, Set<string>>();
  for (const { figures, rows } of pairs) {
    for (const note of rows.repetitions.flatMap(({ use }) => use?.notes ?? []))
      about.set(note, (about.get(note) ?? new Set()).add(cellLabel(figures)));
  }
  return [...about].map(([note, labels]) => (labels.size === pairs.length ? note : `${listed([...labels])}: ${note}`));
}

function missingCells(
  pairs: readonly CellPair[],
  runs: readonly CellRun[],
  spec: Pick<BenchmarkSpec, 'methods' | 'optimisations'>,
) {
  const measured = new Set(pairs.map(({ figures }) => cellLabel(figures)));
  const missing = spec.methods.flatMap((method) =>
    spec.optimisations
      .map(({ name }) => cellLabel({ method, optimisation: name }))
      .filter((label) => !measured.has(label)),
  );
  const unfinished = runs.filter(({ run }) => run.status !== 'finished');
  return [
    ...(missing.length === 0 ? [] : [`not measured: ${listed(missing)}`]),
    ...(unfinished.length === 0
      ? []
      : [
          `left out, as not finished: ${listed(unfinished.map((one) => `${cellLabel(one)} #${one.repetition} (${one.run.status})`))}`,
        ]),
  ];
}

function cacheNotes({ figures, rows }: CellPair): string[] {
  if (figures.responseHitRate === 0) return [];
  const label = cellLabel(figures);
  const share = percent(figures.responseHitRate);
  const mixed = rows.repetitions.some((one) => one.cachedCalls > 0 && one.cachedCalls < one.calls);
  const latency =
    figures.latencyP50Ms === null
      ? 'it has no latency of its own'
      : 'its latency is that of the examples whose calls were all live';
  const replayed = isReplay(figures)
    ? '; its speed is that of repeated requests, so it takes no part in the frontier and the recommendations'
    : '';
  const tokens = mixed ? '; tokens of examples with both kinds of calls are shared out by their number' : '';
  return [`${label}: ${share} of its calls were answered from the response cache: ${latency}${replayed}${tokens}`];
}

function cellNotes({ figures, rows }: CellPair, index: ExampleIndex, repetitions: number): string[] {
  const label = cellLabel(figures);
  const unstable = unstableShare(rows, index);
  const gpu = Math.max(0, ...rows.repetitions.map(({ use }) => use?.peakGpuMemoryBytes ?? 0));
  const interrupted = rows.repetitions.filter((one) => one.interrupted).map((one) => one.repetition);
  const untimed = interrupted.length === rows.repetitions.length;
  return [
    ...(unstable === null || unstable === 0
      ? []
      : [`${label}: its own repetitions gave different answers to ${percent(unstable)} of the examples`]),
    ...(figures.failed === 0
      ? []
      : [`${label}: ${figures.failed} examples failed; they count as wrong and have no latency`]),
    ...(gpu === 0 ? [] : [`${label}: ${bytes(gpu)} of GPU memory at most`]),
    ...(interrupted.length === 0
      ? []
      : [
          `${label}: repetition ${listed(interrupted.map(String))} was interrupted, so its wall time is not known; ${untimed ? 'its speeds are too high' : 'its speed is left out'}`,
        ]),
    ...(rows.repetitions.length < repetitions
      ? [`${label}: ${rows.repetitions.length} of ${repetitions} repetitions`]
      : []),
    ...cacheNotes({ figures, rows }),
  ];
}

function dataNotes(pairs: readonly CellPair[], index: ExampleIndex): string[] {
  const sets = new Map<string, Set<string>>();
  for (const { figures, rows } of pairs) {
    for (const { run } of rows.repetitions) {
      const fingerprint = run.provenance?.datasetFingerprint ?? '';
      sets.set(fingerprint, (sets.get(fingerprint) ?? new Set()).add(figures.method));
    }
  }
  const named = new Set(index.clusters.filter((cluster) => cluster !== null)).size;
  return [
    ...(sets.size > 1
      ? [
          `methods were measured on different data: ${[...sets.values()].map((methods) => [...methods].join(', ')).join(' | ')}; frontier and recommendations compare them as if it were the same`,
        ]
      : []),
    ...(named > 0 && named < fewClusters
      ? [`only ${named} clusters of examples: clustered intervals are too narrow under ${fewClusters}`]
      : []),
  ];
}

/** What could not be measured and why, and what a reader must know of how the rest was. */
export function notesOf(
  pairs: readonly CellPair[],
  runs: readonly CellRun[],
  index: ExampleIndex,
  spec: Pick<BenchmarkSpec, 'methods' | 'optimisations' | 'repetitions' | 'pricing'>,
): string[] {
  const { repetitions, pricing } = spec;
  const few =
    repetitions === 1
      ? ['one repetition: speeds have no interval, and the frontier does not know how they vary']
      : repetitions < fewRepetitions
        ? [`only ${repetitions} repetitions: intervals of speeds are very wide`]
        : [];
  return [
    ...missingCells(pairs, runs, spec),
    ...dataNotes(pairs, index),
    ...few,
    ...(pricing === null ? ['no pricing: cost is told as seconds of wall time'] : []),
    ...pairs.flatMap((pair) => cellNotes(pair, index, repetitions)),
    ...ownNotes(pairs),
  ];
}
