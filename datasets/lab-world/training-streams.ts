/** The kinds of training text, each a function that draws one transcript. The training recipe mixes them by weight. */
import { pick, type Random, sampleIndices, shuffled } from '../../packages/forge/src/lib/random.ts';
import { drawProblem } from './arithmetic.ts';
import { drawCalculatorTask } from './calculator.ts';
import { chance, copying, copyingNumbers, recall, recallCounts } from './lookup-streams.ts';
import { drawMultiHop } from './multi-hop.ts';
import { HERDS } from './names.ts';
import {
  drawCity,
  drawConfusableNames,
  drawPerson,
  numberPassages,
  type ReadingTask,
  singleLookup,
} from './reading.ts';
import {
  calculatorTurn,
  joined,
  naive,
  react,
  reading,
  searchAction,
  searchReact,
  stepByStep,
  type ToolTurn,
  type Transcript,
} from './transcript.ts';
import {
  drawFacts,
  drawNames,
  type Entity,
  KNOWN_ATTRIBUTES,
  PERSON_ATTRIBUTES,
  passageOf,
  QUESTION_FORMS,
  questionAbout,
  statement,
  type World,
} from './world.ts';

export type Stream = (random: Random) => Transcript;

/** Bare equations, the result of each trained on: the densest way to learn the single steps. */
function equations(random: Random): Transcript {
  const lines = Array.from({ length: 8 }, () => drawProblem(2, random).equations)
    .flat()
    // There are 17 times as many sums and differences (4,783) as products and quotients (286).
    .filter((line) => /[-+]/.test(line) || chance(30, random));
  // As a line of a chain begins, or with the blank that a number in a question has: two numbers of one token each.
  const blank = chance(50, random) ? ' ' : '';
  return lines.flatMap((line, index) => {
    const [left, right] = line.split(' = ') as [string, string];
    return [
      { text: `${index === 0 ? '' : '\n'}${blank}${left} =`, weight: 0 } as const,
      { text: ` ${right}`, weight: 1 } as const,
    ];
  });
}

function arithmetic(cot: boolean, random: Random): Transcript {
  const problem = drawProblem(1 + random.below(4), random);
  return cot
    ? stepByStep(problem.question, problem.equations, problem.answer)
    : naive(problem.question, problem.answer);
}

/** What is known about one to three known people, as running text. */
function knownText(world: World, random: Random): Transcript {
  const names = sampleIndices(world.known.length, 1 + random.below(3), random).map(
    (index) => world.known[index] as Entity,
  );
  const texts = names.map((person) =>
    passageOf({ name: person.name, facts: Object.fromEntries(shuffled(Object.entries(person.facts), random)) }),
  );
  return [{ text: texts.join('\n'), weight: 1, stop: true }];
}

function knownQuestion(world: World, cot: boolean, random: Random): Transcript {
  const person = pick(world.known, random);
  const attribute = pick(KNOWN_ATTRIBUTES, random);
  const task = singleLookup(person, attribute, questionAbout(attribute, person.name, pick(QUESTION_FORMS, random)));
  return cot
    ? stepByStep(task.question, [statement(attribute, person.name, task.answer)], task.answer)
    : naive(task.question, task.answer);
}

/** Entities that all have one attribute; the first one's name resembles some of the others'. */
function drawEntities(world: World, count: number, random: Random): Entity[] {
  const attribute = pick(PERSON_ATTRIBUTES, random);
  const extra = count > 3 ? 2 : 3;
  const people = drawConfusableNames(world.training, count, random).map((name) =>
    drawPerson(name, [attribute], 1 + random.below(extra), world.training, random),
  );
  const city = (): Entity => drawCity(drawNames(world.training.cities, 1, random)[0] as string, world.training, random);
  return shuffled(
    people.map((person) => (chance(6, random) ? city() : person)),
    random,
  );
}

/** A question about one of the entities; with `absent`, one that no passage answers. */
function questionOver(entities: readonly Entity[], absent: boolean, world: World, random: Random): ReadingTask {
  const form = pick(QUESTION_FORMS, random);
  const entity = pick(entities, random);
  if (!absent) {
    const attribute = pick(Object.keys(entity.facts), random);
    return singleLookup(entity, attribute, questionAbout(attribute, entity.name, form));
  }
  const stranger = drawNames(world.training.people, 1, random)[0] as string;
  const name = chance(50, random) || entity.facts.country !== undefined ? stranger : entity.name;
  const attribute = pick(
    PERSON_ATTRIBUTES.filter((candidate) => name === stranger || !(candidate in entity.facts)),
    random,
  );
  return singleLookup({ name, facts: { [attribute]: 'unknown' } }, attribute, questionAbout(attribute, name, form));
}

