import type { Generation, ToolCall } from '../../engine.ts';
import type { AgentStep } from '../../lib/agent-trace.ts';
import { callTool, type ToolResult } from '../../lib/call-tool.ts';
import type { MethodContext, PredictionFlag } from '../../method.ts';
import type { AgentLimit, Tool } from '../../tool.ts';
import type { Dialogue, Turn } from './dialogue.ts';

export interface Limits {
  readonly maxSteps: number;
  readonly maxTotalTokens: number;
  readonly maxSeconds: number;
  readonly toolSeconds: number;
  readonly maxObservationChars: number;
  readonly maxRepeats: number;
}

/** The tools of all entries of a config together. */
export interface Toolbox {
  readonly tools: readonly Tool[];
  readonly secrets: readonly string[];
}

export interface AgentRun {
  /** Empty where a limit ended it. */
  readonly answer: string;
  readonly steps: readonly AgentStep[];
  readonly flags: readonly PredictionFlag[];
}

const howToWrite = 'error: write either "Action: tool[input]" or "Answer: ..."';
const askedBefore = 'error: this was asked before, and the answer is the same; try something else';

type Asked = Pick<AgentStep, 'turn' | 'thought' | 'modelMs' | 'promptTokens' | 'cachedTokens' | 'completionTokens'>;

function askedBy(turn: number, thought: string, { usage, timing }: Generation): Asked {
  return {
    turn,
    thought,
    // A wait for a free place in the engine is not the agent's time.
    modelMs: Math.max(0, timing.totalMs - timing.queuedMs),
    promptTokens: usage.promptTokens,
    cachedTokens: usage.cachedPromptTokens,
    completionTokens: usage.completionTokens,
  };
}

/** The share of a further step of a turn: the model's is with the first. */
const laterIn = (turn: number): Asked => ({
  turn,
  thought: '',
  modelMs: 0,
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
});

/** Asks the model, calls tools, hands back what they say, until there is an answer or a limit is reached. */
export async function runAgent(
  dialogue: Dialogue,
  toolbox: Toolbox,
  limits: Limits,
  context: MethodContext,
): Promise<AgentRun> {
  const steps: AgentStep[] = [];
  const flags = new Set<PredictionFlag>();
  const asked = new Map<string, number>();
  let unparsable = 0;
  let tokens = 0;
  let elapsedMs = 0;
  const leftMs = () => limits.maxSeconds * 1000 - elapsedMs;

  function stopped(limit: AgentLimit, text: string, about: Asked): AgentRun {
    steps.push({ kind: 'stopped', text, limit, startedMs: elapsedMs, ...about });
    flags.add('limit-reached').add('empty');
    return { answer: '', steps, flags: [...flags] };
  }

  function answered({ generation }: Turn, wants: { answer: string; guessed: boolean }, about: Asked): AgentRun {
    steps.push({ kind: 'answer', text: wants.answer, startedMs: elapsedMs, ...about });
    if (wants.answer === '') flags.add('empty');
    if (wants.guessed) flags.add('fallback-parse');
    if (generation.finishReason === 'length') flags.add('cut-off');
    return { answer: wants.answer, steps, flags: [...flags] };
  }

  /** How often each call was made before, this one not counted. */
  function timesBefore({ name, arguments: input }: ToolCall): number {
    const key = JSON.stringify([name, input]);
    const before = asked.get(key) ?? 0;
    asked.set(key, before + 1);
    return before;
  }

  async function call(one: ToolCall, before: number): Promise<ToolResult & { toolMs: number }> {
    const started = context.now();
    const result: ToolResult =
      before > 0
        ? { arguments: one.arguments, observation: { text: askedBefore, error: 'repeated' } }
        : await callTool(
            toolbox.tools,
            { tool: one.name, input: one.arguments },
            {
              timeoutMs: Math.max(1, Math.min(limits.toolSeconds * 1000, leftMs())),
              maxChars: limits.maxObservationChars,
              secrets: toolbox.secrets,
              signal: context.signal,
            },
          );
    return { ...result, toolMs: context.now() - started };
  }

  /** All tools of a turn at the same time, each once; as steps, of which the first carries the model's share. */
  async function act(calls: readonly (ToolCall & { before: number })[], about: Asked): Promise<void> {
    const results = await Promise.all(calls.map((one) => call(one, one.before)));
    for (const [i, { arguments: given, observation, toolMs }] of results.entries()) {
      const first = { ...about, startedMs: elapsedMs };
      const share = i === 0 ? first : { ...laterIn(about.turn), startedMs: elapsedMs + about.modelMs };
      const tool = (calls[i] as ToolCall).name;
      steps.push({ kind: 'tool', ...observation, ...share, tool, arguments: given, toolMs });
      if (observation.error !== undefined) flags.add('tool-error');
    }
    elapsedMs += about.modelMs + Math.max(...results.map(({ toolMs }) => toolMs));
    dialogue.observe(results.map(({ observation }) => observation.text));
  }

  for (let turn = 1; ; turn++) {
    const said = await dialogue.ask(Math.min(context.sampling.maxTokens, limits.maxTotalTokens - tokens));
    const { generation, thought, wants } = said;
    const about = askedBy(turn, thought, generation);
    tokens += about.completionTokens;
    if (wants.kind === 'answer') return answered(said, wants, about);
    if (generation.finishReason === 'length') flags.add('cut-off');
    const stop = (limit: AgentLimit) => stopped(limit, generation.text, about);
    if (wants.kind === 'unparsable') {
      flags.add('unparsable-step');
      // One try to mend it.
      if (unparsable++ > 0) return stop('unparsable');
    }
    // No further turn would see what a tool says.
    if (turn > limits.maxSteps) return stop('steps');
    if (tokens >= limits.maxTotalTokens) return stop('tokens');
    if (about.modelMs >= leftMs()) return stop('seconds');
    if (wants.kind === 'unparsable') {
      steps.push({ kind: 'tool', text: howToWrite, error: 'unparsable', startedMs: elapsedMs, ...about });
      flags.add('tool-error');
      elapsedMs += about.modelMs;
      dialogue.observe([howToWrite]);
      continue;
    }
    const calls = wants.calls.map((one) => ({ ...one, before: timesBefore(one) }));
    if (calls.some(({ before }) => before > limits.maxRepeats)) return stop('repeats');
    await act(calls, about);
    if (leftMs() <= 0) return stopped('seconds', '', laterIn(turn));
  }
}
