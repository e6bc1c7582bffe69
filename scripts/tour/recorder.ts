import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CDPSession } from 'playwright-core';
import { runFfmpeg } from './programs.ts';

/** CSS pixels of the page, and pixels of the film. */
export const size = { width: 1600, height: 900 };
const framesPerSecond = 25;

/** What a page looks like, as frames of a film that plays as fast as it happened. */
export interface Recorder {
  /** Length of the film so far. */
  seconds(): number;
  /** What happens now is not in the film. */
  pause(): void;
  resume(): void;
  /** Ends the recording; `encode` may follow. */
  stop(): Promise<void>;
  /** Makes an MP4 file of what was recorded. */
  encode(ffmpeg: string, file: string): Promise<void>;
  /** Removes the frames; the browser must be closed. */
  close(): Promise<void>;
}

/** A picture stays from its place on, counted in frames of the film, until the next one comes. */
interface Frame {
  readonly place: number;
  readonly data: Buffer;
}

/** The list that ffmpeg reads: each file with how long it is shown. */
function frameList(folder: string, places: readonly number[], end: number): string {
  const lines = places.flatMap((place, i) => [
    `file '${join(folder, `${place}.jpg`)}'`,
    `duration ${((places[i + 1] ?? end) - place) / framesPerSecond}`,
  ]);
  // The demuxer takes no notice of the last duration unless a file follows.
  return ['ffconcat version 1.0', ...lines, lines.at(-2) ?? ''].join('\n');
}

const encoding = (list: string, file: string) => [
  ...['-f', 'concat', '-safe', '0', '-i', list],
  // JPEG has other colours than a film: players would show them paler.
  ...['-vf', 'scale=in_range=pc:out_range=tv:in_color_matrix=bt601:out_color_matrix=bt709,format=yuv420p'],
  ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
  ...['-r', `${framesPerSecond}`, '-c:v', 'libx264', '-preset', 'faster', '-crf', '20'],
  ...['-movflags', '+faststart', '-an', file],
];

/**
 * Chromium's screencast on disk: a JPEG file for each change of the page, by the time at which it was drawn. One frame at a time is in memory,
 * and Chromium is asked for the next when it is written. To encode meanwhile would take time that the page needs.
 */
export async function startRecorder(devtools: CDPSession): Promise<Recorder> {
  const folder = await mkdtemp(join(tmpdir(), 'forge-film-'));
  const places: number[] = [];
  let latest: Frame | undefined;
  /** Where the clock stood when the film began, and all that was left out since. */
  let left = 0;
  let pausedAt: number | undefined;
  let writing: Promise<void> = Promise.resolve();
  const clock = () => Date.now() / 1000;
  const filmTime = (seconds: number) => Math.min(seconds, pausedAt ?? seconds) - left;
  const placeOf = (seconds: number) => Math.max(0, Math.round(filmTime(seconds) * framesPerSecond));

  async function keep({ place, data }: Frame): Promise<void> {
    places.push(place);
    await writeFile(join(folder, `${place}.jpg`), data);
  }

  async function take(data: Buffer, drawnAt: number): Promise<void> {
    if (latest === undefined) left = drawnAt;
    const before = latest;
    // One that was drawn in a pause is what is seen after it.
    latest = { place: Math.max(placeOf(drawnAt), before?.place ?? 0), data };
    if (before !== undefined && before.place < latest.place) await keep(before);
  }

  const { width, height } = size;
  const first = new Promise<void>((resolve, reject) => {
    devtools.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
      writing = writing.then(async () => {
        await take(Buffer.from(data, 'base64'), metadata.timestamp ?? clock());
        // Not awaited: a browser that is being closed never answers.
        devtools.send('Page.screencastFrameAck', { sessionId }).catch(() => {});
      });
      writing.then(resolve, reject);
    });
  });
  await devtools.send('Page.startScreencast', { format: 'jpeg', quality: 88, maxWidth: width, maxHeight: height });
  await first;

  return {
    seconds: () => filmTime(clock()),
    pause() {
      pausedAt ??= clock();
    },
    resume() {
      if (pausedAt === undefined) return;
      left += clock() - pausedAt;
      pausedAt = undefined;
    },
    async stop() {
      pausedAt ??= clock();
      await devtools.send('Page.stopScreencast').catch(() => {});
      await writing;
      if (latest !== undefined) await keep(latest);
    },
    async encode(ffmpeg, file) {
      const list = join(folder, 'frames.txt');
      await writeFile(list, frameList(folder, places, placeOf(clock())));
      await runFfmpeg(ffmpeg, encoding(list, file));
    },
    async close() {
      await writing.catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}
