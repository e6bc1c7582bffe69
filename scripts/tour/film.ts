import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { type Cue, readingSeconds } from './captions.ts';
import { createHands, type Hands } from './hands.ts';
import { barHeight, installOverlay, type Overlaid } from './overlay.ts';
import { type Recorder, size, startRecorder } from './recorder.ts';
import { serveStagePages } from './stage-pages.ts';

/** A part of the film that the GIF shows, in seconds. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/** What scenes do: hands on a page, captions that stay until they are read, cuts. */
export interface Film extends Hands {
  readonly page: Page;
  seconds(): number;
  scene(title: string): void;
  /** Shows a caption once the one before has been there long enough. */
  say(text: string): Promise<void>;
  /** Waits until the caption has been read. */
  read(): Promise<void>;
  pause(seconds: number): Promise<void>;
  /** A page, from the moment at which it stands still. */
  open(url: string): Promise<void>;
  /** Waits for something, and leaves out of the film what takes longer than `seconds`. */
  wait<T>(work: Promise<T>, seconds: number): Promise<T>;
  /** Leaves out of the film what happens meanwhile. */
  cut<T>(work: () => Promise<T>): Promise<T>;
  /** What happens meanwhile is shown in the GIF too. */
  highlight(work: () => Promise<void>): Promise<void>;
  cues(): readonly Cue[];
  highlights(): readonly Part[];
  /** Ends the film: nothing more is played. */
  stop(): Promise<void>;
  encode(ffmpeg: string, file: string): Promise<void>;
  /** Forgets what was recorded; the browser must be closed. */
  close(): Promise<void>;
}

export async function startFilm(browser: Browser): Promise<Film> {
  const context = await browser.newContext({ viewport: size, colorScheme: 'light', locale: 'en-GB' });
  context.setDefaultTimeout(30_000);
  let overlaid: Overlaid = { scene: '', caption: '', cursor: { x: size.width / 2, y: size.height / 2 } };
  await context.exposeFunction('tourState', () => overlaid);
  await context.addInitScript(installOverlay, barHeight);
  await serveStagePages(context);
  const page = await context.newPage();
  const recorder: Recorder = await startRecorder(await context.newCDPSession(page));

  const cues: Cue[] = [];
  const highlights: Part[] = [];
  let shown: { start: number; text: string } | undefined;
  const hands = createHands(page, overlaid.cursor, (cursor) => {
    overlaid = { ...overlaid, cursor };
  });

  async function draw(change: Partial<Overlaid>): Promise<void> {
    overlaid = { ...overlaid, ...change };
    // A page that is just opening asks for it itself.
    await page.evaluate((state) => window.tour?.draw(state), overlaid).catch(() => {});
  }

  async function read(): Promise<void> {
    if (shown === undefined) return;
    const left = shown.start + readingSeconds(shown.text) - recorder.seconds();
    if (left > 0) await sleep(left * 1000);
  }

  async function change(text: string): Promise<void> {
    await read();
    const now = recorder.seconds();
    if (shown !== undefined) cues.push({ ...shown, end: now });
    shown = text === '' ? undefined : { start: now, text };
    await draw({ caption: text });
  }

  async function cut<T>(work: () => Promise<T>): Promise<T> {
    recorder.pause();
    try {
      return await work();
    } finally {
      recorder.resume();
    }
  }

  return {
    ...hands,
    page,
    seconds: () => recorder.seconds(),
    scene: (title) => {
      overlaid = { ...overlaid, scene: title };
    },
    say: change,
    read,
    pause: (seconds) => sleep(seconds * 1000),
    cut,
    async open(url) {
      await cut(async () => {
        await page.goto(url);
        await page.waitForLoadState('networkidle');
        await draw({});
        await sleep(300);
      });
    },
    async wait(work, seconds) {
      await Promise.race([work, sleep(seconds * 1000)]);
      return cut(() => work);
    },
    async highlight(work) {
      const start = recorder.seconds();
      await work();
      highlights.push({ start, end: recorder.seconds() });
    },
    cues: () => cues,
    highlights: () => highlights,
    async stop() {
      await change('');
      await recorder.stop();
      await context.close();
    },
    encode: (ffmpeg, file) => recorder.encode(ffmpeg, file),
    close: () => recorder.close(),
  };
}
