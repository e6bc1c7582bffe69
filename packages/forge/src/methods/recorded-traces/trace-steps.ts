import { type AgentStep, toolErrorKinds } from '../../lib/agent-trace.ts';
import { fieldOf } from '../../lib/otlp-json.ts';
import type { PredictionFlag, Step } from '../../method.ts';
import type { AgentLimit, ToolErrorKind } from '../../tool.ts';
import { type ChatFacts, type GenAiSpan, type ToolFacts, toMicros } from './gen-ai-span.ts';

/** What an agent did with one question, as its trace says. */
export interface RecordedTrace {
  readonly traceId: string;
  /** Names of its agents, the outermost first. */
  readonly agents: readonly string[];
  readonly question: string | undefined;
  readonly exampleId: string | undefined;
  /** Undefined where nothing says what came out: recorded without contents, or failed. */
  readonly answer: string | undefined;
  readonly failure: string | undefined;
  readonly steps: readonly Step[];
  readonly flags: readonly PredictionFlag[];
}

type Of<Operation extends GenAiSpan['operation']> = Extract<GenAiSpan, { operation: Operation }>;

/** Steps of one example that are kept. */
const maxSteps = 1000;
const limits: readonly string[] = ['steps', 'tokens', 'seconds', 'repeats', 'unparsable'] satisfies AgentLimit[];

const ofKind = <Operation extends GenAiSpan['operation']>(spans: readonly GenAiSpan[], operation: Operation) =>
  spans.filter((span): span is Of<Operation> => span.operation === operation);

/** Agents that no other agent started, in order. */
function outermostAgents(spans: readonly GenAiSpan[]): Of<'agent'>[] {
  const byId = new Map(spans.map((span) => [span.id, span]));
  const isInside = (agent: GenAiSpan): boolean => {
    let above = byId.get(agent.parentId);
    // A ring of parents has no end.
    for (let depth = 0; above !== undefined && depth < 100; depth++) {
      if (above.operation === 'agent') return true;
      above = byId.get(above.parentId);
    }
    return false;
  };
  return ofKind(spans, 'agent').filter((agent) => !isInside(agent));
}

/** Other frameworks name errors as they like. */
function errorKind(error: string | undefined): { error?: ToolErrorKind } {
  if (error === undefined) return {};
  const known = toolErrorKinds.find((kind) => kind === error);
  return { error: known ?? (/time.?out|deadline/i.test(error) ? 'timeout' : 'failed') };
}

interface Turn {
  readonly chat: (ChatFacts & { readonly startMs: number; readonly durationMs: number }) | undefined;
  readonly tools: (ToolFacts & { readonly startMs: number; readonly durationMs?: number })[];
}

/** Each tool call with the chat that asked for it: by the call's id, else the last one that began before it. */
function turnsOf(chats: readonly Of<'chat'>[], tools: readonly Of<'tool'>[]): Turn[] {
  const turns: Turn[] = chats.map((chat) => ({ chat, tools: [] }));
  const byCall = new Map(turns.flatMap((turn) => (turn.chat?.toolCalls ?? []).map(({ id }) => [id, turn] as const)));
  const first: Turn = turns[0] ?? { chat: undefined, tools: [] };
  for (const tool of tools) {
    const asked = tool.callId === '' ? undefined : byCall.get(tool.callId);
    const before = turns.findLast(({ chat }) => chat !== undefined && chat.startMs <= tool.startMs);
    (asked ?? before ?? first).tools.push(tool);
  }
  return turns.length === 0 && first.tools.length > 0 ? [first] : turns;
}

/** Where tools have no spans of their own, the messages say which were asked for and what they said. */
function withToolsOfMessages(turns: readonly Turn[]): Turn[] {
  const responses = new Map(
    turns.flatMap(({ chat }) => (chat?.toolResponses ?? []).map(({ id, text }) => [id, text] as const)),
  );
  return turns.map((turn, i) => {
    const { chat, tools } = turn;
    if (chat === undefined || tools.length > 0) return turn;
    const next = turns[i + 1]?.chat?.toolResponses ?? [];
    const startMs = chat.startMs + chat.durationMs;
    const asked = chat.toolCalls.map((call, at) => ({
      tool: call.name,
      callId: call.id,
      arguments: call.arguments,
      result: (call.id === '' ? undefined : responses.get(call.id)) ?? next[at]?.text ?? '',
      error: undefined,
      startMs,
    }));
    return { chat, tools: asked };
  });
}

type Share = Pick<AgentStep, 'modelMs' | 'promptTokens' | 'cachedTokens' | 'completionTokens'>;

