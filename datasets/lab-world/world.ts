/**
 * The people and cities of the lab world and their split. Three groups of people never share a full name:
 * known people (fixed facts, in the training text), held-out people (facts only in the test corpus, never in the training text)
 * and training people (drawn anew, with random facts, for every training passage, so that nothing about them can be memorised).
 */
import { createRandom, pick, type Random, sampleIndices, shuffled } from '../../packages/forge/src/lib/random.ts';
import {
  ATTRIBUTE_VALUES,
  CITY_ENDS,
  CITY_STARTS,
  COUNTRIES,
  FIRST_NAMES,
  HERDS,
  LAST_NAMES,
  RIVERS,
} from './names.ts';

export const KNOWN_ATTRIBUTES = ['job', 'city', 'pet', 'colour', 'instrument', 'food'] as const;
export const PERSON_ATTRIBUTES = [
  ...KNOWN_ATTRIBUTES,
  'boss',
  ...HERDS.map((herd) => `number of ${herd}`),
] as readonly string[];
export const CITY_ATTRIBUTES = ['country', 'river'] as const;

/** A person or a city with its facts, e.g. `{name: 'Mira Tolan', facts: {job: 'baker'}}`. */
export interface Entity {
  name: string;
  facts: Record<string, string>;
}

/** The names from which the entities of one group are drawn. */
export interface NamePool {
  people: readonly string[];
  cities: readonly string[];
}

export interface World {
  known: readonly Entity[];
  training: NamePool;
  heldOut: NamePool;
}

const KNOWN_PEOPLE = 80;
const HELD_OUT_PEOPLE = 240;
const HELD_OUT_CITIES = 60;

/** The one fixed world; every seed of the generators refers to it. */
export function createWorld(): World {
  const random = createRandom('lab-world/split/1');
  const people = shuffled(
    FIRST_NAMES.flatMap((first) => LAST_NAMES.map((last) => `${first} ${last}`)),
    random,
  );
  const cities = shuffled(
    CITY_STARTS.flatMap((start) => CITY_ENDS.map((end) => `${start}${end}`)),
    random,
  );
  const training: NamePool = {
    people: people.slice(KNOWN_PEOPLE + HELD_OUT_PEOPLE),
    cities: cities.slice(HELD_OUT_CITIES),
  };
  return {
    known: people
      .slice(0, KNOWN_PEOPLE)
      .map((name) => ({ name, facts: drawFacts(KNOWN_ATTRIBUTES, training, random) })),
    training,
    heldOut: {
      people: people.slice(KNOWN_PEOPLE, KNOWN_PEOPLE + HELD_OUT_PEOPLE),
      cities: cities.slice(0, HELD_OUT_CITIES),
    },
  };
}

/** A random value of one attribute. */
function drawValue(attribute: string, pool: NamePool, random: Random): string {
  if (attribute === 'city') return pick(pool.cities, random);
  if (attribute === 'boss') return pick(pool.people, random);
  if (attribute === 'country') return pick(COUNTRIES, random);
  if (attribute === 'river') return pick(RIVERS, random);
  if (attribute.startsWith('number of ')) return String(2 + random.below(39));
  return pick(ATTRIBUTE_VALUES[attribute as keyof typeof ATTRIBUTE_VALUES], random);
}

export function drawFacts(attributes: readonly string[], pool: NamePool, random: Random): Record<string, string> {
  return Object.fromEntries(attributes.map((attribute) => [attribute, drawValue(attribute, pool, random)]));
}

/** `count` different names of a pool, in random order. */
export function drawNames(names: readonly string[], count: number, random: Random): string[] {
  return shuffled(sampleIndices(names.length, count, random), random).map((index) => names[index] as string);
}

/** The one sentence form of the world. The full name is always repeated, so that a fact can be found by matching words alone. */
export function statement(attribute: string, name: string, value: string): string {
  return `The ${attribute} of ${name} is ${value}.`;
}

/** All facts of one entity as a passage, in the order of its `facts`. */
export function passageOf(entity: Entity): string {
  return Object.entries(entity.facts)
    .map(([attribute, value]) => statement(attribute, entity.name, value))
    .join(' ');
}

export const QUESTION_FORMS = ['what-is', 'tell-me'] as const;
export type QuestionForm = (typeof QUESTION_FORMS)[number];

export function questionAbout(attribute: string, name: string, form: QuestionForm): string {
  return form === 'what-is' ? `What is the ${attribute} of ${name}?` : `Tell me the ${attribute} of ${name}.`;
}
