/** Word problems of one to four steps; every intermediate result is a whole number from 1 to 99. */
import { pick, type Random } from '../../packages/forge/src/lib/random.ts';
import { COUNTED_THINGS, FIRST_NAMES } from './names.ts';

export interface Problem {
  question: string;
  /** One equation per step, e.g. `14 + 5 = 19`. */
  equations: string[];
  /** The expression of each step, e.g. `14 + 5`. */
  expressions: string[];
  answer: string;
}

interface Step {
  sentence: string;
  expression: string;
  result: number;
}

interface Scene {
  name: string;
  friend: string;
  things: string;
}

const MAX_VALUE = 99;

function addStep(value: number, scene: Scene, random: Random): Step | undefined {
  const most = Math.min(30, MAX_VALUE - value);
  if (most < 2) return undefined;
  const amount = 2 + random.below(most - 1);
  const sentence = pick(
    [
      `${scene.name} buys ${amount} more.`,
      `${scene.name} finds ${amount} more.`,
      `${scene.friend} brings ${amount} more.`,
    ],
    random,
  );
  return { sentence, expression: `${value} + ${amount}`, result: value + amount };
}

function subtractStep(value: number, scene: Scene, random: Random): Step | undefined {
  const most = Math.min(30, value - 1);
  if (most < 2) return undefined;
  const amount = 2 + random.below(most - 1);
  const sentence = pick(
    [
      `${scene.name} loses ${amount}.`,
      `${scene.name} sells ${amount}.`,
      `${scene.name} gives ${amount} to ${scene.friend}.`,
    ],
    random,
  );
  return { sentence, expression: `${value} - ${amount}`, result: value - amount };
}

function multiplyStep(value: number, _scene: Scene, random: Random): Step | undefined {
  const factor = 2 + random.below(4);
  if (value * factor > MAX_VALUE) return undefined;
  return {
    sentence: `Then the number grows to ${factor} times as many.`,
    expression: `${value} * ${factor}`,
    result: value * factor,
  };
}

function shareStep(value: number, scene: Scene, random: Random): Step | undefined {
  const parts = 2 + random.below(4);
  if (value % parts !== 0 || value === parts) return undefined;
  return {
    sentence: `${scene.name} splits them into ${parts} equal parts and keeps one part.`,
    expression: `${value} / ${parts}`,
    result: value / parts,
  };
}

/** Multiplication and sharing fit fewer values than addition, so they are offered as often and drawn a little less. */
const STEP_KINDS = [addStep, subtractStep, multiplyStep, shareStep] as const;

function drawStep(value: number, scene: Scene, random: Random): Step {
  for (;;) {
    const step = pick(STEP_KINDS, random)(value, scene, random);
    if (step !== undefined) return step;
  }
}

/** The opening: either a plain count (no step) or so many boxes of so many things (one multiplication). */
function drawOpening(scene: Scene, boxes: boolean, random: Random): { sentence: string; value: number; step?: Step } {
  if (!boxes) {
    const value = 4 + random.below(60);
    return { sentence: `${scene.name} has ${value} ${scene.things}.`, value };
  }
  const [count, size] = [2 + random.below(8), 2 + random.below(9)];
  const sentence = `${scene.name} has ${count} boxes with ${size} ${scene.things} each.`;
  return { sentence, value: count * size, step: { sentence, expression: `${count} * ${size}`, result: count * size } };
}

/** A random problem with exactly `steps` steps. */
export function drawProblem(steps: number, random: Random): Problem {
  const name = pick(FIRST_NAMES, random);
  const scene: Scene = {
    name,
    friend: pick(
      FIRST_NAMES.filter((other) => other !== name),
      random,
    ),
    things: pick(COUNTED_THINGS, random),
  };
  const opening = drawOpening(scene, random.below(4) === 0, random);
  const sentences = [opening.sentence];
  const taken: Step[] = opening.step === undefined ? [] : [opening.step];
  let value = opening.value;
  while (taken.length < steps) {
    const step = drawStep(value, scene, random);
    sentences.push(step.sentence);
    taken.push(step);
    value = step.result;
  }
  return {
    question: `${sentences.join(' ')} How many ${scene.things} does ${name} have now?`,
    equations: taken.map((step) => `${step.expression} = ${step.result}`),
    expressions: taken.map((step) => step.expression),
    answer: String(value),
  };
}
