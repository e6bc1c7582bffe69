/** Claims about passages, labelled: for training and testing models of natural language inference and the faithfulness metric. */
import { pick, type Random } from '../../packages/forge/src/lib/random.ts';
import { drawCity, drawConfusableNames, drawPerson } from './reading.ts';
import {
  CITY_ATTRIBUTES,
  drawFacts,
  drawNames,
  type Entity,
  type NamePool,
  PERSON_ATTRIBUTES,
  passageOf,
  QUESTION_FORMS,
  questionAbout,
  statement,
} from './world.ts';

/** What was done to make the claim; only `stated` is supported by the passages. */
export const CLAIM_KINDS = ['stated', 'wrong-value', 'other-subject', 'not-stated'] as const;
export type ClaimKind = (typeof CLAIM_KINDS)[number];

export interface Claim {
  premise: string;
  claim: string;
  kind: ClaimKind;
}

/** The label of natural language inference that a kind of claim has. */
export const labelOf = (kind: ClaimKind) =>
  kind === 'stated' ? 'entailment' : kind === 'wrong-value' ? 'contradiction' : 'neutral';

/** The claim as an answer makes it: a sentence (with or without a citation), or an answer beside its question. */
function claimText(attribute: string, name: string, value: string, random: Random): string {
  const sentence = statement(attribute, name, value);
  const form = random.below(10);
  if (form < 4) return sentence;
  if (form === 4) return `${sentence.slice(0, -1)} [${1 + random.below(5)}].`;
  return `The answer to "${questionAbout(attribute, name, pick(QUESTION_FORMS, random))}" is ${value}.`;
}

/** A fact that is asked about: all facts of the entities, chosen with equal chances. */
function drawFact(entities: readonly Entity[], random: Random) {
  const facts = entities.flatMap(({ name, facts }) =>
    Object.entries(facts).map(([attribute, value]) => ({ name, attribute, value })),
  );
  return pick(facts, random);
}

/** Another value: of the same attribute elsewhere in the passages, any of the attribute, or one that is no value of it at all. */
function wrongValue(
  fact: { attribute: string; value: string; name: string },
  entities: readonly Entity[],
  pool: NamePool,
  random: Random,
): string {
  const elsewhere = entities.flatMap(({ name, facts }) =>
    name === fact.name ? [] : [facts[fact.attribute] ?? fact.value],
  );
  const strange = entities.flatMap(({ facts }) => Object.values(facts));
  for (;;) {
    const from = random.below(5);
    const value =
      from < 2 && elsewhere.length > 0
        ? pick(elsewhere, random)
        : from === 2
          ? pick(strange, random)
          : (drawFacts([fact.attribute], pool, random)[fact.attribute] as string);
    if (value !== fact.value) return value;
    elsewhere.length = 0;
  }
}

/** A claim of the wanted kind about so many passages of people, or of cities, of the pool; a person has up to `facts` facts. */
export function drawClaim(
  kind: ClaimKind,
  { passages: count, facts: most }: { passages: number; facts: number },
  pool: NamePool,
  random: Random,
): Claim {
  const ofCities = random.below(8) === 0;
  const names = ofCities ? drawNames(pool.cities, count + 1, random) : drawConfusableNames(pool, count + 1, random);
  const attributes = ofCities ? CITY_ATTRIBUTES : PERSON_ATTRIBUTES;
  const asked = pick(attributes, random);
  const draw = (name: string) =>
    ofCities
      ? drawCity(name, pool, random)
      : drawPerson(name, random.below(3) > 0 ? [asked] : [], 1 + random.below(most - 1), pool, random);
  const absent = names.pop() as string;
  const entities = names.map(draw);
  if (ofCities && kind === 'not-stated') for (const { facts } of entities) delete facts[asked];
  const premise = entities.map(passageOf).join(' ');
  const fact = drawFact(entities, random);
  if (kind === 'stated') return { premise, claim: claimText(fact.attribute, fact.name, fact.value, random), kind };
  if (kind === 'wrong-value') {
    const value = wrongValue(fact, entities, pool, random);
    return { premise, claim: claimText(fact.attribute, fact.name, value, random), kind };
  }
  if (kind === 'other-subject') return { premise, claim: claimText(fact.attribute, absent, fact.value, random), kind };
  const subject = pick(entities, random);
  const attribute = pick(
    attributes.filter((one) => !(one in subject.facts)),
    random,
  );
  const value = drawFacts([attribute], pool, random)[attribute] as string;
  return { premise, claim: claimText(attribute, subject.name, value, random), kind };
}
