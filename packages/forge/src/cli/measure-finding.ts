import { benchmarkSubject, experimentSubject, type FindingSubject, trainingSubject } from '../finding-subject.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { lockPathOf, readLock } from '../lib/lock-file.ts';
import { loadBenchmark } from '../load-benchmark.ts';
import { loadExperiment, storedForm } from '../load-experiment.ts';
import { loadTraining, storedTraining } from '../load-training.ts';
import type { Page } from '../page.ts';
import type { Store } from '../store.ts';
import { executeStoredBenchmark, storeBenchmark } from './bench-command.ts';
import type { LogChoice } from './logging.ts';
import { execute, type startWorkspace } from './run-command.ts';
import { executeStoredTraining } from './train-command.ts';

interface MeasureOptions extends LogChoice {
  /** Measure anew what is stored already. */
  readonly rerun?: boolean;
  /** Told the deciding metric of an experiment before it runs. */
  onStart(metric: string): void;
}

/** A file that a finding names, read. */
export type FindingSource =
  | { readonly kind: 'experiment'; readonly file: string; readonly loaded: Awaited<ReturnType<typeof loadExperiment>> }
  | { readonly kind: 'training'; readonly file: string; readonly loaded: Awaited<ReturnType<typeof loadTraining>> }
  | { readonly kind: 'benchmark'; readonly file: string; readonly loaded: Awaited<ReturnType<typeof loadBenchmark>> };

/** Throws ConfigError. */
export async function loadSource(kind: FindingSource['kind'], file: string): Promise<FindingSource> {
  if (kind === 'experiment') return { kind, file, loaded: await loadExperiment(file) };
  if (kind === 'training') return { kind, file, loaded: await loadTraining(file) };
  return { kind, file, loaded: await loadBenchmark(file) };
}

/** The first item, newest first, that fits. */
async function firstOf<Item>(
  list: (page: { limit: number; after?: string }) => Promise<Page<Item>>,
  fits: (item: Item) => boolean,
): Promise<Item | undefined> {
  let after: string | undefined;
  do {
    const page = await list({ limit: 100, ...(after === undefined ? {} : { after }) });
    const found = page.items.find(fits);
    if (found !== undefined) return found;
    after = page.next ?? undefined;
  } while (after !== undefined);
  return undefined;
}

/**
 * Measures what findings speak of: read again where it is stored, finished, with this very configuration, else executed first. Each file is
 * measured once, however many findings speak of it.
 */
export function createMeasurements(
  store: Store,
  started: ReturnType<typeof startWorkspace>,
  options: MeasureOptions,
): (source: FindingSource) => Promise<FindingSubject> {
  const { rerun = false, onStart } = options;
  const { workspace } = started;
  const known = new Map<string, Promise<FindingSubject>>();

  async function measureExperiment({ file, loaded }: FindingSource & { kind: 'experiment' }): Promise<FindingSubject> {
    const variants = loaded.spec.variants.map((one) => ({ ...one, cache: one.cache && !rerun }));
    const spec = { ...loaded.spec, variants };
    const wanted = { ...loaded, spec, configHash: contentHash(spec) };
    const earlier = rerun
      ? undefined
      : await firstOf(
          (page) => store.listExperiments({ text: spec.name, status: 'finished' }, page),
          (one) => one.configHash === wanted.configHash,
        );
    if (earlier !== undefined) return experimentSubject(store, earlier);
    onStart(spec.compare.metric);
    const path = lockPathOf(file);
    const { experiment, runs } = await store.createExperiment(storedForm(wanted));
    const lock = { lock: await readLock(path), path };
    await execute(store, { experiment, runs, lock }, started);
    return experimentSubject(store, experiment);
  }

  async function measureTraining({ loaded }: FindingSource & { kind: 'training' }): Promise<FindingSubject> {
    const isIt = (one: { configHash: string; report: unknown }) =>
      one.configHash === loaded.configHash && one.report !== null;
    const earlier = rerun ? undefined : await firstOf((page) => store.listTrainings(page), isIt);
    if (earlier !== undefined) return trainingSubject(store, earlier);
    const { training } = await store.createTraining(storedTraining(loaded));
    return trainingSubject(store, await executeStoredTraining(store, training.id, workspace, options));
  }

  async function measureBenchmark({ loaded }: FindingSource & { kind: 'benchmark' }): Promise<FindingSubject> {
    const isIt = (one: { configHash: string; report: unknown }) =>
      one.configHash === loaded.configHash && one.report !== null;
    const earlier = rerun ? undefined : await firstOf((page) => store.listBenchmarks(page), isIt);
    if (earlier !== undefined) return benchmarkSubject(store, earlier);
    const id = await storeBenchmark(store, loaded);
    return benchmarkSubject(store, await executeStoredBenchmark(store, id, workspace, options));
  }

  const measure = (source: FindingSource): Promise<FindingSubject> => {
    if (source.kind === 'experiment') return measureExperiment(source);
    return source.kind === 'training' ? measureTraining(source) : measureBenchmark(source);
  };
  return (source) => {
    const measured = known.get(source.file) ?? measure(source);
    known.set(source.file, measured);
    return measured;
  };
}