function readingStream(world: World, passages: number, cotPercent: number): Stream {
  return (random) => {
    const entities = drawEntities(world, passages, random);
    const tasks: ReadingTask[] = [];
    // A fact is asked once per transcript: a second time it could be copied from the first answer.
    for (let tries = 3 + random.below(3); tries > 0; tries--) {
      const task = questionOver(entities, chance(passages > 1 ? 8 : 4, random), world, random);
      const wanted = task.lookups[0] as ReadingTask['lookups'][number];
      if (
        !tasks.some(
          (other) => other.lookups[0]?.name === wanted.name && other.lookups[0].attribute === wanted.attribute,
        )
      )
        tasks.push(task);
    }
    return reading(
      entities.map(passageOf),
      tasks,
      tasks.map(() => chance(cotPercent, random)),
    );
  };
}

/**
 * One to three people with two to four of the herds each. A word tells by itself which attribute it is the value of; of several
 * numbers of one person only the herd tells which is asked. With few such passages the small model took any of them.
 */
function readingHerds(world: World, random: Random): Transcript {
  const entities = drawConfusableNames(world.training, 1 + random.below(3), random).map((name) => {
    const herds = sampleIndices(HERDS.length, 2 + random.below(3), random).map((index) => `number of ${HERDS[index]}`);
    return drawPerson(name, herds, random.below(2), world.training, random);
  });
  const asked = shuffled(
    entities.flatMap((person) =>
      Object.keys(person.facts)
        .filter((attribute) => attribute.startsWith('number of '))
        .map((attribute) =>
          singleLookup(person, attribute, questionAbout(attribute, person.name, pick(QUESTION_FORMS, random))),
        ),
    ),
    random,
  ).slice(0, 5);
  return reading(
    entities.map(passageOf),
    asked,
    asked.map(() => chance(45, random)),
  );
}

/** Chains and sums over two to four passages; a chain's question is followed by its two single questions now and then. */
function multiHopReading(world: World, cotPercent: number): Stream {
  return (random) => {
    const task = drawMultiHop(world.training, random);
    const passages = shuffled([...task.supporting, ...task.distractors.slice(0, random.below(3))], random).map(
      passageOf,
    );
    return reading(passages, [task], [chance(cotPercent, random)]);
  };
}

/** A person as a document tells of them: most have four or five facts. Cities have theirs. */
function asDocument(entity: Entity, world: World, random: Random): Entity {
  if (entity.facts.country !== undefined) return entity;
  const count = chance(60, random) ? 4 + random.below(2) : 1 + random.below(5);
  const missing = PERSON_ATTRIBUTES.filter((attribute) => !(attribute in entity.facts));
  const wanted = Math.max(0, count - Object.keys(entity.facts).length);
  const more = sampleIndices(missing.length, wanted, random).map((index) => missing[index] as string);
  const facts = { ...entity.facts, ...drawFacts(more, world.training, random) };
  return { name: entity.name, facts: Object.fromEntries(shuffled(Object.entries(facts), random)) };
}

/** What a search for a person brings up: the right document and mostly two of people with similar names, in random order. */
function observation(
  lookup: { attribute: string; name: string; value: string },
  entity: Entity | undefined,
  world: World,
  random: Random,
): string {
  const found = entity ?? drawPerson(lookup.name, [lookup.attribute], random.below(3), world.training, random);
  if (entity === undefined) found.facts[lookup.attribute] = lookup.value;
  const [first, last] = lookup.name.split(' ');
  const similar = world.training.people.filter(
    (name) =>
      name !== lookup.name && (name.startsWith(`${first} `) || (last !== undefined && name.endsWith(` ${last}`))),
  );
  const count = pick([0, 1, 2, 2, 2], random);
  const names = drawNames(similar.length > 0 ? similar : world.training.people, count, random);
  const others = names.map((name) =>
    drawPerson(
      name,
      chance(70, random) && found.facts.country === undefined ? [lookup.attribute] : [],
      1 + random.below(3),
      world.training,
      random,
    ),
  );
  const documents = [found, ...others].map((one) => asDocument(one, world, random));
  return numberPassages(shuffled(documents, random).map(passageOf));
}

