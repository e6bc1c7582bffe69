import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Locator, Page } from 'playwright-core';
import { type Cue, readingSeconds } from './captions.ts';
import { barHeight, installOverlay, type Overlaid } from './overlay.ts';
import { type Recorder, size, startRecorder } from './recorder.ts';
import { serveStagePages } from './stage-pages.ts';

/** Below the navigation of the dashboard. */
const belowNavigation = 72;

/** A part of the film that the GIF shows, in seconds. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/** What scenes do: a person's hands, slow enough to be followed, and captions that stay until they are read. */
export interface Film {
  readonly page: Page;
  seconds(): number;
  scene(title: string): void;
  /** Shows a caption once the one before has been there long enough. */
  say(text: string): Promise<void>;
  /** Waits until the caption has been read. */
  read(): Promise<void>;
  /** Takes the caption away once it is read. */
  silence(): Promise<void>;
  pause(seconds: number): Promise<void>;
  point(at: Locator): Promise<void>;
  /** Points at what may be gone already. */
  glance(at: Locator): Promise<void>;
  click(at: Locator): Promise<void>;
  type(text: string): Promise<void>;
  /** Presses a key so many times. */
  press(key: string, times?: number): Promise<void>;
  scrollTo(to: Locator, top?: number): Promise<void>;
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

const ease = (part: number) => (part < 0.5 ? 2 * part * part : 1 - 2 * (1 - part) * (1 - part));

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
  // Of typing, so that each film has the same rhythm.
  let beat = 1;

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

  async function moveTo(x: number, y: number): Promise<void> {
    const { cursor } = overlaid;
    const lastsMs = Math.min(900, 250 + Math.hypot(x - cursor.x, y - cursor.y) * 0.9);
    const begun = performance.now();
    for (let part = 0; part < 1; ) {
      part = Math.min(1, (performance.now() - begun) / lastsMs);
      const eased = ease(part);
      await page.mouse.move(cursor.x + (x - cursor.x) * eased, cursor.y + (y - cursor.y) * eased);
      await sleep(12);
    }
    overlaid = { ...overlaid, cursor: { x, y } };
  }

  async function scrollTo(to: Locator, top = belowNavigation + 16): Promise<void> {
    await to.evaluate((element, px) => window.tour.scroll(element, px), top);
  }

  async function point(at: Locator): Promise<void> {
    await at.waitFor();
    const box = await at.boundingBox();
    if (box === null) throw new Error(`not to be seen: ${at}`);
    // Out of sight, or below the caption.
    if (box.y < belowNavigation - 60 || box.y + Math.min(box.height, 40) > size.height - barHeight)
      await scrollTo(at, 260);
    const seen = (await at.boundingBox()) ?? box;
    // To the lower edge of a line, so that it can be read; into what is larger.
    const down = seen.height < 40 ? seen.height * 0.8 : Math.min(seen.height / 2, 60);
    await moveTo(seen.x + Math.min(seen.width / 2, 220), seen.y + down);
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
    page,
    seconds: () => recorder.seconds(),
    scene: (title) => {
      overlaid = { ...overlaid, scene: title };
    },
    say: change,
    read,
    silence: () => change(''),
    pause: (seconds) => sleep(seconds * 1000),
    point,
    async glance(at) {
      const box = await at.boundingBox({ timeout: 500 }).catch(() => null);
      if (box !== null) await moveTo(box.x + Math.min(box.width / 2, 220), box.y + box.height);
    },
    async click(at) {
      await point(at);
      await sleep(180);
      await page.mouse.down();
      await sleep(70);
      await page.mouse.up();
      await sleep(250);
    },
    async type(text) {
      for (const character of text) {
        await page.keyboard.type(character);
        beat = (beat * 16_807) % 2_147_483_647;
        await sleep(45 + (beat % 60) + (character === ' ' ? 40 : 0));
      }
    },
    async press(key, times = 1) {
      for (let i = 0; i < times; i++) {
        await page.keyboard.press(key);
        await sleep(120);
      }
    },
    scrollTo,
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
