'use client';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef } from 'react';
import { api, type VariantPlan } from '../../lib/api.ts';
import { count, duration } from '../../lib/format.ts';
import { Button, Loading, Section } from '../parts.tsx';
import type { Checks } from './use-checks.ts';

const probeExamples = 4;

interface Costs {
  readonly rows: number;
  /** Fewer where the experiment may stop early. */
  readonly rowsAtLeast: number;
  readonly calls: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly wallMs: number | undefined;
}

function costsOf(plan: VariantPlan): Costs {
  const { rows, rowsAtLeast, probe } = plan;
  if (probe === undefined || probe.examples === 0)
    return {
      rows,
      rowsAtLeast,
      calls: plan.calls,
      promptTokens: plan.promptTokens,
      completionTokens: plan.completionTokensAtMost,
      wallMs: undefined,
    };
  const times = rows / probe.examples;
  return {
    rows,
    rowsAtLeast,
    calls: probe.calls * times,
    promptTokens: probe.promptTokens * times,
    completionTokens: probe.completionTokens * times,
    wallMs: probe.wallMs * times,
  };
}

const total = (costs: readonly Costs[]): Costs =>
  costs.reduce((sum, one) => ({
    rows: sum.rows + one.rows,
    rowsAtLeast: sum.rowsAtLeast + one.rowsAtLeast,
    calls: sum.calls + one.calls,
    promptTokens: sum.promptTokens + one.promptTokens,
    completionTokens: sum.completionTokens + one.completionTokens,
    wallMs: sum.wallMs === undefined || one.wallMs === undefined ? undefined : sum.wallMs + one.wallMs,
  }));

const cell = 'px-2 py-1.5 text-end tabular-nums whitespace-nowrap';

function Cells({ costs, measured, effect }: { costs: Costs; measured: boolean; effect: ReactNode }) {
  return (
    <>
      <td className={cell}>
        {costs.rowsAtLeast < costs.rows ? `${count(costs.rowsAtLeast)} to ` : ''}
        {count(costs.rows)}
      </td>
      <td className={cell}>{count(costs.calls)}</td>
      <td className={cell}>~{count(costs.promptTokens)}</td>
      <td className={cell}>
        {measured ? '~' : '≤ '}
        {count(costs.completionTokens)}
      </td>
      {measured ? <td className={cell}>{costs.wallMs === undefined ? '' : `~${duration(costs.wallMs)}`}</td> : null}
      <td className={cell}>{effect}</td>
    </>
  );
}

function PlanTable({ plans, measured }: { plans: readonly VariantPlan[]; measured: boolean }) {
  const costs = plans.map(costsOf);
  const heads = ['Rows', 'Calls', 'Prompt tokens', 'Completion tokens', ...(measured ? ['Time'] : []), 'Detectable'];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, which the keyboard must be able to do
    <section aria-label="Plan by variant" tabIndex={0} className="relative overflow-x-auto">
      <table className="w-full text-xs">
        <thead className="text-muted">
          <tr>
            <th scope="col" className="px-2 py-1.5 text-start font-medium">
              Variant
            </th>
            {heads.map((head) => (
              <th key={head} scope="col" className="px-2 py-1.5 text-end align-bottom font-medium">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {plans.map((plan) => (
            <tr key={plan.variant} className="border-t border-line">
              <th scope="row" className="px-2 py-1.5 text-start font-medium break-words">
                {plan.variant}
              </th>
              <Cells
                costs={costsOf(plan)}
                measured={measured}
                effect={`${(100 * plan.detectableEffect).toFixed(1)} points`}
              />
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr className="border-t-2 border-line font-medium">
            <th scope="row" className="px-2 py-1.5 text-start">
              Total
            </th>
            <Cells costs={total(costs)} measured={measured} effect="" />
          </tr>
        </tfoot>
      </table>
    </section>
  );
}

/** What the experiment will cost, before anything is spent. */
export function PlanPanel({ source, checks }: { source: string; checks: Checks }) {
  const aborting = useRef<AbortController>(undefined);
  const probe = useMutation({
    mutationFn: async (text: string) => {
      aborting.current = new AbortController();
      const { variants } = await api.plan({ source: text, probe: probeExamples }, { signal: aborting.current.signal });
      return variants;
    },
  });
  useEffect(() => () => aborting.current?.abort(), []);

  const { plan, planError, planning } = checks;
  const ofThis = probe.variables === source;
  const measured = ofThis ? probe.data : undefined;
  const problem = planError ?? (ofThis && !aborting.current?.signal.aborted ? probe.error : null);
  const plans = measured ?? plan;
  return (
    <Section
      title="Plan"
      actions={
        probe.isPending ? (
          <Button onClick={() => aborting.current?.abort()}>Stop measuring</Button>
        ) : (
          <Button disabled={planning || plan === undefined} onClick={() => probe.mutate(source)}>
            Measure with {probeExamples} examples
          </Button>
        )
      }
    >
      {problem === null ? null : (
        <p role="alert" className="mb-3 rounded-md bg-wrong-soft px-3 py-2 break-words text-wrong">
          {problem.message}
        </p>
      )}
      {plans !== undefined && plans.length > 0 ? (
        <div aria-busy={planning}>
          <PlanTable plans={plans} measured={measured !== undefined} />
        </div>
      ) : planning && checks.validation?.ok !== false && checks.validationError === null ? (
        <Loading height={110} label="Making the plan" />
      ) : problem === null ? (
        <p className="text-muted">The plan comes when the text is valid.</p>
      ) : null}
      <p role="status" className="mt-2 text-xs text-muted">
        {probe.isPending
          ? `Measuring ${probeExamples} examples of each variant…`
          : measured !== undefined
            ? `Measured on ${probeExamples} examples, scaled.`
            : plans !== undefined && planning
              ? 'Of the text before.'
              : ''}
      </p>
      {plans?.some((plan) => plan.rowsAtLeast < plan.rows) ? (
        <p className="mt-1 text-xs text-muted">
          Ends as soon as the comparisons are settled, at the latest with all rows: costs are those of all rows.
        </p>
      ) : null}
      <p className="mt-1 text-xs text-muted">
        Detectable: the smallest true difference between two variants that would be found four times out of five.
      </p>
    </Section>
  );
}
