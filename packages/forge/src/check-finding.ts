import { describeMetrics } from './build.ts';
import { ConfigError } from './errors.ts';
import type { FindingSubject } from './finding-subject.ts';
import type { FindingsSpec } from './findings-schema.ts';
import { type ClaimVerdict, type JudgedClaim, judgeClaim } from './judge-claim.ts';
import type { ClaimTerm } from './lib/parse-claim.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { PairedInput } from './paired-difference.ts';
import { readPairedInputs, stoppedEarly } from './read-finding.ts';
import type { RunRecord, Store } from './store.ts';
import type { RunSummary } from './summarize-run.ts';

/** A findings file held against what was measured. JSON. */
export interface CheckedFinding {
  readonly name: string;
  readonly question: string;
  /** What it rests on. */
  readonly measured: Pick<FindingSubject, 'kind' | 'id' | 'name' | 'configHash'>;
  /** Coverage of each claim's interval: 1 - alpha / number of claims. */
  readonly level: number;
  readonly claims: readonly JudgedClaim[];
  /** Where the measurement was not as planned, in words. */
  readonly departures: readonly string[];
  /** Refuted where one claim is, else inconclusive where one is. */
  readonly verdict: ClaimVerdict;
}

/** What claims can be about beside metrics: per example, or (a rate) per run. */
const measures = { 'latency-ms': 'latencies', tokens: 'tokens' } as const;
const isMeasure = (quantity: string): quantity is keyof typeof measures => Object.hasOwn(measures, quantity);
const rate = 'examples-per-second';

/** One at least. */
function runsOf({ kind, variants }: FindingSubject, variant: string): readonly [RunRecord, ...RunRecord[]] {
  const [first, ...others] = variants.get(variant) ?? [];
  if (first !== undefined) return [first, ...others];
  throw new ConfigError(
    `claims: the ${kind} has no variant "${variant}". Known variants: ${[...variants.keys()].join(', ')}`,
  );
}

/** Answered examples per second of wall time, by the seed of the repeat: what ran with one seed is compared with one another. */
function ratesOf(subject: FindingSubject, variant: string, runs: readonly RunRecord[]): PairedInput {
  const perSecond = runs.map((run): [string, { score: number; cluster: null }] => {
    const { n, failed } = run.summary as RunSummary;
    return [
      String((run.spec as VariantSpec).seed),
      { score: (1000 * (n - failed.total)) / subject.wallMs(run), cluster: null },
    ];
  });
  return { label: variant, scores: new Map(perSecond) };
}

/**
 * Reads what a term is about, once for each variant and quantity. `anytime`: for intervals that hold whenever runs stop. Throws ConfigError
 * where it was not measured, or has no such interval.
 */
function createReader(store: Store, subject: FindingSubject, anytime: boolean) {
  const read = new Map<string, Promise<{ input: PairedInput; binary: boolean }>>();
  const order = anytime ? 'sample' : 'rows';

  function refuse(quantity: string): never {
    throw new ConfigError(
      `claims: "${quantity}" has no bounds, so that no interval for it holds where runs may stop early; claim scores from 0 to 1, or run all examples (without compare.stop and plan.sequential)`,
    );
  }

  async function readTerm({ quantity, variant }: ClaimTerm): Promise<{ input: PairedInput; binary: boolean }> {
    const own = runsOf(subject, variant);
    if (quantity === rate) {
      if (anytime) refuse(quantity);
      return { input: ratesOf(subject, variant, own), binary: false };
    }
    const specs = (own[0].spec as VariantSpec).metrics;
    if (isMeasure(quantity)) {
      if (anytime) refuse(quantity);
      const inputs = await readPairedInputs(store, variant, own, specs[0]?.name ?? '');
      return { input: inputs[measures[quantity]], binary: false };
    }
    const spec = specs.find(({ name }) => name === quantity);
    if (spec === undefined) {
      const known = [...specs.map(({ name }) => name), ...Object.keys(measures), rate];
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

/** The planned examples of a variant; a training plans them by evaluation. */
function plannedOf({ n }: FindingsSpec['plan'], variant: string): number {
  if (typeof n === 'number') return n;
  const evaluation = variant.split(':')[0] ?? '';
  const planned = n[evaluation];
  if (planned === undefined)
    throw new ConfigError(`plan.n: nothing is planned for "${evaluation}". Planned: ${Object.keys(n).join(', ')}`);
  return planned;
}

/** A run that was stopped early keeps a plan that allows it, as long as it might have gone on to the planned n. */
function lengthDeparture(run: RunRecord, planned: number, sequential: boolean): string[] {
  const { n } = run.summary as RunSummary;
  const most = sequential ? (run.total ?? n) : n;
  if (most === planned) return [];
  if (sequential) return [`${run.variant}: ${most} examples at most, planned ${planned}`];
  const stopped = stoppedEarly(run) ? ' (stopped early; a plan that allows it says sequential: true)' : '';
  return [`${run.variant}: ${n} examples, planned ${planned}${stopped}`];
}

function departuresOf({ plan, claims }: FindingsSpec, subject: FindingSubject): string[] {
  const variants = new Set(claims.flatMap(({ left, right }) => [left.variant, ...(right ? [right.variant] : [])]));
  const timed = claims.some(({ left }) => left.quantity === 'latency-ms' || left.quantity === rate);
  return [...variants].flatMap((variant) =>
    runsOf(subject, variant).flatMap((run) => {
      const { n, failed, cachedCalls } = run.summary as RunSummary;
      const share = n === 0 ? 0 : failed.total / n;
      return [
        ...lengthDeparture(run, plannedOf(plan, variant), plan.sequential),
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

/** Holds a findings file against what it speaks of, measured to its end. Throws ConfigError. */
export async function checkFinding(store: Store, spec: FindingsSpec, subject: FindingSubject): Promise<CheckedFinding> {
  const level = 1 - spec.plan.alpha / spec.claims.length;
  const anytime = spec.plan.sequential || [...subject.variants.values()].flat().some(stoppedEarly);
  const read = createReader(store, subject, anytime);
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
  const { kind, id, name, configHash } = subject;
  return {
    name: spec.name,
    question: spec.question,
    measured: { kind, id, name, configHash },
    level,
    claims,
    departures: departuresOf(spec, subject),
    verdict: worst ?? 'supported',
  };
}
