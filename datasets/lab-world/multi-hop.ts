/** Tasks over two facts: a chain (the country of the city of X) or a sum (the sheep of X and Y together). */
import { pick, type Random } from '../../packages/forge/src/lib/random.ts';
import { HERDS } from './names.ts';
import { drawCity, drawConfusableNames, drawPerson, type Lookup, type ReadingTask } from './reading.ts';
import { CITY_ATTRIBUTES, drawNames, type Entity, KNOWN_ATTRIBUTES, type NamePool } from './world.ts';

const MULTI_HOP_KINDS = ['city', 'boss', 'sum'] as const;
export type MultiHopKind = (typeof MULTI_HOP_KINDS)[number];

export interface MultiHopTask extends ReadingTask {
  kind: MultiHopKind;
  /** The two entities that hold the facts, then others that only distract. */
  supporting: [Entity, Entity];
  distractors: Entity[];
}

function lookup(entity: Entity, attribute: string): Lookup {
  const value = entity.facts[attribute];
  if (value === undefined) throw new RangeError(`${entity.name} has no ${attribute}`);
  return { attribute, name: entity.name, value };
}

/** `What is the country of the city of Mira Tolan?`: `link` leads from the first entity to the second. */
export function chainTask(first: Entity, link: 'city' | 'boss', second: Entity, attribute: string): ReadingTask {
  const lookups = [lookup(first, link), lookup(second, attribute)];
  return {
    question: `What is the ${attribute} of the ${link} of ${first.name}?`,
    answer: second.facts[attribute] as string,
    lookups,
  };
}

/** `How many sheep do Mira Tolan and Hugo Lund have together?` */
export function sumTask(first: Entity, second: Entity, herd: string): ReadingTask {
  const lookups = [lookup(first, `number of ${herd}`), lookup(second, `number of ${herd}`)];
  const [a, b] = lookups.map((found) => Number(found.value)) as [number, number];
  return {
    question: `How many ${herd} do ${first.name} and ${second.name} have together?`,
    answer: String(a + b),
    lookups,
    expression: `${a} + ${b}`,
  };
}

function drawCityChain(pool: NamePool, random: Random): MultiHopTask {
  const [name, otherName] = drawConfusableNames(pool, 2, random) as [string, string];
  const [cityName, otherCityName] = drawNames(pool.cities, 2, random) as [string, string];
  const person = drawPerson(name, ['city'], random.below(3), pool, random);
  const other = drawPerson(otherName, ['city'], random.below(3), pool, random);
  person.facts.city = cityName;
  other.facts.city = otherCityName;
  const city = drawCity(cityName, pool, random);
  return {
    ...chainTask(person, 'city', city, pick(CITY_ATTRIBUTES, random)),
    kind: 'city',
    supporting: [person, city],
    distractors: [drawCity(otherCityName, pool, random), other],
  };
}

function drawBossChain(pool: NamePool, random: Random): MultiHopTask {
  const [name, bossName, otherName] = drawConfusableNames(pool, 3, random) as [string, string, string];
  const attribute = pick(KNOWN_ATTRIBUTES, random);
  const person = drawPerson(name, ['boss'], random.below(3), pool, random);
  const boss = drawPerson(bossName, [attribute], random.below(3), pool, random);
  person.facts.boss = bossName;
  const other = drawPerson(otherName, ['boss', attribute], random.below(2), pool, random);
  return {
    ...chainTask(person, 'boss', boss, attribute),
    kind: 'boss',
    supporting: [person, boss],
    distractors: [other],
  };
}

function drawSum(pool: NamePool, random: Random): MultiHopTask {
  const names = drawConfusableNames(pool, 3, random);
  const herd = pick(HERDS, random);
  const [first, second, other] = names.map((name) =>
    drawPerson(name, [`number of ${herd}`], random.below(3), pool, random),
  ) as [Entity, Entity, Entity];
  return { ...sumTask(first, second, herd), kind: 'sum', supporting: [first, second], distractors: [other] };
}

/** A random task about people and cities of the pool with freshly drawn facts. */
export function drawMultiHop(pool: NamePool, random: Random): MultiHopTask {
  const kind = pick(MULTI_HOP_KINDS, random);
  if (kind === 'city') return drawCityChain(pool, random);
  return kind === 'boss' ? drawBossChain(pool, random) : drawSum(pool, random);
}
