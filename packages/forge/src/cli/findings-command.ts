import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { type CheckedFinding, checkFinding } from '../check-finding.ts';
import { ConfigError } from '../errors.ts';
import { loadFindings } from '../findings-schema.ts';
import { checkedFindingText } from '../findings-text.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { lockPathOf, readLock } from '../lib/lock-file.ts';
import { loadExperiment, storedForm } from '../load-experiment.ts';
import type { ExperimentRecord, Store } from '../store.ts';
import type { LogChoice } from './logging.ts';
import { ExitCode } from './report-error.ts';
import { execute, startWorkspace } from './run-command.ts';

interface FindingsOptions extends LogChoice {
  readonly rerun?: boolean;
  readonly json?: boolean;
}

const folder = 'findings';

async function allFiles(): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  if (files.length === 0)
    throw new ConfigError(
      `no findings: name files, or put them into ${folder}/ (forge findings check ${folder}/x.yaml)`,
    );
  return files.map((name) => join(folder, name));
}

/** The newest finished experiment of this configuration. */
async function measuredBefore(store: Store, name: string, configHash: string): Promise<ExperimentRecord | undefined> {
  let after: string | undefined;
  do {
    const page = await store.listExperiments(
      { text: name, status: 'finished' },
      { limit: 100, ...(after === undefined ? {} : { after }) },
    );
    const found = page.items.find((one) => one.configHash === configHash);
    if (found !== undefined) return found;
    after = page.next ?? undefined;
  } while (after !== undefined);
  return undefined;
}

/** Every experiment is measured once, however many findings speak of it. */
function createMeasurements(
  store: Store,
  started: ReturnType<typeof startWorkspace>,
  options: { readonly rerun: boolean; readonly onStart: (metric: string) => void },
) {
  const { rerun, onStart } = options;
  const known = new Map<string, Promise<ExperimentRecord>>();

  async function measure(file: string): Promise<ExperimentRecord> {
    const loaded = await loadExperiment(file);
    const variants = loaded.spec.variants.map((one) => ({ ...one, cache: one.cache && !rerun }));
    const spec = { ...loaded.spec, variants };
    const wanted = { ...loaded, spec, configHash: contentHash(spec) };
    const earlier = rerun ? undefined : await measuredBefore(store, spec.name, wanted.configHash);
    if (earlier !== undefined) return earlier;
    onStart(spec.compare.metric);
    const path = lockPathOf(file);
    const { experiment, runs } = await store.createExperiment(storedForm(wanted));
    const lock = { lock: await readLock(path), path };
    await execute(store, { experiment, runs, lock }, started);
    return experiment;
  }

  return (file: string) => {
    const measured = known.get(file) ?? measure(file);
    known.set(file, measured);
    return measured;
  };
}

/** Exit code 4 where a finding is refuted or its plan was not kept, else 5 where one is inconclusive. */
function endWith(checked: readonly CheckedFinding[]): void {
  if (checked.some(({ verdict, departures }) => verdict === 'refuted' || departures.length > 0)) throw new ExitCode(4);
  if (checked.some(({ verdict }) => verdict === 'inconclusive')) throw new ExitCode(5);
}

export async function checkFindings(given: readonly string[], options: FindingsOptions): Promise<void> {
  const files = given.length > 0 ? given : await allFiles();
  // All are read before anything runs: a typing error in the last one must not cost the runs of the first.
  const findings = [];
  for (const file of files) {
    const spec = await loadFindings(file);
    const experimentFile = relative('.', resolve(dirname(file), spec.experiment));
    await loadExperiment(experimentFile);
    findings.push({ spec, experimentFile });
  }
  let metric = '';
  const started = startWorkspace(() => metric, options);
  const store = await started.workspace.openStore();
  try {
    const measured = createMeasurements(store, started, {
      rerun: options.rerun === true,
      onStart: (name) => {
        metric = name;
      },
    });
    const checked: CheckedFinding[] = [];
    for (const { spec, experimentFile } of findings) {
      const finding = await checkFinding(store, spec, await measured(experimentFile));
      checked.push(finding);
      if (!options.json) console.log(`${checkedFindingText(finding)}\n`);
    }
    if (options.json) console.log(JSON.stringify(checked, null, 2));
    endWith(checked);
  } finally {
    await store.close();
  }
}
