import { ConfigError } from '../errors.ts';
import { comparisonText } from '../finding-text.ts';
import type { VariantSpec } from '../load-experiment.ts';
import { compareGroups } from '../read-finding.ts';
import type { RunRecord, Store } from '../store.ts';
import { findExperiment } from './find-experiment.ts';
import { openWorkspace } from './workspace.ts';

interface CompareOptions {
  readonly metric?: string;
  readonly minimumEffect: number;
  readonly json?: boolean;
}

interface Group {
  readonly label: string;
  readonly runs: readonly RunRecord[];
}

/** A run by id, or the runs of a variant as `<experiment>:<variant>`. Throws ConfigError. */
async function findGroup(store: Store, reference: string): Promise<Group> {
  const [experimentId = '', ...rest] = reference.split(':');
  if (rest.length === 0) {
    const run = await store.getRun(reference);
    if (run === null)
      throw new ConfigError(`no run "${reference}"; name a run id, or <experiment>:<variant> (forge list shows both)`);
    return { label: run.variant, runs: [run] };
  }
  const variant = rest.join(':');
  const experiment = await findExperiment(store, experimentId);
  const all = await store.listRuns(experiment.id);
  const runs = all.filter((run) => run.variant === variant || (run.spec as VariantSpec).group === variant);
  if (runs.length === 0) {
    throw new ConfigError(
      `experiment ${experiment.name} has no variant "${variant}". Known variants: ${all.map((run) => run.variant).join(', ')}`,
    );
  }
  return { label: `${experiment.name}:${variant}`, runs };
}

/** `forge compare`: runs of any experiments, paired by example. Throws ConfigError. */
export async function compare(references: readonly string[], options: CompareOptions): Promise<void> {
  if (references.length < 2 || references.length > 10)
    throw new ConfigError(`compare takes two to ten runs, not ${references.length}`);
  if (!(options.minimumEffect > 0 && options.minimumEffect <= 1))
    throw new ConfigError('--minimum-effect: must be above 0 and at most 1');
  const store = await openWorkspace().openStore();
  try {
    const groups: Group[] = [];
    for (const reference of references) groups.push(await findGroup(store, reference));
    const unfinished = groups.flatMap((group) => group.runs).find((run) => run.status !== 'finished');
    if (unfinished !== undefined)
      throw new ConfigError(
        `run ${unfinished.id} (${unfinished.variant}) is ${unfinished.status}; finish it with: forge resume ${unfinished.experimentId}`,
      );
    const metricsOf = (run: RunRecord) => (run.spec as VariantSpec).metrics.map((metric) => metric.name);
    const shared = metricsOf(groups[0]?.runs[0] as RunRecord).filter((name) =>
      groups.every((group) => group.runs.every((run) => metricsOf(run).includes(name))),
    );
    const metric = options.metric ?? shared[0];
    if (metric === undefined || !shared.includes(metric)) {
      throw new ConfigError(
        `--metric ${metric ?? ''}: not measured by all of these runs. Shared metrics: ${shared.join(', ') || 'none'}`,
      );
    }
    const result = await compareGroups(store, groups, { metric, alpha: 0.05, minimumEffect: options.minimumEffect });
    console.log(options.json ? JSON.stringify({ metric, ...result }, null, 2) : comparisonText(result));
  } finally {
    await store.close();
  }
}
