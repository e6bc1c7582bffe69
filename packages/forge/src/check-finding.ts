import { describeMetrics } from './build.ts';
import { ConfigError } from './errors.ts';
import type { FindingsSpec } from './findings-schema.ts';
import { type ClaimVerdict, type JudgedClaim, judgeClaim } from './judge-claim.ts';
import type { ClaimTerm } from './lib/parse-claim.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { PairedInput } from './paired-difference.ts';
import { readPairedInputs } from './read-finding.ts';
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

/** Reads what a term is about, once for each variant and quantity. Throws ConfigError where the experiment does not measure it. */
function createReader(store: Store, runs: readonly RunRecord[]) {
  const read = new Map<string, Promise<{ input: PairedInput; binary: boolean }>>();

  async function readTerm({ quantity, variant }: ClaimTerm): Promise<{ input: PairedInput; binary: boolean }> {
    const own = runsOf(runs, variant);
    const specs = (own[0].spec as VariantSpec).metrics;
    if (isMeasure(quantity)) {
      const inputs = await readPairedInputs(store, variant, own, specs[0]?.name ?? '');
      return { input: inputs[measures[quantity]], binary: false };
    }
    const spec = specs.find(({ name }) => name === quantity);
    if (spec === undefined) {
      const known = [...specs.map(({ name }) => name), ...Object.keys(measures)];
      throw new ConfigError(`claims: variant "${variant}" has no "${quantity}". Known: ${known.join(', ')}`);
    }
    const [metric] = await describeMetrics([spec]);
    const { scores } = await readPairedInputs(store, variant, own, quantity);
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

function departuresOf({ plan, claims }: FindingsSpec, runs: readonly RunRecord[]): string[] {
  const variants = new Set(claims.flatMap(({ left, right }) => [left.variant, ...(right ? [right.variant] : [])]));
  const timed = claims.some(({ left }) => left.quantity === 'latency-ms');
  return [...variants].flatMap((variant) =>
    runsOf(runs, variant).flatMap((run) => {
      const { n, failed, cachedCalls } = run.summary as RunSummary;
      const share = n === 0 ? 0 : failed.total / n;
      return [
        ...(n === plan.n ? [] : [`${run.variant}: ${n} examples, planned ${plan.n}`]),
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
  const read = createReader(store, runs);
  const claims: JudgedClaim[] = [];
  for (const claim of spec.claims) {
    const { input: left, binary } = await read(claim.left);
    const right = claim.right === null ? null : await read(claim.right);
    const bothBinary = binary && right?.binary !== false;
    claims.push(judgeClaim(claim, { left, right: right?.input ?? null, binary: bothBinary }, level));
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
