/** The committed rows of every family, drawn from fixed seeds. The training text leaves out every question that appears here. */
import { createRandom, pick, type Random, sampleIndices, shuffled } from '../../packages/forge/src/lib/random.ts';
import { drawProblem } from './arithmetic.ts';
import { drawCalculatorTask } from './calculator.ts';
import { CLAIM_KINDS, type ClaimKind, drawClaim } from './entailment.ts';
import { chainTask, sumTask } from './multi-hop.ts';
import { HERDS } from './names.ts';
import { drawConfusableNames, drawPerson, numberPassages, type ReadingTask, singleLookup } from './reading.ts';
import { readingSteps } from './transcript.ts';
import {
  CITY_ATTRIBUTES,
  drawFacts,
  drawNames,
  type Entity,
  KNOWN_ATTRIBUTES,
  PERSON_ATTRIBUTES,
  passageOf,
  QUESTION_FORMS,
  questionAbout,
  type World,
} from './world.ts';

/** One line of a JSONL file of the lab world. */
export interface Row {
  id: string;
  family: string;
  question: string;
  /** Every string that counts as right. */
  answer: string[];
  /** Numbered passages, for the reading family. */
  context?: string;
  /** Number of reasoning steps the question needs. */
  steps?: number;
  /** The worked steps, one per line: for few-shot examples. */
  rationale?: string;
  /** Ids of the corpus documents that hold the facts. */
  gold?: string[];
}

export interface CorpusDocument {
  id: string;
  title: string;
  text: string;
}

function rowId(family: string, index: number): string {
  return `${family}-${String(index + 1).padStart(4, '0')}`;
}

/** Problems with 1 to 4 steps in turn, none with the question of another. */
function arithmeticRows(split: 'test' | 'train', count: number, taken: Set<string>): Row[] {
  const random = createRandom(`lab-world/arithmetic/${split}`);
  const rows: Row[] = [];
  while (rows.length < count) {
    const steps = 1 + (rows.length % 4);
    const problem = drawProblem(steps, random);
    if (taken.has(problem.question)) continue;
    taken.add(problem.question);
    const row: Row = {
      id: rowId(`arithmetic-${split}`, rows.length),
      family: 'arithmetic',
      question: problem.question,
      answer: [problem.answer],
      steps,
    };
    rows.push(split === 'train' ? { ...row, rationale: problem.equations.join('\n') } : row);
  }
  return rows;
}

/** Asks for facts of known people in the form `What is the ...?`; the training text holds these facts, but never these questions. */
function knownFactRows(world: World, count: number): Row[] {
  const random = createRandom('lab-world/known-facts/test');
  const facts = world.known.flatMap((person) => KNOWN_ATTRIBUTES.map((attribute) => ({ person, attribute })));
  return sampleIndices(facts.length, count, random).map((at, index) => {
    const { person, attribute } = facts[at] as (typeof facts)[number];
    const task = singleLookup(person, attribute, questionAbout(attribute, person.name, 'what-is'));
    return {
      id: rowId('known-facts', index),
      family: 'known-facts',
      question: task.question,
      answer: [task.answer],
      steps: 1,
    };
  });
}

/** The held-out people and cities with fixed facts: bosses and cities are held-out ones too, so that chains can be followed. */
function heldOutEntities(world: World): { people: Entity[]; cities: Entity[] } {
  const random = createRandom('lab-world/corpus');
  const cities = world.heldOut.cities.map((name) => ({
    name,
    facts: drawFacts(shuffled(CITY_ATTRIBUTES, random), world.heldOut, random),
  }));
  const people = world.heldOut.people.map((name) => {
    const herd = `number of ${pick(HERDS, random)}`;
    const person = drawPerson(name, ['city', herd, ...(random.below(3) > 0 ? ['boss'] : [])], 2, world.heldOut, random);
    while (person.facts.boss === name) person.facts.boss = pick(world.heldOut.people, random);
    return person;
  });
  return { people, cities };
}

function documentId(name: string): string {
  return name.toLowerCase().replace(' ', '-');
}

function corpusDocuments(world: World): CorpusDocument[] {
  const { people, cities } = heldOutEntities(world);
  const documents = [...people, ...cities].map((entity) => ({
    id: documentId(entity.name),
    title: entity.name,
    text: passageOf(entity),
  }));
  return shuffled(documents, createRandom('lab-world/corpus/order'));
}

function taskRow(family: string, index: number, task: ReadingTask): Row {
  const gold = task.lookups.map((lookup) => documentId(lookup.name));
  const steps = task.lookups.length + (task.expression === undefined ? 0 : 1);
  return { id: rowId(family, index), family, question: task.question, answer: [task.answer], steps, gold };
}

function documentRows(world: World, count: number): Row[] {
  const random = createRandom('lab-world/documents/test');
  const { people, cities } = heldOutEntities(world);
  const facts = [...people, ...cities].flatMap((entity) =>
    Object.keys(entity.facts).map((attribute) => ({ entity, attribute })),
  );
  return sampleIndices(facts.length, count, random).map((at, index) => {
    const { entity, attribute } = facts[at] as (typeof facts)[number];
    return taskRow(
      'documents',
      index,
      singleLookup(entity, attribute, questionAbout(attribute, entity.name, pick(QUESTION_FORMS, random))),
    );
  });
}

