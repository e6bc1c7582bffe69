// A film of the real dashboard, from a new experiment to a finding, with captions: `npm run tour`. How: docs/tour.md.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launchBrowser } from '../../packages/dashboard/e2e/browser.ts';
import { vttText } from './captions.ts';
import { type Part, startFilm } from './film.ts';
import { openLaboratory, type Seed, seedSeconds } from './laboratory.ts';
import { checkProduct, writeGif } from './product.ts';
import { findPrograms, type Programs } from './programs.ts';
import type { Scene } from './scene.ts';
import { commands, end, system } from './scenes/claims.ts';
import { compare, examples } from './scenes/evidence.ts';
import { create, home as homeScene, run, verdict } from './scenes/experiment.ts';
import { agent, retrieval } from './scenes/methods.ts';
import { benchmark, training } from './scenes/models.ts';

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
  const made = scenes.flatMap(({ makes }) => makes ?? []);
  return [...new Set(scenes.flatMap(({ needs }) => needs))].filter((seed) => !made.includes(seed));
}

async function seed(home: string, seeds: readonly Seed[]): Promise<void> {
  const laboratory = await openLaboratory(home);
  try {
    for (const [i, name] of seeds.entries()) {
      const left = sum(seeds.slice(i).map((one) => seedSeconds[one]));
      console.log(`before the film: ${name} (${i + 1} of ${seeds.length}), about ${minutes(left)} left`);
      await laboratory.seed(name);
    }
  } finally {
    await laboratory.stop();
  }
}

/** Plays the scenes in a browser; the film, the captions and the GIF are in `output` then. */
async function play(programs: Programs, scenes: readonly Scene[], home: string, output: string): Promise<void> {
  const folder = join(root, output);
  const film = join(folder, 'tour.mp4');
  const laboratory = await openLaboratory(home);
  const browser = await launchBrowser();
  const played: (Part & { name: string })[] = [];
  let highlights: readonly Part[] = [];
  try {
    const camera = await startFilm(browser, programs.ffmpeg, folder);
    try {
      for (const [i, scene] of scenes.entries()) {
        const start = camera.seconds();
        const left = sum(scenes.slice(i).map(({ seconds }) => seconds));
        console.log(
          `scene ${i + 1} of ${scenes.length}: ${scene.name} at ${minutes(start)}, about ${minutes(left)} left`,
        );
        await camera.scene(scene.title);
        await scene.play({ film: camera, laboratory, output });
        played.push({ name: scene.name, start, end: camera.seconds() });
      }
    } finally {
      await camera.stop();
      highlights = camera.highlights();
      await writeFile(join(folder, 'tour.vtt'), vttText(camera.cues()));
    }
  } finally {
    await browser.close();
    await laboratory.stop();
  }
  const gif = highlights.length === 0 ? undefined : join(folder, 'tour.gif');
  if (gif !== undefined) {
    console.log('the GIF');
    await writeGif(programs, film, highlights, gif);
  }
  const isWhole = scenes.length === all.length;
  const { problems, sentence } = await checkProduct(programs, { film, gif, scenes: played, isWhole });
  console.log(`${sentence}\n${output}: tour.mp4, tour.vtt${gif === undefined ? '' : ', tour.gif'}`);
  if (problems.length > 0) throw new Error(`what was made is not as it should be:\n  ${problems.join('\n  ')}`);
}

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
const home = await mkdtemp(join(tmpdir(), 'forge-tour-'));
try {
  const scenes = chosenScenes(values.only);
  const programs = findPrograms(process.env);
  await mkdir(join(root, values.output), { recursive: true });
  await seed(values.home ?? home, seedsFor(scenes));
  // The film changes what is stored; the next one begins like this one.
  if (values.home !== undefined) await cp(values.home, home, { recursive: true });
  await play(programs, scenes, home, values.output);
} catch (error) {
  console.error(`tour: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await rm(home, { recursive: true, force: true });
}
