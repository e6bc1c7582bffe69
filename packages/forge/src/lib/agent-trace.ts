import { z } from 'zod';
import type { Step } from '../method.ts';
import type { AgentLimit, ToolErrorKind, ToolUse } from '../tool.ts';

export const toolErrorKinds = [
  'unknown-tool',
  'bad-arguments',
  'failed',
  'timeout',
  'refused',
  'unparsable',
  'repeated',
] as const satisfies readonly ToolErrorKind[];

const agentLimits = ['steps', 'tokens', 'seconds', 'repeats', 'unparsable'] as const satisfies readonly AgentLimit[];

const ms = z.number().nonnegative();
const tokens = z.int().nonnegative();

/**
 * One step of an agent, as stored in an example's steps: what the model thought, which tool it asked, what came back.
 * Times are counted from the start of the example, without waits for a free place; a cached call has its original time.
 */
const agentStep = z.object({
  kind: z.enum(['tool', 'answer', 'stopped']),
  /** The observation, the answer, or what the model wrote last. */
  text: z.string(),
  /** 1-based number of the model's turn; several tools of one turn share it. */
  turn: z.int().min(1),
  thought: z.string(),
  startedMs: ms,
  /** Of the model's call; 0 on all but the first step of a turn. */
  modelMs: ms,
  toolMs: ms.optional(),
  promptTokens: tokens,
  /** Of the prompt tokens, those that were not prefilled again. */
  cachedTokens: tokens,
  completionTokens: tokens,
  /** As the model named it, whether there is such a tool or not. */
  tool: z.string().optional(),
  /** As the tool got them; what the model wrote where that could not be read. */
  arguments: z.unknown().optional(),
  error: z.enum(toolErrorKinds).optional(),
  limit: z.enum(agentLimits).optional(),
});
export type AgentStep = z.infer<typeof agentStep>;

/** null for a method that is no agent. */
export function toolUseOf(steps: readonly Step[]): ToolUse | null {
  const trace = agentSteps(steps);
  if (trace.length === 0) return null;
  const limit = trace.at(-1)?.limit;
  return {
    turns: Math.max(...trace.map(({ turn }) => turn)),
    calls: trace
      .filter(({ kind }) => kind === 'tool')
      .map(({ tool, error }) => ({
        ...(tool === undefined ? {} : { tool: tool.slice(0, 64) }),
        ...(error === undefined ? {} : { error }),
      })),
    ...(limit === undefined ? {} : { limit }),
  };
}

/** The steps of an agent among all steps of an example (those of metrics are left out). */
export function agentSteps(steps: readonly Step[]): readonly AgentStep[] {
  return steps.flatMap((step) => {
    const parsed = agentStep.safeParse(step);
    return parsed.success ? [parsed.data] : [];
  });
}
