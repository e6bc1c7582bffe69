import type { ChatMessage, Generation, ToolCall } from '../../engine.ts';
import { parseReasonedAnswer } from '../../lib/parse-answer.ts';
import { parseStep } from '../../lib/parse-step.ts';
import type { MethodContext } from '../../method.ts';
import type { Tool } from '../../tool.ts';
import { toolDeclaration } from './declare-tools.ts';
import { stepGrammar } from './step-grammar.ts';

/** What a model says in one turn: tools that it wants, its answer, or something that is neither. */
export interface Turn {
  readonly generation: Generation;
  readonly thought: string;
  readonly wants:
    | { readonly kind: 'tools'; readonly calls: readonly ToolCall[] }
    | { readonly kind: 'answer'; readonly answer: string; readonly guessed: boolean }
    | { readonly kind: 'unparsable' };
}

/** How model and tools speak with each other: as text, or by the tool calling of a server. */
export interface Dialogue {
  ask(maxTokens: number): Promise<Turn>;
  /** One observation for each call of the last turn, in order; a single one where the turn could not be read. */
  observe(observations: readonly string[]): void;
}

const stop = ['\nObservation:', '\nQuestion:'];

/** A line that looks like one of the dialogue's own would be taken for it; a mark before it makes it a quotation. */
const quoted = (observation: string) =>
  observation.replace(/^(?=(?:Thought|Action|Observation|Answer|Question):)/gm, '> ');

/** Thought, Action, Observation as lines of one text that grows: the prompt of a step begins with all of the step before it. */
export function textDialogue(
  prompt: string,
  tools: readonly Tool[],
  options: { constrained: boolean },
  context: MethodContext,
): Dialogue {
  let text = prompt;
  const grammar = options.constrained ? { grammar: stepGrammar(tools.map(({ name }) => name)) } : {};
  return {
    async ask(maxTokens) {
      const stops = [...context.sampling.stop, ...stop];
      const generation = await context.generate({ prompt: text, maxTokens, stop: stops, ...grammar });
      text += generation.text;
      const step = parseStep(generation.text);
      const about = { generation, thought: step.thought };
      if (step.kind === 'unparsable') return { ...about, wants: { kind: 'unparsable' } };
      if (step.kind === 'answer') return { ...about, wants: { kind: 'answer', answer: step.answer, guessed: false } };
      const call = { id: '', name: step.tool, arguments: step.input };
      return { ...about, wants: { kind: 'tools', calls: [call] } };
    },
    observe([observation = '']) {
      text += `\nObservation: ${quoted(observation)}`;
    },
  };
}

/** More calls in one turn than this are not meant. */
const maxCallsPerTurn = 16;

const shownCall = ({ name, arguments: given }: ToolCall) => `${name} ${given}`;

/** A conversation as people read it in the log of calls. */
function transcript(messages: readonly ChatMessage[]): string {
  return messages
    .map((message) =>
      message.role === 'assistant'
        ? ['assistant:', message.content, ...message.toolCalls.map(shownCall)].filter((part) => part !== '').join(' ')
        : `${message.role}: ${message.content}`,
    )
    .join('\n');
}

/** The tool calling of an OpenAI-compatible server: tools are declared with their schemas, and what was observed comes as messages. */
export function nativeDialogue(prompt: string, tools: readonly Tool[], context: MethodContext): Dialogue {
  const messages: ChatMessage[] = [{ role: 'user', content: prompt }];
  const declared = tools.map(toolDeclaration);
  let open: readonly ToolCall[] = [];
  return {
    async ask(maxTokens) {
      const conversation = { messages: [...messages], tools: declared };
      const generation = await context.generate({ prompt: transcript(messages), maxTokens, conversation });
      const calls = generation.toolCalls ?? [];
      open = calls.slice(0, maxCallsPerTurn);
      messages.push({ role: 'assistant', content: generation.text, toolCalls: open });
      const said = generation.text.trim();
      if (open.length > 0) return { generation, thought: said, wants: { kind: 'tools', calls: open } };
      if (said === '') return { generation, thought: '', wants: { kind: 'unparsable' } };
      const { answer, by } = parseReasonedAnswer(said);
      return { generation, thought: said, wants: { kind: 'answer', answer, guessed: by === 'last-sentence' } };
    },
    observe(observations) {
      if (open.length === 0) messages.push({ role: 'user', content: observations.join('\n') });
      else
        open.forEach(({ id }, i) => {
          messages.push({ role: 'tool', toolCallId: id, content: observations[i] ?? '' });
        });
    },
  };
}
