import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { callTool } from '../lib/call-tool.ts';
import { componentReferences, specsOf } from '../lib/component-reference.ts';
import { lazy } from '../lib/lazy.ts';
import { parseStep, type ReactStep } from '../lib/parse-step.ts';
import { renderTemplate } from '../lib/render-template.ts';
import type { Method, MethodContext, MethodParts, PredictionFlag, Step } from '../method.ts';
import type { Observation, Tool } from '../tool.ts';

const options = z.strictObject({
  tools: componentReferences('tool').min(1).max(32).describe('What the model may use; nothing else can be called.'),
  template: z
    .string()
    .default(
      [
        'Answer the question. You can use these tools:',
        '{tools}',
        'Write in this form:',
        'Thought: what to do next',
        'Action: tool[input]',
        'Observation: what the tool says',
        '(and so on, until you know)',
        'Answer: the answer',
        '',
        'Question: {question}',
      ].join('\n'),
    )
    .describe('The prompt: {tools} is a line for each tool, {toolNames} their names, {question}, {context}.'),
  maxSteps: z.int().min(1).max(100).default(8).describe('Actions at most.'),
  maxTotalTokens: z.int().min(1).max(1_000_000).default(4000).describe('Tokens that the model may write in all steps.'),
  maxSeconds: z.number().gt(0).max(86_400).default(300).describe('Time for all steps together.'),
  toolSeconds: z.number().gt(0).max(3600).default(20).describe('Time for one call of a tool.'),
  maxObservationChars: z.int().min(20).max(100_000).default(4000).describe('Longer observations are cut off.'),
  maxRepeats: z
    .int()
    .min(0)
    .max(20)
    .default(1)
    .describe('How often the same action may be repeated before the run of an example ends.'),
});
type Settings = z.infer<typeof options>;

const stop = ['\nObservation:', '\nQuestion:'];
const howToWrite = 'error: write either "Action: tool[input]" or "Answer: ..."';

/** A trace under way. */
interface Trace {
  readonly prompt: string;
  text: string;
  readonly steps: Step[];
  readonly flags: Set<PredictionFlag>;
  tokens: number;
  readonly asked: Map<string, number>;
  unparsable: number;
}

/** What a step of the model leads to: an observation, or the end. */
type Outcome = { readonly observation: Observation; readonly input?: unknown } | { readonly end: 'limit-reached' };

async function act(
  step: Exclude<ReactStep, { kind: 'answer' }>,
  trace: Trace,
  { settings, tools, signal }: { settings: Settings; tools: readonly Tool[]; signal: AbortSignal | undefined },
): Promise<Outcome> {
  if (step.kind === 'unparsable') {
    trace.flags.add('unparsable-step');
    // One try to mend it.
    if (trace.unparsable++ > 0) return { end: 'limit-reached' };
    return { observation: { text: howToWrite, error: 'unparsable' } };
  }
  const key = JSON.stringify([step.tool, step.input]);
  const before = trace.asked.get(key) ?? 0;
  trace.asked.set(key, before + 1);
  if (before > settings.maxRepeats) return { end: 'limit-reached' };
  if (before > 0) {
    const text = 'error: this was asked before, and the answer is the same; try something else';
    return { observation: { text, error: 'repeated' } };
  }
  return callTool(tools, step, {
    timeoutMs: settings.toolSeconds * 1000,
    maxChars: settings.maxObservationChars,
    signal,
  });
}

/** Asks, acts, observes, until there is an answer or a limit is reached. Returns the answer, empty at a limit. */
async function loop(trace: Trace, settings: Settings, tools: readonly Tool[], context: MethodContext): Promise<string> {
  const started = context.now();
  for (let turn = 0; ; turn++) {
    const spent = context.now() - started;
    if (turn > settings.maxSteps || trace.tokens >= settings.maxTotalTokens || spent > settings.maxSeconds * 1000)
      break;
    const maxTokens = Math.min(context.sampling.maxTokens, settings.maxTotalTokens - trace.tokens);
    const prompt = trace.prompt + trace.text;
    const generation = await context.generate({ prompt, maxTokens, stop: [...context.sampling.stop, ...stop] });
    trace.tokens += generation.usage.completionTokens;
    if (generation.finishReason === 'length') trace.flags.add('cut-off');
    const step = parseStep(generation.text);
    const asked = context.now();
    const about = { turn: turn + 1, thought: step.thought, tokens: generation.usage.completionTokens };
    if (step.kind === 'answer') {
      trace.steps.push({ kind: 'answer', text: step.answer, ...about });
      return step.answer;
    }
    // A last turn is for the answer: its action would not be seen by anybody.
    const outcome =
      turn === settings.maxSteps ? undefined : await act(step, trace, { settings, tools, signal: context.signal });
    if (outcome === undefined || 'end' in outcome) {
      trace.steps.push({ kind: 'stopped', text: generation.text, ...about });
      break;
    }
    const { text, error } = outcome.observation;
    if (error !== undefined) trace.flags.add('tool-error');
    trace.steps.push({
      kind: 'tool',
      text,
      ...about,
      ...(step.kind === 'action' ? { tool: step.tool, input: step.input } : {}),
      ...(error === undefined ? {} : { error }),
      tookMs: context.now() - asked,
    });
    trace.text += `${generation.text}\nObservation: ${text}`;
  }
  trace.flags.add('limit-reached');
  return '';
}

/** Reason and act (Yao et al. 2023, https://arxiv.org/abs/2210.03629): thoughts, actions with tools, observations, an answer. */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'react',
  summary: 'An agent: thinks, uses tools, observes, until it can answer; every step is kept.',
  options,
  create(settings, parts) {
    const open = lazy(async () => {
      const sets = await Promise.all(specsOf(settings.tools).map((spec) => parts.toolSet(spec)));
      return { tools: sets.flatMap(({ tools }) => tools), fingerprint: sets.map((one) => one.fingerprint).join('; ') };
    });
    const promptOf = (
      question: { text: string; context?: string },
      tools: readonly Pick<Tool, 'name' | 'description'>[],
    ) =>
      renderTemplate(settings.template, {
        question: question.text,
        context: question.context ?? '',
        tools: tools.map(({ name, description }) => `- ${name}: ${description}`).join('\n'),
        toolNames: tools.map(({ name }) => name).join(', '),
      });
    return {
      name: 'react',
      prepare: async () => ({ tools: (await open()).fingerprint }),
      preview: (question) => ({
        prompts: [
          promptOf(
            question,
            specsOf(settings.tools).map(({ name }) => ({ name, description: '' })),
          ),
        ],
      }),
      async solve(question, context) {
        const { tools } = await open();
        const prompt = promptOf(question, tools);
        const trace: Trace = {
          prompt,
          text: '',
          steps: [],
          flags: new Set(),
          tokens: 0,
          asked: new Map(),
          unparsable: 0,
        };
        const answer = await loop(trace, settings, tools, context);
        if (answer === '') trace.flags.add('empty');
        return { answer, steps: trace.steps, flags: [...trace.flags] };
      },
    };
  },
};
