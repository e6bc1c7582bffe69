/** Questions whose numbers are too large for the model itself: it has to copy them into the calculator. */
import { pick, type Random } from '../../packages/forge/src/lib/random.ts';
import { FIRST_NAMES } from './names.ts';

export interface CalculatorTask {
  question: string;
  /** What to hand to the calculator: `4821 * 37`. */
  expression: string;
  answer: string;
}

function drawNumber(digits: number, random: Random): number {
  const low = 10 ** (digits - 1);
  return low + random.below(9 * low);
}

const SENTENCES: Record<string, readonly ((a: number, b: number, name: string) => string)[]> = {
  '+': [
    (a, b) => `What is ${a} + ${b}?`,
    (a, b, name) => `${name} has ${a} coins and wins ${b} coins. How many coins does ${name} have now?`,
    (a, b) => `A town has ${a} trees and plants ${b} trees. How many trees are there now?`,
  ],
  '-': [
    (a, b) => `What is ${a} - ${b}?`,
    (a, b, name) => `${name} has ${a} coins and pays ${b} coins. How many coins does ${name} have now?`,
    (a, b) => `A town has ${a} trees and cuts ${b} trees. How many trees are there now?`,
  ],
  '*': [
    (a, b) => `What is ${a} * ${b}?`,
    (a, b) => `A mill makes ${a} bricks each day. How many bricks does it make in ${b} days?`,
    (a, b, name) => `${name} packs ${b} crates with ${a} eggs each. How many eggs are that?`,
  ],
};

/** A random task; the larger number comes first, so that no result is negative. */
export function drawCalculatorTask(random: Random): CalculatorTask {
  const operator = pick(['+', '-', '*'], random);
  const a = drawNumber(3 + random.below(3), random);
  const drawn = operator === '*' ? drawNumber(2 + random.below(2), random) : drawNumber(3 + random.below(3), random);
  const [large, small] = [Math.max(a, drawn), Math.min(a, drawn)];
  const result = operator === '+' ? large + small : operator === '-' ? large - small : large * small;
  const sentence = pick(SENTENCES[operator] ?? [], random);
  return {
    question: sentence(large, small, pick(FIRST_NAMES, random)),
    expression: `${large} ${operator} ${small}`,
    answer: String(result),
  };
}
