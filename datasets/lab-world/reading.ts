/** Questions whose answer stands in given passages: one hop, two hops, or a sum of two numbers. Used by the reading, documents and multi-hop families. */
import { type Random, sampleIndices, shuffled } from '../../packages/forge/src/lib/random.ts';
import {
  CITY_ATTRIBUTES,
  drawFacts,
  drawNames,
  type Entity,
  type NamePool,
  PERSON_ATTRIBUTES,
  statement,
} from './world.ts';

/** One fact that has to be found: `{attribute: 'job', name: 'Mira Tolan', value: 'baker'}`. */
export interface Lookup {
  attribute: string;
  name: string;
  value: string;
}

export interface ReadingTask {
  question: string;
  answer: string;
  /** The facts to find, in this order. */
  lookups: Lookup[];
  /** Only where the found numbers have to be added: `14 + 23`. */
  expression?: string;
}

export function numberPassages(passages: readonly string[]): string {
  return passages.map((passage, index) => `[${index + 1}] ${passage}`).join('\n');
}

/** The sentence of a lookup with the number of the passage that holds it; without one when no passage does. */
export function citedStatement(lookup: Lookup, passages: readonly string[]): string {
  const sentence = statement(lookup.attribute, lookup.name, lookup.value);
  const index = passages.findIndex((passage) => passage.includes(sentence));
  return index < 0 ? sentence : `${sentence.slice(0, -1)} [${index + 1}].`;
}

/** A person with the wanted attributes and up to `extra` others, in random order. */
export function drawPerson(
  name: string,
  wanted: readonly string[],
  extra: number,
  pool: NamePool,
  random: Random,
): Entity {
  const others = PERSON_ATTRIBUTES.filter((attribute) => !wanted.includes(attribute));
  const more = sampleIndices(others.length, extra, random).map((index) => others[index] as string);
  return { name, facts: drawFacts(shuffled([...wanted, ...more], random), pool, random) };
}

export function drawCity(name: string, pool: NamePool, random: Random): Entity {
  return { name, facts: drawFacts(shuffled(CITY_ATTRIBUTES, random), pool, random) };
}

/**
 * `count` names of people; with a chance of one half some share a first or last name with the first one, because a search for a name
 * brings up exactly such people.
 */
export function drawConfusableNames(pool: NamePool, count: number, random: Random): string[] {
  const names = drawNames(pool.people, count, random);
  if (random.below(2) === 0) return names;
  const [first, last] = (names[0] as string).split(' ') as [string, string];
  const similar = pool.people.filter(
    (name) => name !== names[0] && (name.startsWith(`${first} `) || name.endsWith(` ${last}`)),
  );
  const chosen = new Set([names[0] as string]);
  for (const name of [...drawNames(similar, 1 + random.below(2), random), ...names.slice(1)])
    if (chosen.size < count) chosen.add(name);
  return [...chosen];
}

/** What is asked about one entity that has the attribute. */
export function singleLookup(entity: Entity, attribute: string, question: string): ReadingTask {
  const value = entity.facts[attribute];
  if (value === undefined) throw new RangeError(`${entity.name} has no ${attribute}`);
  return { question, answer: value, lookups: [{ attribute, name: entity.name, value }] };
}
