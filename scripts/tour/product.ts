import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Part } from './film.ts';
import { type Programs, runFfmpeg } from './programs.ts';
import { size } from './recorder.ts';

const run = promisify(execFile);

const gifWidth = 800;
const gifFramesPerSecond = 8;
const maxGifBytes = 5_000_000;
/** Seconds. */
const filmLength = { least: 300, most: 420 };
const gifLength = { least: 10, most: 20 };

/** The parts of a film one after another, with one palette for all. */
export async function writeGif(
  { ffmpeg }: Programs,
  film: string,
  parts: readonly Part[],
  file: string,
): Promise<void> {
  const cuts = parts.map(({ start, end }, i) => `[0:v]trim=${start}:${end},setpts=PTS-STARTPTS[part${i}]`);
  const joined = `${parts.map((_, i) => `[part${i}]`).join('')}concat=n=${parts.length}`;
  const small = `fps=${gifFramesPerSecond},scale=${gifWidth}:-2:flags=lanczos,split[shown][seen]`;
  const coloured =
    '[seen]palettegen=max_colors=160[palette];[shown][palette]paletteuse=dither=none:diff_mode=rectangle';
  const graph = `${[...cuts, `${joined},${small}`].join(';')};${coloured}`;
  await runFfmpeg(ffmpeg, ['-i', film, '-filter_complex', graph, file]);
}

interface Probed {
  readonly seconds: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
}

async function probe({ ffprobe }: Programs, file: string): Promise<Probed> {
  const shown = ['-show_entries', 'format=duration:stream=codec_name,width,height', '-of', 'json'];
  const { stdout } = await run(ffprobe, ['-v', 'error', '-select_streams', 'v:0', ...shown, file]);
  const { format, streams } = JSON.parse(stdout) as {
    format: { duration: string };
    streams: { codec_name: string; width: number; height: number }[];
  };
  const [video] = streams;
  if (video === undefined) throw new Error(`${file} holds no picture`);
  return { seconds: Number(format.duration), codec: video.codec_name, width: video.width, height: video.height };
}

/** Darkest and brightest point of the picture at a time, 0 to 255. */
async function brightness({ ffmpeg }: Programs, film: string, seconds: number): Promise<[number, number]> {
  const { stdout } = await run(
    ffmpeg,
    [
      ...['-v', 'error', '-ss', seconds.toFixed(3), '-i', film, '-frames:v', '1'],
      ...['-vf', 'scale=320:180', '-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1'],
    ],
    { encoding: 'buffer' },
  );
  return stdout.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [255, 0],
  );
}

export interface Product {
  readonly film: string;
  /** undefined where the scenes that were played have nothing for it. */
  readonly gif: string | undefined;
  readonly scenes: readonly (Part & { readonly name: string })[];
  /** Of some scenes only: they may be shorter. */
  readonly isWhole: boolean;
}

/** What is wrong with what was made, and its figures in a sentence. */
export async function checkProduct(
  programs: Programs,
  { film, gif, scenes, isWhole }: Product,
): Promise<{ problems: string[]; sentence: string }> {
  const problems: string[] = [];
  const { seconds, codec, width, height } = await probe(programs, film);
  const filmBytes = (await stat(film)).size;
  if (codec !== 'h264') problems.push(`the film is ${codec}, not h264`);
  if (width !== size.width || height !== size.height)
    problems.push(`the film is ${width} x ${height}, not ${size.width} x ${size.height}`);
  if (isWhole && (seconds < filmLength.least || seconds > filmLength.most))
    problems.push(`the film lasts ${seconds.toFixed(0)} s, not ${filmLength.least} to ${filmLength.most}`);
  for (const { name, start, end } of scenes) {
    const [low, high] = await brightness(programs, film, (start + end) / 2);
    if (high - low < 50)
      problems.push(`the scene ${name} is of one colour in its middle (brightness ${low} to ${high})`);
  }
  const sentences = [`film: ${seconds.toFixed(0)} s, ${width} x ${height}, ${(filmBytes / 1e6).toFixed(1)} MB`];
  if (gif === undefined) {
    if (isWhole) problems.push('no scene has a part for the GIF');
  } else {
    const shown = await probe(programs, gif);
    const bytes = (await stat(gif)).size;
    if (bytes > maxGifBytes)
      problems.push(`the GIF has ${(bytes / 1e6).toFixed(1)} MB, more than ${maxGifBytes / 1e6}`);
    if (isWhole && (shown.seconds < gifLength.least || shown.seconds > gifLength.most))
      problems.push(`the GIF lasts ${shown.seconds.toFixed(1)} s, not ${gifLength.least} to ${gifLength.most}`);
    sentences.push(`GIF: ${shown.seconds.toFixed(1)} s, ${(bytes / 1e6).toFixed(1)} MB`);
  }
  return { problems, sentence: sentences.join('; ') };
}
