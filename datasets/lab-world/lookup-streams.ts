/** Training text of lookups alone, without questions: what is read from passages later is learnt here first. */
import { pick, type Random, shuffled } from '../../packages/forge/src/lib/random.ts';
import { ATTRIBUTE_VALUES, HERDS } from './names.ts';
import { drawConfusableNames } from './reading.ts';
import type { Transcript } from './transcript.ts';
import { drawFacts, drawNames, PERSON_ATTRIBUTES, type World } from './world.ts';

/** Words that a number can belong to, besides the herds. */
const COUNTED: readonly string[] = Object.values(ATTRIBUTE_VALUES).flat();

/** Whether something that happens in so many of a hundred cases happens. */
export function chance(percent: number, random: Random): boolean {
  return random.below(100) < percent;
}

/** What is asked of all there is, drawn with replacement: where each is asked once a round, what comes last could be guessed from what is left. */
const drawQueries = <Asked>(all: readonly Asked[], rounds: number, random: Random): Asked[] =>
  Array.from({ length: rounds * all.length }, () => pick(all, random));

/**
 * One attribute of several people, then the same statements twice more in other orders, trained on last names and values: only the name tells
 * which value comes next. Without this stream the small model picked a value of the right kind but of the wrong person.
 */
export function recall(world: World, random: Random): Transcript {
  const attribute = pick(PERSON_ATTRIBUTES, random);
  const names = drawConfusableNames(world.training, 2 + random.below(5), random);
  // The barer the form, the fewer words lie between name and value, and the sooner the lookup is learnt.
  const before = pick(['', '', `The ${attribute} of `], random);
  const between = before === '' && chance(50, random) ? '' : ' is';
  const facts = names.map((name) => {
    const [first, last] = name.split(' ') as [string, string];
    return {
      first: `${before}${first}`,
      last,
      value: drawFacts([attribute], world.training, random)[attribute] as string,
    };
  });
  const text = facts.map((fact) => `${fact.first} ${fact.last}${between} ${fact.value}.`).join(' ');
  return [
    { text, weight: 0 },
    ...drawQueries(facts, 2, random).flatMap(
      (fact, index): Transcript => [
        { text: `${index % facts.length === 0 ? '\n' : '. '}${fact.first}`, weight: 0 },
        { text: ` ${fact.last}`, weight: 1 },
        { text: between, weight: 0 },
        { text: ` ${fact.value}`, weight: 1 },
      ],
    ),
  ];
}

/**
 * Words in random order, said twice: in the same order, or as pairs whose order changes. What comes next stands after the same word
 * before: the simplest lookup there is, of which the others are made (induction: Olsson et al. 2022, https://arxiv.org/abs/2209.11895).
 * With it the small model looks things up after some 200 steps; without it not within 3,800.
 */
export function copying(world: World, random: Random): Transcript {
  const names = world.training.people.flatMap((name) => name.split(' '));
  const words = [...new Set(drawNames(names, 8 + 2 * random.below(9), random))];
  if (chance(50, random)) {
    return [
      { text: `${words.join(' ')}\n${words[0]}`, weight: 0 },
      ...words.slice(1).flatMap((word): Transcript => [{ text: ` ${word}`, weight: 1 }]),
    ];
  }
  const pairs = Array.from({ length: Math.floor(words.length / 2) }, (_, i) => words.slice(2 * i, 2 * i + 2));
  return [
    { text: pairs.map(([key, value]) => `${key} ${value}.`).join(' '), weight: 0 },
    ...shuffled(pairs, random).flatMap(
      ([key, value], index): Transcript => [
        { text: `${index === 0 ? '\n' : '. '}${key}`, weight: 0 },
        { text: ` ${value}`, weight: 1 },
      ],
    ),
  ];
}

/** Names with numbers, each asked some three times. */
export function copyingNumbers(world: World, random: Random): Transcript {
  const names = world.training.people.flatMap((name) => name.split(' '));
  const between = pick(['', '', ' is'], random);
  const pairs = [...new Set(drawNames(names, 3 + random.below(6), random))].map(
    (key) => [`${key}${between}`, ` ${1 + random.below(99)}`] as const,
  );
  return [
    { text: pairs.map(([key, value]) => `${key}${value}.`).join(' '), weight: 0 },
    ...drawQueries(pairs, 3, random).flatMap(
      ([key, value], index): Transcript => [
        { text: `${index % pairs.length === 0 ? '\n' : '. '}${key}`, weight: 0 },
        { text: value, weight: 1 },
      ],
    ),
  ];
}

/**
 * How many of what somebody has, then the same in other orders, trained on the numbers: only the thing tells which number comes next, and
 * the fewer words lie between the two, the sooner that is learnt. Half of it about herds, half about all kinds of things.
 */
export function recallCounts(world: World, random: Random): Transcript {
  const named = chance(60, random);
  const people = named ? drawConfusableNames(world.training, 1 + random.below(2), random) : [''];
  const all = chance(50, random) ? HERDS : COUNTED;
  const before = pick(['', 'number of ', 'The number of '], random);
  const lastNameOnly = chance(40, random);
  const after = (name: string) => ` of ${lastNameOnly ? name.split(' ')[1] : name}`;
  const is = pick(['', ' is'], random);
  const facts = people.flatMap((name) =>
    drawNames(all, 2 + random.below(named ? 3 : Math.min(all.length - 1, 7)), random).map((thing) => ({
      key: `${before}${thing}${name === '' ? '' : after(name)}${is}`,
      value: ` ${2 + random.below(39)}`,
    })),
  );
  return [
    { text: facts.map(({ key, value }) => `${key}${value}.`).join(' '), weight: 0 },
    ...drawQueries(facts, 2, random).flatMap(
      ({ key, value }, index): Transcript => [
        { text: `${index % facts.length === 0 ? '\n' : '. '}${key}`, weight: 0 },
        { text: value, weight: 1 },
      ],
    ),
  ];
}