/** Three passages about three held-out people who all have the wanted attribute: who only guesses a value from the passages is right for a third. */
function readingRows(world: World, split: 'test' | 'train', count: number): Row[] {
  const random = createRandom(`lab-world/reading/${split}`);
  const pool = split === 'test' ? world.heldOut : world.training;
  return Array.from({ length: count }, (_, index) => {
    const attribute = pick(PERSON_ATTRIBUTES, random);
    const people = drawThreeDifferent(attribute, drawConfusableNames(pool, 3, random), pool, random);
    const passages = shuffled(people, random).map(passageOf);
    const wanted = people[0] as Entity;
    const task = singleLookup(wanted, attribute, questionAbout(attribute, wanted.name, pick(QUESTION_FORMS, random)));
    const row: Row = {
      id: rowId(`reading-${split}`, index),
      family: 'reading',
      question: task.question,
      answer: [task.answer],
      context: numberPassages(passages),
      steps: 1,
    };
    return split === 'train' ? { ...row, rationale: readingSteps(task, passages).join('\n') } : row;
  });
}

function drawThreeDifferent(
  attribute: string,
  names: readonly string[],
  pool: World['heldOut'],
  random: Random,
): Entity[] {
  for (;;) {
    const people = names.map((name) => drawPerson(name, [attribute], 1 + random.below(3), pool, random));
    if (new Set(people.map((person) => person.facts[attribute])).size === people.length) return people;
  }
}

function multiHopRows(world: World, count: number): Row[] {
  const random = createRandom('lab-world/multi-hop/test');
  const { people, cities } = heldOutEntities(world);
  const byName = new Map([...people, ...cities].map((entity) => [entity.name, entity]));
  const seen = new Set<string>();
  const rows: Row[] = [];
  while (rows.length < count) {
    const task = drawCorpusTask(people, byName, rows.length % 3, random);
    if (task === undefined || seen.has(task.question)) continue;
    seen.add(task.question);
    rows.push(taskRow('multi-hop', rows.length, task));
  }
  return rows;
}

/** A chain through a city, a chain through a boss, or a sum, over the people of the corpus; undefined when the drawn person lacks the link. */
function drawCorpusTask(
  people: readonly Entity[],
  byName: ReadonlyMap<string, Entity>,
  kind: number,
  random: Random,
): ReadingTask | undefined {
  const person = pick(people, random);
  if (kind === 2) {
    const herd = pick(HERDS, random);
    const owners = people.filter((other) => `number of ${herd}` in other.facts);
    const [first, second] = drawNames(
      owners.map((owner) => owner.name),
      2,
      random,
    ).map((name) => byName.get(name)) as [Entity, Entity];
    return sumTask(first, second, herd);
  }
  const link = kind === 0 ? 'city' : 'boss';
  const next = byName.get(person.facts[link] ?? '');
  if (next === undefined) return undefined;
  const attributes = Object.keys(next.facts).filter(
    (attribute) => attribute !== 'boss' && !attribute.startsWith('number'),
  );
  return chainTask(person, link, next, pick(attributes, random));
}

function calculatorRows(count: number): Row[] {
  const random = createRandom('lab-world/calculator/test');
  const seen = new Set<string>();
  const rows: Row[] = [];
  while (rows.length < count) {
    const task = drawCalculatorTask(random);
    if (seen.has(task.question)) continue;
    seen.add(task.question);
    rows.push({
      id: rowId('calculator', rows.length),
      family: 'calculator',
      question: task.question,
      answer: [task.answer],
      steps: 1,
    });
  }
  return rows;
}

/** A claim about passages, and whether they state it. */
export interface ClaimRow {
  id: string;
  premise: string;
  claim: string;
  label: 'supported' | 'unsupported';
  kind: ClaimKind;
}

/** As many supported claims as unsupported ones, the kinds of the latter in turn, about 1 to 3 passages of held-out people and cities. */
function claimRows(world: World, count: number): ClaimRow[] {
  const random = createRandom('lab-world/faithfulness/test');
  const wrongKinds = CLAIM_KINDS.filter((kind) => kind !== 'stated');
  return Array.from({ length: count }, (_, index) => {
    const kind = index % 2 === 0 ? 'stated' : (wrongKinds[(index >> 1) % wrongKinds.length] as ClaimKind);
    const size = { passages: 1 + random.below(3), facts: 5 };
    const { premise, claim } = drawClaim(kind, size, world.heldOut, random);
    return {
      id: rowId('faithfulness', index),
      premise,
      claim,
      label: kind === 'stated' ? 'supported' : 'unsupported',
      kind,
    };
  });
}

/** The first `count` rows of each family in turn. */
const inTurn = (families: readonly (readonly Row[])[], count: number): Row[] =>
  Array.from({ length: count }, (_, i) => families.map((rows) => rows[i] as Row)).flat();

/** Every committed file by name. */
export function committedFiles(world: World): {
  rows: Record<string, Row[]>;
  claims: ClaimRow[];
  corpus: CorpusDocument[];
} {
  const taken = new Set<string>();
  const toolRows = [documentRows(world, 300), multiHopRows(world, 200), calculatorRows(200)] as const;
  const rows = {
    'arithmetic.test.jsonl': arithmeticRows('test', 500, taken),
    'arithmetic.train.jsonl': arithmeticRows('train', 200, taken),
    'known-facts.test.jsonl': knownFactRows(world, 200),
    'reading.test.jsonl': readingRows(world, 'test', 300),
    'reading.train.jsonl': readingRows(world, 'train', 60),
    'documents.test.jsonl': toolRows[0],
    'multi-hop.test.jsonl': toolRows[1],
    'calculator.test.jsonl': toolRows[2],
    'tools.test.jsonl': inTurn(toolRows, 100),
  };
  return { rows, claims: claimRows(world, 600), corpus: corpusDocuments(world) };
}
