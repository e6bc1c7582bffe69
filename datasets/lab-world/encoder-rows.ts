/**
 * Writes what the lab encoders are trained on: `node datasets/lab-world/encoder-rows.ts <folder> [thousands of claims] [seed]`.
 * `tokenizer.json`, `retrieval.jsonl` (query, the passage that answers it, passages that look like it), and `claims.jsonl` (premise,
 * hypothesis, label): a sixth of one passage with up to 2 facts, a sixth of one with up to 5, the rest of 1 to 4 passages, to be learnt in
 * this order. Only about training people and cities: nobody of the corpus occurs. Never committed.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, pick, type Random, shuffled } from '../../packages/forge/src/lib/random.ts';
import { encoderTokenizer } from './encoder-tokenizer.ts';
import { type ClaimKind, drawClaim, labelOf } from './entailment.ts';
import { drawCity, drawConfusableNames, drawPerson } from './reading.ts';
import {
  CITY_ATTRIBUTES,
  createWorld,
  drawNames,
  type Entity,
  type NamePool,
  PERSON_ATTRIBUTES,
  passageOf,
  QUESTION_FORMS,
  questionAbout,
} from './world.ts';

/** Kinds of claims, as often as they are drawn. */
const CLAIM_MIX: readonly ClaimKind[] = [
  ...Array<ClaimKind>(4).fill('stated'),
  ...Array<ClaimKind>(3).fill('wrong-value'),
  ...Array<ClaimKind>(2).fill('other-subject'),
  'not-stated',
];

/** A document as an encoder sees it: the title before the text. */
const shown = (entity: Entity) => `${entity.name}\n${passageOf(entity)}`;

function queryFor(attribute: string, name: string, random: Random): string {
  const form = random.below(10);
  if (form === 0) return `${name} ${attribute}`;
  if (form === 1 && attribute.startsWith('number of ')) {
    return `How many ${attribute.slice('number of '.length)} does ${name} have?`;
  }
  if (form === 2 && (attribute === 'city' || attribute === 'boss')) {
    return `What is the ${pick(attribute === 'city' ? CITY_ATTRIBUTES : PERSON_ATTRIBUTES, random)} of the ${attribute} of ${name}?`;
  }
  return questionAbout(attribute, name, pick(QUESTION_FORMS, random));
}

/** A person who is asked about; beside it one of nearly the same name, one whose boss it is, and one of another name. */
function personGroup(pool: NamePool, random: Random) {
  const attribute = pick(PERSON_ATTRIBUTES, random);
  const [name, ...others] = drawConfusableNames(pool, 4, random) as [string, ...string[]];
  const wanted = drawPerson(name, [attribute], 1 + random.below(5), pool, random);
  const negatives = others.map((other) => drawPerson(other, [attribute], 1 + random.below(5), pool, random));
  const [servant] = negatives;
  if (servant !== undefined && random.below(2) === 0) servant.facts.boss = name;
  return { query: queryFor(attribute, name, random), wanted, negatives };
}

/** A city that is asked about; beside it two other cities and a person who lives there. */
function cityGroup(pool: NamePool, random: Random) {
  const attribute = pick(CITY_ATTRIBUTES, random);
  const [name, ...others] = drawNames(pool.cities, 3, random) as [string, ...string[]];
  const resident = drawPerson(pick(pool.people, random), ['city'], 1 + random.below(5), pool, random);
  resident.facts.city = name;
  return {
    query: queryFor(attribute, name, random),
    wanted: drawCity(name, pool, random),
    negatives: [...others.map((other) => drawCity(other, pool, random)), resident],
  };
}

function retrievalRow(pool: NamePool, random: Random) {
  const { query, wanted, negatives } = random.below(6) === 0 ? cityGroup(pool, random) : personGroup(pool, random);
  return { query, positive: shown(wanted), negatives: shuffled(negatives, random).map(shown) };
}

const claimRow = (passages: number, facts: number) => (pool: NamePool, random: Random) => {
  const size = { passages: 1 + random.below(passages), facts };
  const { premise, claim, kind } = drawClaim(pick(CLAIM_MIX, random), size, pool, random);
  return { premise, hypothesis: claim, label: labelOf(kind) };
};

const [folder, thousands = '150', seed = '1'] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: encoder-rows.ts <folder> [thousands of claims] [seed]');
const pool = createWorld().training;
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(encoderTokenizer(), null, 2));
const claims = 1000 * Number(thousands);
/** Kinds of rows in the order in which a file has them, in equal parts. */
const files = {
  retrieval: { stages: [retrievalRow], count: Math.ceil(0.3 * claims) },
  claims: {
    stages: [claimRow(1, 2), claimRow(1, 5), ...Array<ReturnType<typeof claimRow>>(4).fill(claimRow(4, 5))],
    count: claims,
  },
};
for (const [name, { stages, count }] of Object.entries(files)) {
  const random = createRandom(`lab-world/encoders/${name}/${seed}`);
  const file = openSync(join(folder, `${name}.jsonl`), 'w');
  for (let i = 0; i < count; i++) {
    const draw = stages[Math.floor((i * stages.length) / count)] as (typeof stages)[number];
    writeSync(file, `${JSON.stringify(draw(pool, random))}\n`);
  }
  closeSync(file);
  process.stdout.write(`${name}: ${count} rows\n`);
}
