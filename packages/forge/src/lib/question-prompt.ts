import { z } from 'zod';
import type { Question } from '../dataset.ts';
import { ConfigError } from '../errors.ts';
import { placeholdersOf, renderTemplate } from './render-template.ts';

const demonstration = z.strictObject({
  question: z.string().describe('The question of the worked example.'),
  answer: z.string().describe('Its answer.'),
  reasoning: z.string().default('').describe('Its steps, for methods that show reasoning.'),
  context: z.string().default('').describe('Its passage, where it has one.'),
});

/** Options that every prompting method has: the templates are data, not code. */
export const promptOptions = {
  system: z.string().default('').describe('Text before everything else, followed by a blank line.'),
  examples: z.array(demonstration).max(64).default([]).describe('Worked examples for few-shot prompting.'),
  shots: z.number().int().min(0).optional().describe('How many of `examples` to show; all of them when left out.'),
};

export interface PromptSettings {
  readonly system: string;
  readonly template: string;
  readonly exampleTemplate: string;
  readonly examples: readonly z.infer<typeof demonstration>[];
  readonly shots?: number | undefined;
}

const known = ['question', 'context', 'choices', 'answer', 'reasoning'];

/** Throws ConfigError where a template names a placeholder that no question has, or lacks `{question}`. */
function checkTemplate(key: string, template: string): void {
  for (const name of placeholdersOf(template)) {
    if (!known.includes(name)) {
      throw new ConfigError(`${key}: unknown placeholder {${name}}; known are ${known.map((k) => `{${k}}`).join(' ')}`);
    }
  }
  if (!template.includes('{question}')) throw new ConfigError(`${key}: the template does not contain {question}`);
}

function choicesText(question: Question): string {
  return (question.choices ?? []).map((choice, i) => `${String.fromCharCode(65 + (i % 26))}. ${choice}`).join('\n');
}

/** A function from a question to its whole prompt: system text, worked examples, question, separated by blank lines. */
export function createPrompt(settings: PromptSettings): (question: Question) => string {
  checkTemplate('template', settings.template);
  checkTemplate('exampleTemplate', settings.exampleTemplate);
  const shots = settings.shots ?? settings.examples.length;
  if (shots > settings.examples.length) {
    throw new ConfigError(`shots: ${shots} asked for, but examples has only ${settings.examples.length}`);
  }
  const opening = [
    ...(settings.system === '' ? [] : [settings.system]),
    ...settings.examples
      .slice(0, shots)
      .map((example) => renderTemplate(settings.exampleTemplate, { choices: '', ...example })),
  ];
  return (question) =>
    [
      ...opening,
      renderTemplate(settings.template, {
        question: question.text,
        context: question.context ?? '',
        choices: choicesText(question),
      }),
    ].join('\n\n');
}
