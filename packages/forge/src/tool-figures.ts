import type { ToolUse } from './tool.ts';

/** The tool calls of a run. JSON. */
export interface ToolFigures {
  /** Examples with a trace. */
  readonly examples: number;
  /** Turns of the model, over all examples. */
  readonly turns: number;
  /** Calls, failed ones too; steps that could not be read are not calls. */
  readonly calls: number;
  /** Calls and unreadable steps that came to nothing. */
  readonly failed: number;
  readonly byTool: Readonly<
    Record<string, { readonly calls: number; readonly errors: Readonly<Record<string, number>> }>
  >;
  /** Also of what is no call of a tool that there is. */
  readonly byError: Readonly<Record<string, number>>;
  /** Examples that a limit ended. */
  readonly byLimit: Readonly<Record<string, number>>;
}

const add = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
const sorted = <T>(map: ReadonlyMap<string, T>): Record<string, T> =>
  Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));

/** Adds up the tool use of a run, example by example. */
export function toolCounter() {
  const totals = { examples: 0, turns: 0, calls: 0, failed: 0 };
  // Maps, because a tool may have any name.
  const byTool = new Map<string, { calls: number; errors: Map<string, number> }>();
  const byError = new Map<string, number>();
  const byLimit = new Map<string, number>();

  function addCall({ tool, error }: ToolUse['calls'][number]): void {
    if (tool !== undefined) totals.calls++;
    if (error !== undefined) {
      totals.failed++;
      add(byError, error);
    }
    // A model can make up any number of names.
    if (tool === undefined || error === 'unknown-tool') return;
    const of = byTool.get(tool) ?? { calls: 0, errors: new Map() };
    byTool.set(tool, of);
    of.calls++;
    if (error !== undefined) add(of.errors, error);
  }

  return {
    add({ turns, calls, limit }: ToolUse): void {
      totals.examples++;
      totals.turns += turns;
      for (const call of calls) addCall(call);
      if (limit !== undefined) add(byLimit, limit);
    },
    /** null where nothing was added. */
    figures(): ToolFigures | null {
      if (totals.examples === 0) return null;
      const tools = [...byTool].map(([name, { calls, errors }]) => [name, { calls, errors: sorted(errors) }] as const);
      return { ...totals, byTool: sorted(new Map(tools)), byError: sorted(byError), byLimit: sorted(byLimit) };
    },
  };
}
