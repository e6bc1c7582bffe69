/**
 * The prompt formats that the lab model is trained on, as text in segments. A segment says whether its tokens are trained on
 * (`weight` 1) and whether the model should stop after it; stopping is trained as a target only, so that several answers can follow each
 * other in one training sequence.
 */
import { citedStatement, numberPassages, type ReadingTask } from './reading.ts';
import { statement } from './world.ts';

export interface Segment {
  text: string;
  weight: 0 | 1;
  stop?: true;
}

export type Transcript = Segment[];

const TOOLS_LINE = 'Tools: calculator, search\n';
const STEP_BY_STEP = "Let's think step by step.";

const given = (text: string): Segment => ({ text, weight: 0 });
const written = (text: string): Segment => ({ text, weight: 1 });
const final = (text: string): Segment => ({ text, weight: 1, stop: true });

/** `Question: {q}\nAnswer: {a}` */
export function naive(question: string, answer: string): Transcript {
  return [given(`Question: ${question}\nAnswer:`), final(` ${answer}`)];
}

/** `Question: {q}\nLet's think step by step.\n{steps}\nAnswer: {a}` */
export function stepByStep(question: string, steps: readonly string[], answer: string): Transcript {
  return [given(`Question: ${question}\n${STEP_BY_STEP}`), final(`\n${steps.join('\n')}\nAnswer: ${answer}`)];
}

/** The steps of a reading task: the sentences it needs with their passage numbers, then the sum where one is asked. */
export function readingSteps(task: ReadingTask, passages: readonly string[]): string[] {
  const found = task.lookups.map((lookup) => citedStatement(lookup, passages));
  return task.expression === undefined ? found : [...found, `${task.expression} = ${task.answer}`];
}

/** The passages once, then one or more questions about them; `cot[i]` chooses the form of the i-th. */
export function reading(
  passages: readonly string[],
  tasks: readonly ReadingTask[],
  cot: readonly boolean[],
): Transcript {
  const parts = tasks.map((task, index) =>
    cot[index]
      ? stepByStep(task.question, readingSteps(task, passages), task.answer)
      : naive(task.question, task.answer),
  );
  return [given(`${numberPassages(passages)}\n`), ...joined(parts)];
}

/** Transcripts one after the other with a blank line between: few-shot prompts look like this. */
export function joined(parts: readonly Transcript[]): Transcript {
  return parts.flatMap((part, index) => (index === 0 ? part : [given('\n\n'), ...part]));
}

/** One turn with a tool. The model writes up to `Observation:`, where the caller stops it; what was observed is given. */
export interface ToolTurn {
  thought: string;
  action: string;
  observation: string;
}

/** `Tools: ...\nQuestion: {q}\nThought: ...\nAction: tool[input]\nObservation: ...\nThought: ...\nAnswer: {a}` */
export function react(question: string, turns: readonly ToolTurn[], lastThought: string, answer: string): Transcript {
  const middle = turns.flatMap((turn) => [
    written(`\nThought: ${turn.thought}\nAction: ${turn.action}\nObservation:`),
    given(` ${turn.observation}`),
  ]);
  return [
    given(`${TOOLS_LINE}Question: ${question}`),
    ...middle,
    final(`\nThought: ${lastThought}\nAnswer: ${answer}`),
  ];
}

export function calculatorTurn(expression: string, result: string): ToolTurn {
  return { thought: `I need ${expression}.`, action: `calculator[${expression}]`, observation: result };
}

/** The thought that follows an observation names what was found; with a further search it also opens the next turn. */
export function searchReact(task: ReadingTask, observations: readonly string[], failed?: ToolTurn): Transcript {
  const turns: ToolTurn[] = failed === undefined ? [] : [failed];
  task.lookups.forEach((lookup, index) => {
    const before = index === 0 ? undefined : task.lookups[index - 1];
    const known = before === undefined ? '' : `${statement(before.attribute, before.name, before.value)} `;
    const opening =
      index === 0 && failed !== undefined
        ? 'I try again.'
        : `${known}I need the ${lookup.attribute} of ${lookup.name}.`;
    turns.push({
      thought: opening,
      action: searchAction(lookup.name, lookup.attribute),
      observation: observations[index] as string,
    });
  });
  const last = task.lookups[task.lookups.length - 1];
  if (last === undefined) throw new RangeError('a search task needs at least one lookup');
  const found = statement(last.attribute, last.name, last.value);
  if (task.expression === undefined) return react(task.question, turns, found, task.answer);
  turns.push({
    thought: `${found} I need ${task.expression}.`,
    action: `calculator[${task.expression}]`,
    observation: task.answer,
  });
  return react(task.question, turns, `The answer is ${task.answer}.`, task.answer);
}

export function searchAction(name: string, attribute: string): string {
  return `search[${name} ${attribute}]`;
}
