import type { RunSummary, TableRow } from './api.ts';

export type ToolFigures = NonNullable<RunSummary['tools']>;
type ToolUse = NonNullable<TableRow['toolUse']>;

/** `calculator ×2, search`: in the order in which they were first called. */
export function calledTools({ calls }: ToolUse): string {
  const counts = new Map<string, number>();
  for (const { tool } of calls) if (tool !== undefined) counts.set(tool, (counts.get(tool) ?? 0) + 1);
  const names = [...counts].map(([tool, times]) => (times === 1 ? tool : `${tool} ×${times}`));
  return names.length === 0 ? 'no tool' : names.join(', ');
}

/** What went wrong on the way; empty where nothing did. */
export function troubleOf({ calls, limit }: ToolUse): string {
  const failed = calls.filter(({ error }) => error !== undefined).length;
  return [...(failed > 0 ? [`${failed} failed`] : []), ...(limit === undefined ? [] : [`limit: ${limit}`])].join(', ');
}

/** Calls of one variant to one tool that came out one way. */
export interface CallCount {
  readonly runId: string;
  readonly variant: string;
  /** What stands at the bar. */
  readonly label: string;
  /** Not where no tool of that name is there, or none was named. */
  readonly tool?: string;
  /** Kind of failure; not where the call came to something. */
  readonly error?: string;
  readonly calls: number;
}

interface AgentRun {
  readonly id: string;
  readonly variant: string;
  readonly tools: ToolFigures;
}

/** Failures that no tool has a part in; everything else stands with its tool. */
const withoutTool = { 'unknown-tool': 'no such tool', unparsable: 'unreadable step' } as const;

/** Every call of every variant once, by tool and by how it came out. */
export function callCounts(runs: readonly AgentRun[]): CallCount[] {
  return runs.flatMap(({ id, variant, tools }) => {
    const about = { runId: id, variant };
    const called = Object.entries(tools.byTool).flatMap(([tool, { calls, errors }]): CallCount[] => {
      const failures = Object.entries(errors);
      const worked = calls - failures.reduce((sum, [, n]) => sum + n, 0);
      return [
        ...(worked > 0 ? [{ ...about, label: tool, tool, calls: worked }] : []),
        ...failures.map(([error, n]) => ({ ...about, label: tool, tool, error, calls: n })),
      ];
    });
    const rest = Object.entries(withoutTool).flatMap(([error, label]): CallCount[] => {
      const n = tools.byError[error] ?? 0;
      return n === 0 ? [] : [{ ...about, label, error, calls: n }];
    });
    return [...called, ...rest];
  });
}

/** `12: 8 failed, 4 unknown-tool`. */
export function failedCallsText({ failed, byError }: ToolFigures): string {
  const kinds = Object.entries(byError).map(([kind, n]) => `${n} ${kind}`);
  return kinds.length === 0 ? '0' : `${failed}: ${kinds.join(', ')}`;
}

/** `3: 2 steps, 1 tokens`, by the limit that was reached. */
export function limitsText({ byLimit }: ToolFigures): string {
  const limits = Object.entries(byLimit);
  const total = limits.reduce((sum, [, n]) => sum + n, 0);
  return total === 0 ? '0' : `${total}: ${limits.map(([limit, n]) => `${n} ${limit}`).join(', ')}`;
}

/** A total as a mean over examples, two digits. */
export const perExample = (total: number, { examples }: ToolFigures) => (total / examples).toFixed(2);