function singleSearch(world: World): Stream {
  return (random) => {
    const name = drawNames(world.training.people, 1, random)[0] as string;
    const entity = chance(8, random)
      ? drawCity(drawNames(world.training.cities, 1, random)[0] as string, world.training, random)
      : drawPerson(name, [pick(PERSON_ATTRIBUTES, random)], random.below(4), world.training, random);
    const attribute = pick(Object.keys(entity.facts), random);
    const task = singleLookup(entity, attribute, questionAbout(attribute, entity.name, pick(QUESTION_FORMS, random)));
    const failed: ToolTurn | undefined = chance(6, random)
      ? {
          thought: `I need the ${attribute} of ${entity.name}.`,
          action: searchAction(entity.name, attribute),
          observation: 'error: the search failed',
        }
      : undefined;
    return searchReact(
      task,
      [observation(task.lookups[0] as ReadingTask['lookups'][number], entity, world, random)],
      failed,
    );
  };
}

function multiSearch(world: World): Stream {
  return (random) => {
    const task = drawMultiHop(world.training, random);
    return searchReact(
      task,
      task.lookups.map((lookup, index) => observation(lookup, task.supporting[index], world, random)),
    );
  };
}

function calculatorReact(random: Random): Transcript {
  const task = drawCalculatorTask(random);
  const turn = calculatorTurn(task.expression, task.answer);
  const errors = ['error: the input cannot be read', 'error: the calculator failed'];
  const turns = chance(8, random)
    ? [
        { ...turn, observation: pick(errors, random) },
        { ...turn, thought: 'I try again.' },
      ]
    : [turn];
  return react(task.question, turns, `The answer is ${task.answer}.`, task.answer);
}

function arithmeticReact(random: Random): Transcript {
  const problem = drawProblem(1 + random.below(4), random);
  const turns = problem.equations.map((line) => calculatorTurn(...(line.split(' = ') as [string, string])));
  return react(problem.question, turns, `The answer is ${problem.answer}.`, problem.answer);
}

/** Two to four transcripts of one form in a row, as few-shot prompts show them. */
function fewShot(world: World): Stream {
  const read =
    (cot: number): Stream =>
    (random) => {
      const entities = drawEntities(world, 3, random);
      return reading(entities.map(passageOf), [questionOver(entities, false, world, random)], [chance(cot, random)]);
    };
  const forms: Stream[] = [
    (random) => arithmetic(true, random),
    (random) => arithmetic(true, random),
    (random) => arithmetic(false, random),
    (random) => arithmetic(false, random),
    (random) => knownQuestion(world, false, random),
    read(0),
    read(100),
    calculatorReact,
  ];
  return (random) => {
    const form = pick(forms, random);
    return joined(Array.from({ length: 2 + random.below(4) }, () => form(random)));
  };
}

export function trainingStreams(world: World): Record<string, Stream> {
  return {
    equations,
    'arithmetic-cot': (random) => arithmetic(true, random),
    'arithmetic-naive': (random) => arithmetic(false, random),
    'arithmetic-react': arithmeticReact,
    'known-text': (random) => knownText(world, random),
    'known-question': (random) =>
      joined(Array.from({ length: 1 + random.below(4) }, () => knownQuestion(world, chance(25, random), random))),
    copying: (random) => copying(world, random),
    'copying-numbers': (random) => copyingNumbers(world, random),
    recall: (random) => recall(world, random),
    'reading-1': readingStream(world, 1, 30),
    'reading-2': readingStream(world, 2, 40),
    'reading-3': readingStream(world, 3, 45),
    'reading-5': readingStream(world, 5, 45),
    'recall-counts': (random) => recallCounts(world, random),
    'reading-herds': (random) => readingHerds(world, random),
    'multi-hop': multiHopReading(world, 75),
    'search-react': singleSearch(world),
    'multi-search-react': multiSearch(world),
    'calculator-react': calculatorReact,
    'few-shot': fewShot(world),
  };
}
