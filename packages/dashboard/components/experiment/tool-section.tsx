'use client';
import type { Run } from '../../lib/api.ts';
import { count } from '../../lib/format.ts';
import { type CallCount, callCounts, limitsText, perExample, type ToolFigures } from '../../lib/tool-use.ts';
import { useUrlState } from '../../lib/url-state.ts';
import { Section } from '../parts.tsx';
import { ToolBars } from './tool-bars.tsx';

interface Agent {
  readonly id: string;
  readonly variant: string;
  readonly tools: ToolFigures;
}

const linkClass = 'rounded text-start text-accent hover:underline';
const headClass = 'py-2 pe-4 text-start font-medium whitespace-nowrap';

/** Per example, and how examples ended. */
function AgentsTable({ agents }: { agents: readonly Agent[] }) {
  const heads = ['Variant', 'Examples', 'Turns per example', 'Calls per example', 'Failed', 'Ended by a limit'];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label="Agents" className="overflow-x-auto">
      <table className="w-full border-collapse">
        <thead>
          <tr className="border-b border-line text-xs text-muted">
            {heads.map((head) => (
              <th key={head} scope="col" className={headClass}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="tabular-nums">
          {agents.map(({ id, variant, tools }) => (
            <tr key={id} className="border-b border-line last:border-0">
              <th scope="row" className="py-1.5 pe-4 text-start font-normal whitespace-nowrap">
                {variant}
              </th>
              {[
                count(tools.examples),
                perExample(tools.turns, tools),
                perExample(tools.calls, tools),
                count(tools.failed),
                limitsText(tools),
              ].map((value, i) => (
                <td key={heads[i + 1]} className="py-1.5 pe-4 whitespace-nowrap">
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What the pictures show, as a table whose entries lead to the examples. */
function CallsTable({ counts, onPick }: { counts: readonly CallCount[]; onPick: (picked: CallCount) => void }) {
  const rows = Map.groupBy(counts, ({ runId, label }) => `${runId} ${label}`);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label="Calls by tool and outcome" className="overflow-x-auto">
      <table className="w-full border-collapse">
        <thead>
          <tr className="border-b border-line text-xs text-muted">
            {['Variant', 'Tool', 'Calls', 'Ok', 'Failed'].map((head) => (
              <th key={head} scope="col" className={headClass}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="tabular-nums">
          {[...rows].map(([key, of]) => {
            const first = of[0] as CallCount;
            const { error: _, ...tool } = first;
            const failures = of.filter(({ error }) => error !== undefined);
            return (
              <tr key={key} className="border-b border-line align-top last:border-0">
                <td className="py-1.5 pe-4 whitespace-nowrap">{first.variant}</td>
                <th scope="row" className="py-1.5 pe-4 text-start font-normal whitespace-nowrap">
                  <button
                    type="button"
                    className={linkClass}
                    onClick={() => onPick(first.tool === undefined ? first : tool)}
                  >
                    {first.label}
                  </button>
                </th>
                <td className="py-1.5 pe-4">{count(of.reduce((sum, { calls }) => sum + calls, 0))}</td>
                <td className="py-1.5 pe-4">{count(of.find(({ error }) => error === undefined)?.calls ?? 0)}</td>
                <td className="py-1.5">
                  {failures.length === 0 ? '0' : null}
                  <ul className="flex gap-x-4 whitespace-nowrap">
                    {failures.map((failure) => (
                      <li key={failure.error}>
                        <button type="button" className={linkClass} onClick={() => onPick(failure)}>
                          {failure.error} {count(failure.calls)}
                        </button>
                      </li>
                    ))}
                  </ul>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** Only where agents were at work: which tools they called, and what came of it. */
export function ToolSection({ runs }: { runs: readonly Run[] }) {
  const { set } = useUrlState();
  const agents = runs.flatMap(({ id, variant, summary }) =>
    summary?.tools == null ? [] : [{ id, variant, tools: summary.tools }],
  );
  if (agents.length === 0) return null;
  const counts = callCounts(agents);
  const failures = counts.filter(({ error }) => error !== undefined);
  function showExamples({ runId, tool, error }: CallCount) {
    set({
      run: runId,
      tool,
      toolError: error,
      outcome: undefined,
      search: undefined,
      example: undefined,
      step: undefined,
    });
    const examples = document.getElementById('examples');
    examples?.scrollIntoView();
    examples?.focus({ preventScroll: true });
  }
  return (
    <Section title="Tool use">
      <div className="grid grid-cols-1 gap-5">
        <AgentsTable agents={agents} />
        <div className={`grid grid-cols-1 items-start gap-5 ${failures.length === 0 ? '' : 'lg:grid-cols-2'}`}>
          {counts.length === 0 ? (
            <p className="text-muted">No tool was called.</p>
          ) : (
            <ToolBars title="Calls by tool" fileName="tool-calls" counts={counts} by="label" onPick={showExamples} />
          )}
          {failures.length === 0 ? null : (
            <ToolBars
              title="Failures by kind"
              fileName="tool-failures"
              counts={failures}
              by="error"
              onPick={({ tool: _, ...failure }) => showExamples(failure)}
            />
          )}
        </div>
        <div>
          <CallsTable counts={counts} onPick={showExamples} />
          <p className="mt-2 text-xs text-muted">
            {failures.length === 0 ? 'No call failed. ' : ''}A bar, a tool or a failure leads to its examples below.
          </p>
        </div>
      </div>
    </Section>
  );
}