const nothing: Share = { modelMs: 0, promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
const sum = (a: Share, b: Share): Share => ({
  modelMs: a.modelMs + b.modelMs,
  promptTokens: a.promptTokens + b.promptTokens,
  cachedTokens: a.cachedTokens + b.cachedTokens,
  completionTokens: a.completionTokens + b.completionTokens,
});
const shareOf = (chat: Turn['chat']): Share =>
  chat === undefined
    ? nothing
    : {
        modelMs: chat.durationMs,
        promptTokens: chat.promptTokens,
        cachedTokens: chat.cachedTokens,
        completionTokens: chat.completionTokens,
      };

type StepContent = Pick<AgentStep, 'kind' | 'text'> & Partial<AgentStep>;

/** What was done in a turn, without the model's share of it. */
function contentsOf({ chat, tools }: Turn): StepContent[] {
  if (tools.length === 0) return (chat?.unparsable ?? []).map((text) => ({ kind: 'tool', text, error: 'unparsable' }));
  return tools.map(({ tool, result, error, durationMs, arguments: given }) => ({
    kind: 'tool',
    text: result,
    tool,
    ...(given === undefined ? {} : { arguments: given }),
    ...(durationMs === undefined ? {} : { toolMs: durationMs }),
    ...errorKind(error),
  }));
}

/** The steps of all turns; a call of the model that led to none is counted with the next step. */
function stepsOf(turns: readonly Turn[], end: StepContent | undefined, startedMs: number): AgentStep[] {
  const steps: AgentStep[] = [];
  let carried = nothing;
  const since = (ms: number | undefined) => Math.max(0, toMicros((ms ?? startedMs) - startedMs));
  const add = (contents: readonly StepContent[], turn: number, { chat, tools }: Turn) => {
    for (const [i, content] of contents.entries()) {
      const startMs = i === 0 ? (chat?.startMs ?? tools[0]?.startMs) : tools[i]?.startMs;
      const about = { turn, thought: i === 0 ? (chat?.thought ?? '') : '', startedMs: since(startMs) };
      steps.push({ ...about, ...(i === 0 ? carried : nothing), ...content });
    }
    if (contents.length > 0) carried = nothing;
  };
  for (const [i, turn] of turns.entries()) {
    carried = sum(carried, shareOf(turn.chat));
    const contents = contentsOf(turn);
    const isLast = i === turns.length - 1;
    add(contents, i + 1, turn);
    if (isLast && end !== undefined)
      add([end], i + 1 + (contents.length > 0 ? 1 : 0), contents.length > 0 ? noTurn(turn) : turn);
  }
  return steps.slice(0, maxSteps);
}

/** The end of an example whose last turn was one of tools. */
const noTurn = ({ tools }: Turn): Turn => ({ chat: undefined, tools: tools.slice(-1) });

function passagesOf(retrievals: readonly Of<'retrieval'>[]): Step[] {
  return retrievals
    .flatMap(({ documents }) => documents)
    .slice(0, maxSteps)
    .map((document, i) => {
      const [id, own, content] = [
        fieldOf(document, 'id'),
        fieldOf(document, 'document_id'),
        fieldOf(document, 'content'),
      ];
      const score = fieldOf(document, 'score');
      return {
        kind: 'passage',
        text: typeof content === 'string' ? content : '',
        id,
        documentId: own ?? id,
        title: fieldOf(document, 'title') ?? '',
        url: fieldOf(document, 'url') ?? '',
        ...(typeof score === 'number' ? { score } : {}),
        rank: i + 1,
      };
    });
}

function flagsOf(steps: readonly AgentStep[], answer: string, cutOff: boolean): PredictionFlag[] {
  const flags: PredictionFlag[] = [];
  if (steps.some(({ error }) => error !== undefined)) flags.push('tool-error');
  if (steps.some(({ error }) => error === 'unparsable')) flags.push('unparsable-step');
  if (steps.some(({ limit }) => limit !== undefined)) flags.push('limit-reached');
  if (cutOff) flags.push('cut-off');
  if (answer === '') flags.push('empty');
  return flags;
}

function endOf(limit: string | undefined, answer: string, last: Of<'chat'> | undefined): StepContent | undefined {
  const known = limits.includes(limit ?? '') ? (limit as AgentLimit) : undefined;
  if (known !== undefined) return { kind: 'stopped', text: last?.text ?? '', limit: known };
  return answer === '' && last === undefined ? undefined : { kind: 'answer', text: answer };
}

/** What the spans of one trace say that an agent did; null where none of them is of a model, a tool or an agent. */
export function recordedTrace(traceId: string, given: readonly GenAiSpan[]): RecordedTrace | null {
  if (given.every(({ operation }) => operation === 'other')) return null;
  const spans = [...given].sort((a, b) => a.startMs - b.startMs);
  const [agents, chats] = [outermostAgents(spans), ofKind(spans, 'chat')];
  // Of agents that hand over to each other, the first was asked and the last answers.
  const [first, last] = [agents[0], agents.at(-1)];
  const lastChat = chats.at(-1);
  // What the model said last is no answer of an agent that failed.
  const answer = last?.answer ?? (last?.failure === undefined ? lastChat?.text : undefined);
  const turns = withToolsOfMessages(turnsOf(chats, ofKind(spans, 'tool')));
  const steps = stepsOf(turns, endOf(last?.limit, answer ?? '', lastChat), first?.startMs ?? spans[0]?.startMs ?? 0);
  return {
    traceId,
    agents: [...new Set(agents.flatMap(({ name }) => (name === '' ? [] : [name])))],
    question: first?.question ?? chats[0]?.question,
    exampleId: first?.exampleId ?? chats[0]?.exampleId,
    answer,
    failure: agents.find(({ failure }) => failure !== undefined)?.failure ?? lastChat?.failure,
    steps: [...passagesOf(ofKind(spans, 'retrieval')), ...steps],
    flags: flagsOf(steps, answer ?? '', lastChat?.cutOff ?? false),
  };
}
