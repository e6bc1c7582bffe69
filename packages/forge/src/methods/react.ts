import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { componentReferences, specsOf } from '../lib/component-reference.ts';
import { lazy } from '../lib/lazy.ts';
import { redact } from '../lib/redact.ts';
import { renderTemplate } from '../lib/render-template.ts';
import type { Method, MethodParts } from '../method.ts';
import type { Tool, ToolSet } from '../tool.ts';
import { nativeDialogue, textDialogue } from './react/dialogue.ts';
import { runAgent, type Toolbox } from './react/loop.ts';

const template = {
  text: [
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
  native:
    'Answer the question; use the tools where they help. End with "Answer: " and the answer alone.\n\nQuestion: {question}',
};

const options = z.strictObject({
  tools: componentReferences('tool').min(1).max(32).describe('What the model may use; nothing else can be called.'),
  calling: z
    .enum(['text', 'native'])
    .default('text')
    .describe('text: Thought, Action, Observation as lines, for any model; native: the tool calling of the server.'),
  constrained: z
    .boolean()
    .default(false)
    .describe(
      'With calling: text, have the engine allow only steps that can be read and tools that there are (llama-cpp).',
    ),
  template: z
    .string()
    .optional()
    .describe('The prompt: {tools} is a line for each tool, {toolNames} their names, {question}, {context}.'),
  maxSteps: z.int().min(1).max(100).default(8).describe('Turns with actions at most.'),
  maxTotalTokens: z.int().min(1).max(1_000_000).default(4000).describe('Tokens that the model may write in all turns.'),
  maxSeconds: z.number().gt(0).max(86_400).default(300).describe('Time of the model and the tools together.'),
  toolSeconds: z.number().gt(0).max(3600).default(20).describe('Time for one call of a tool.'),
  maxObservationChars: z.int().min(20).max(100_000).default(4000).describe('Longer observations are cut off.'),
  maxRepeats: z
    .int()
    .min(0)
    .max(20)
    .default(1)
    .describe('How often the same call may be repeated before the example ends; a repeat is not made again.'),
});

/** All tools of a config; what the model reads about them is cleaned of secrets too. Throws ConfigError where two have one name. */
function toolboxOf(sets: readonly ToolSet[]): Toolbox {
  const secrets = sets.flatMap((set) => set.secrets ?? []);
  const tools = sets
    .flatMap((set) => set.tools)
    .map((tool): Tool => ({ ...tool, description: redact(tool.description, secrets), call: tool.call.bind(tool) }));
  const twice = tools.find(({ name }, i) => tools.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new ConfigError(`tools: two of them are called "${twice.name}"; leave one out`);
  return { tools, secrets };
}

/**
 * Reason and act (Yao et al. 2023, https://arxiv.org/abs/2210.03629): thoughts, actions with tools, observations, an answer. What
 * goes wrong with a tool is an observation; a limit ends the example with an empty answer.
 */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'react',
  summary: 'An agent: thinks, uses tools, observes, until it can answer; every step is kept.',
  options,
  create(settings, parts) {
    const { calling, constrained } = settings;
    if (constrained && calling === 'native') {
      throw new ConfigError('constrained: true works with calling: text; a server constrains its own tool calls');
    }
    const open = lazy(async () => {
      const sets = await Promise.all(specsOf(settings.tools).map((spec) => parts.toolSet(spec)));
      return { toolbox: toolboxOf(sets), fingerprint: sets.map((set) => set.fingerprint).join('; ') };
    });
    const promptOf = (
      question: { text: string; context?: string },
      tools: readonly Pick<Tool, 'name' | 'description'>[],
    ) =>
      renderTemplate(settings.template ?? template[calling], {
        question: question.text,
        context: question.context ?? '',
        tools: tools.map(({ name, description }) => `- ${name}: ${description}`).join('\n'),
        toolNames: tools.map(({ name }) => name).join(', '),
      });
    return {
      name: 'react',
      prepare: async () => ({ tools: (await open()).fingerprint }),
      // The tools are not open yet: a plan shows their names.
      preview: (question) => {
        const tools = specsOf(settings.tools).map(({ name }) => ({ name, description: '' }));
        return { prompts: [promptOf(question, tools)], maxCompletionTokens: settings.maxTotalTokens };
      },
      async solve(question, context) {
        const { toolbox } = await open();
        const prompt = promptOf(question, toolbox.tools);
        const dialogue =
          calling === 'native'
            ? nativeDialogue(prompt, toolbox.tools, context)
            : textDialogue(prompt, toolbox.tools, { constrained }, context);
        return runAgent(dialogue, toolbox, settings, context);
      },
    };
  },
};
