import { describeMetrics } from './build.ts';
import { ConfigError } from './errors.ts';
import type { FindingsSpec } from './findings-schema.ts';
import { type ClaimVerdict, type JudgedClaim, judgeClaim } from './judge-claim.ts';
import type { ClaimTerm } from './lib/parse-claim.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { PairedInput } from './paired-difference.ts';
import { readPairedInputs, stoppedEarly } from './read-finding.ts';
import type { ExperimentRecord, RunRecord, Store } from './store.ts';
import type { RunSummary } from './summarize-run.ts';

/** A findings file held against what was measured. JSON. */
export interface CheckedFinding {
  readonly name: string;
  readonly question: string;
  readonly experiment: { readonly id: string; readonly name: string; readonly configHash: string };
  /** Coverage of each claim's interval: 1 - alpha / number of claims. */
  readonly level: number;
  readonly claims: readonly JudgedClaim[];
  /** Where the measurement was not as planned, in words. */
  readonly departures: readonly string[];
  /** Refuted where one claim is, else inconclusive where one is. */
  readonly verdict: ClaimVerdict;
}

/** What claims can be about beside metrics. */
const measures = { 'latency-ms': 'latencies', tokens: 'tokens' } as const;
const isMeasure = (quantity: string): quantity is keyof typeof measures => Object.hasOwn(measures, quantity);

/** One at least. */
function runsOf(runs: readonly RunRecord[], variant: string): readonly [RunRecord, ...RunRecord[]] {
  const [first, ...others] = runs.filter(
    (run) => (run.spec as VariantSpec).group === variant || run.variant === variant,
  );
  if (first !== undefined) return [first, ...others];
  const known = [...new Set(runs.map((run) => (run.spec as VariantSpec).group))];
  throw new ConfigError(`claims: the experiment has no variant "${variant}". Known variants: ${known.join(', ')}`);
}

/**
 * Reads what a term is about, once for each variant and quantity. `anytime`: for intervals that hold whenever runs stop. Throws ConfigError
 * where the experiment does not measure it, or it has no such interval.
 */
function createReader(store: Store, runs: readonly RunRecord[], anytime: boolean) {
  const read = new Map<string, Promise<{ input: PairedInput; binary: boolean }>>();
  const order = anytime ? 'sample' : 'rows';

  function refuse(quantity: string): never {
    throw new ConfigError(
      `claims: "${quantity}" has no bounds, so that no interval for it holds where runs may stop early; claim scores from 0 to 1, or run all examples (without compare.stop and plan.sequential)`,
    );
  }

  async function readTerm({ quantity, variant }: ClaimTerm): Promise<{ input: PairedInput; binary: boolean }> {
    const own = runsOf(runs, variant);
    const specs = (own[0].spec as VariantSpec).metrics;
    if (isMeasure(quantity)) {
      if (anytime) refuse(quantity);
      const inputs = await readPairedInputs(store, variant, own, specs[0]?.name ?? '');
      return { input: inputs[measures[quantity]], binary: false };
    }
    const spec = specs.find(({ name }) => name === quantity);
    if (spec === undefined) {
      const known = [...specs.map(({ name }) => name), ...Object.keys(measures)];
      throw new ConfigError(`claims: variant "${variant}" has no "${quantity}". Known: ${known.join(', ')}`);
    }
    const [metric] = await describeMetrics([spec]);
    if (anytime && metric?.unit !== undefined) refuse(quantity);
    const { scores } = await readPairedInputs(store, variant, own, quantity, order);
    if (anytime && [...scores.scores.values()].some(({ cluster }) => cluster !== null))
      throw new ConfigError('plan.sequential: the examples come in clusters, which are not independent; leave it out');
    // Means of repeats are no longer 0 or 1.
    return { input: scores, binary: own.length === 1 && metric?.binary === true };
  }

  return (term: ClaimTerm) => {
    const key = `${term.quantity}(${term.variant})`;
    const known = read.get(key) ?? readTerm(term);
    read.set(key, known);
    return known;
  };
}

/** A run that was stopped early keeps a plan that allows it, as long as it might have gone on to the planned n. */
function lengthDeparture(run: RunRecord, plan: FindingsSpec['plan']): string[] {
  const { n } = run.summary as RunSummary;
  const most = plan.sequential ? (run.total ?? n) : n;
  if (most === plan.n) return [];
  if (plan.sequential) return [`${run.variant}: ${most} examples at most, planned ${plan.n}`];
  const stopped = stoppedEarly(run) ? ' (stopped early; a plan that allows it says sequential: true)' : '';
  return [`${run.variant}: ${n} examples, planned ${plan.n}${stopped}`];
}

function departuresOf({ plan, claims }: FindingsSpec, runs: readonly RunRecord[]): string[] {
  const variants = new Set(claims.flatMap(({ left, right }) => [left.variant, ...(right ? [right.variant] : [])]));
  const timed = claims.some(({ left }) => left.quantity === 'latency-ms');
  return [...variants].flatMap((variant) =>
    runsOf(runs, variant).flatMap((run) => {
      const { n, failed, cachedCalls } = run.summary as RunSummary;
      const share = n === 0 ? 0 : failed.total / n;
      return [
        ...lengthDeparture(run, plan),
        ...(share > plan.maxFailed
          ? [`${run.variant}: ${failed.total} of ${n} examples failed, planned at most ${100 * plan.maxFailed} %`]
          : []),
        ...(timed && cachedCalls > 0
          ? [`${run.variant}: ${cachedCalls} calls were answered from the cache: their latency is not this run's`]
          : []),
      ];
    }),
  );
}

/** Holds a findings file against the runs of one experiment, which must have finished. Throws ConfigError. */
export async function checkFinding(
  store: Store,
  spec: FindingsSpec,
  experiment: Pick<ExperimentRecord, 'id' | 'name' | 'configHash'>,
): Promise<CheckedFinding> {
  const runs = await store.listRuns(experiment.id);
  const open = runs.find(({ status }) => status !== 'finished');
  if (open !== undefined) {
    throw new ConfigError(
      `${spec.name}: run "${open.variant}" is ${open.status}; finish it with: forge resume ${experiment.id}`,
    );
  }
  const level = 1 - spec.plan.alpha / spec.claims.length;
  const anytime = spec.plan.sequential || runs.some(stoppedEarly);
  const read = createReader(store, runs, anytime);
  const claims: JudgedClaim[] = [];
  for (const claim of spec.claims) {
    const { input: left, binary } = await read(claim.left);
    if (anytime && claim.kind === 'ratio') {
      throw new ConfigError(
        `claims: "${claim.text}": no interval for a ratio holds where runs may stop early; claim a difference`,
      );
    }
    const right = claim.right === null ? null : await read(claim.right);
    const bothBinary = binary && right?.binary !== false;
    claims.push(judgeClaim(claim, { left, right: right?.input ?? null, binary: bothBinary, anytime }, level));
  }
  const worst = (['refuted', 'inconclusive'] as const).find((one) => claims.some(({ verdict }) => verdict === one));
  const { id, name, configHash } = experiment;
  return {
    name: spec.name,
    question: spec.question,
    experiment: { id, name, configHash },
    level,
    claims,
    departures: departuresOf(spec, runs),
    verdict: worst ?? 'supported',
  };
}
