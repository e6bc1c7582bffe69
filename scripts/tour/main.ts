// A film of the real dashboard, from a new experiment to a finding, with captions: `npm run tour`. How: docs/tour.md.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { launchBrowser } from '../../packages/dashboard/e2e/browser.ts';
import { vttText } from './captions.ts';
import { type Film, type Part, startFilm } from './film.ts';
import { type Laboratory, openLaboratory, type Seed, seedOrder, seedSeconds } from './laboratory.ts';
import { checkProduct, writeGif } from './product.ts';
import { findPrograms, type Programs } from './programs.ts';
import type { Scene } from './scene.ts';
import { commands, end } from './scenes/claims.ts';
import { compare, examples } from './scenes/evidence.ts';
import { create, home as homeScene, run, verdict } from './scenes/experiment.ts';
import { agent, retrieval } from './scenes/methods.ts';
import { benchmark, training } from './scenes/models.ts';
import { system } from './scenes/workers.ts';

const root = join(import.meta.dirname, '..', '..');
const all = [
  homeScene,
  create,
  run,
  verdict,
  examples,
  compare,
  retrieval,
  agent,
  training,
  benchmark,
  commands,
  system,
  end,
];

const minutes = (seconds: number) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(Math.max(0, seconds) % 60)).padStart(2, '0')}`;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function chosenScenes(only: string | undefined): readonly Scene[] {
  if (only === undefined) return all;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !all.some((scene) => scene.name === name));
  if (unknown.length > 0)
    throw new Error(`--only ${unknown.join(', ')}: no such scene; there are ${all.map(({ name }) => name).join(', ')}`);
  return all.filter(({ name }) => names.includes(name));
}

/** What must be stored before the film: all that its scenes show and do not make themselves. */
function seedsFor(scenes: readonly Scene[]): readonly Seed[] {
  const needed = scenes.flatMap(({ needs }) => needs);
  const made = scenes.flatMap(({ makes }) => makes ?? []);
  return seedOrder.filter((name) => needed.includes(name) && !made.includes(name));
}

async function seed(home: string, seeds: readonly Seed[]): Promise<void> {
  const laboratory = await openLaboratory(home);
  try {
    const missing: Seed[] = [];
    for (const name of seeds) if (!(await laboratory.has(name))) missing.push(name);
    for (const [i, name] of missing.entries()) {
      const left = sum(missing.slice(i).map((one) => seedSeconds[one]));
      console.log(`before the film: ${name} (${i + 1} of ${missing.length}), about ${minutes(left)} left`);
      await laboratory.make(name);
    }
  } finally {
    await laboratory.stop();
  }
}

/** A browser that no longer answers would be waited for without an end. */
async function withinMinutes(most: number, work: Promise<void>, name: string): Promise<void> {
  const over = new AbortController();
  const late = sleep(most * 60_000, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${name} did not end within ${most} minutes`);
  });
  late.catch(() => {});
  await Promise.race([work, late]).finally(() => over.abort());
}

type Played = Part & { readonly name: string };

/** Plays the scenes in a browser. */
async function play(film: Film, scenes: readonly Scene[], laboratory: Laboratory, output: string): Promise<Played[]> {
  const played: Played[] = [];
  for (const [i, scene] of scenes.entries()) {
    const start = film.seconds();
    const left = sum(scenes.slice(i).map(({ seconds }) => seconds));
    console.log(`scene ${i + 1} of ${scenes.length}: ${scene.name} at ${minutes(start)}, about ${minutes(left)} left`);
    film.scene(scene.title);
    await withinMinutes(10, scene.play({ film, laboratory, output }), `the scene ${scene.name}`);
    played.push({ name: scene.name, start, end: film.seconds() });
  }
  return played;
}

/** The film, its captions and the GIF are in `output` then, or the error says what is wrong with them. */
async function make(programs: Programs, scenes: readonly Scene[], home: string, output: string): Promise<void> {
  const at = (name: string) => join(root, output, name);
  const laboratory = await openLaboratory(home);
  const browser = await launchBrowser();
  const film = await startFilm(browser);
  try {
    const played = await play(film, scenes, laboratory, output);
    await film.stop();
    console.log('encoding, a minute or two');
    await film.encode(programs.ffmpeg, at('tour.mp4'));
    await writeFile(at('tour.vtt'), vttText(film.cues()));
    const parts = film.highlights();
    if (parts.length > 0) await writeGif(programs, at('tour.mp4'), parts, at('tour.gif'));
    const { problems, sentence } = await checkProduct(programs, {
      film: at('tour.mp4'),
      gif: parts.length === 0 ? undefined : at('tour.gif'),
      scenes: played,
      isWhole: scenes.length === all.length,
    });
    console.log(`${sentence}\nin ${output}: tour.mp4, tour.vtt${parts.length === 0 ? '' : ', tour.gif'}`);
    if (problems.length > 0) throw new Error(`what was made is not as it should be:\n  ${problems.join('\n  ')}`);
  } finally {
    await browser.close();
    await laboratory.stop();
    await film.close();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      /** Scenes by name, with commas between them. */
      only: { type: 'string' },
      /** From the root of the project. */
      output: { type: 'string', default: 'build/tour' },
      /** Keeps what is made before the film, for the next one. */
      home: { type: 'string' },
    },
  });
  const scenes = chosenScenes(values.only);
  const programs = findPrograms(process.env);
  const home = await mkdtemp(join(tmpdir(), 'forge-tour-'));
  try {
    await mkdir(join(root, values.output), { recursive: true });
    await seed(values.home ?? home, seedsFor(scenes));
    // The film changes what is stored; the next one begins like this one.
    if (values.home !== undefined) await cp(values.home, home, { recursive: true });
    await make(programs, scenes, home, values.output);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`tour: ${error instanceof Error ? error.message : String(error)}`);
  // At once: a browser that hangs would keep the process.
  process.exit(1);
}
