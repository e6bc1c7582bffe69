import type { Result } from './api.ts';

const kinds = ['tool', 'answer', 'stopped'] as const;

/**
 * One step of an agent as an example keeps it: what the model thought, which tool it asked, what came back. Times in ms from the
 * start of the example.
 */
export interface AgentStep {
  readonly kind: (typeof kinds)[number];
  /** The observation, the answer, or what the model wrote last. */
  readonly text: string;
  /** 1-based; several tools of one turn share it. */
  readonly turn: number;
  readonly thought: string;
  readonly startedMs: number;
  /** Time and tokens of the model's call stand with the first step of a turn. */
  readonly modelMs: number;
  readonly toolMs?: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly tool?: string;
  readonly arguments?: unknown;
  readonly error?: string;
  readonly limit?: string;
  /** Whether the model was asked for this step, not for an earlier one of its turn. */
  readonly startsTurn: boolean;
}

const numberOf = (value: unknown) => (typeof value === 'number' && value >= 0 ? value : 0);
const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined);

type Step = Result['steps'][number];

const isAgentStep = (step: Step) =>
  kinds.some((kind) => kind === step.kind) && typeof step.turn === 'number' && typeof step.startedMs === 'number';

/** The steps of an agent among all steps of an example, in order. */
export function agentStepsOf(steps: readonly Step[]): AgentStep[] {
  const seen = new Set<number>();
  return steps.filter(isAgentStep).map((step) => {
    const turn = numberOf(step.turn);
    const startsTurn = !seen.has(turn);
    seen.add(turn);
    const ofModel = (value: unknown) => (startsTurn ? numberOf(value) : 0);
    return {
      kind: step.kind as AgentStep['kind'],
      text: step.text,
      turn,
      thought: startsTurn ? (textOf(step.thought) ?? '') : '',
      startedMs: numberOf(step.startedMs),
      modelMs: ofModel(step.modelMs),
      toolMs: typeof step.toolMs === 'number' ? numberOf(step.toolMs) : undefined,
      promptTokens: ofModel(step.promptTokens),
      cachedTokens: ofModel(step.cachedTokens),
      completionTokens: ofModel(step.completionTokens),
      tool: textOf(step.tool),
      arguments: step.arguments,
      error: textOf(step.error),
      limit: textOf(step.limit),
      startsTurn,
    };
  });
}

/** What is no step of an agent. */
export const otherSteps = (steps: readonly Step[]) => steps.filter((step) => !isAgentStep(step));

const errorTexts: Readonly<Record<string, string>> = {
  'unknown-tool': 'The model named a tool that there is not.',
  'bad-arguments': 'The arguments are not what the tool takes; it was not called.',
  failed: 'The tool was called and could not answer.',
  timeout: 'The tool did not answer within its time.',
  refused: 'The configuration does not allow this call.',
  unparsable: 'What the model wrote is neither an action nor an answer.',
  repeated: 'The same call was made before; it was not made again.',
};

/** In plain words. */
export const errorText = (kind: string) => errorTexts[kind] ?? 'The call came to nothing.';

const limitTexts: Readonly<Record<string, string>> = {
  steps: 'it had used all the turns that it is allowed (maxSteps)',
  tokens: 'it had written all the tokens that it is allowed (maxTotalTokens)',
  seconds: 'its time was up (maxSeconds)',
  repeats: 'it made the same call again and again (maxRepeats)',
  unparsable: 'for a second time it wrote a step that cannot be read',
};

/** The agent was stopped because ... */
export const limitText = (limit: string) => limitTexts[limit] ?? `it reached a limit (${limit})`;

/** What a step is called in lists: its tool, or what it is. */
export function stepName({ kind, tool }: AgentStep): string {
  if (kind === 'answer') return 'answer';
  if (kind === 'stopped') return 'stopped';
  return tool ?? 'unreadable step';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Arguments as a person reads them: indented JSON, or what the model wrote where it is none. */
export function argumentsText(given: unknown): string {
  if (given === undefined) return '';
  const value = typeof given === 'string' && /^\s*[{[]/.test(given) ? parsed(given) : given;
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
