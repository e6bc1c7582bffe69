import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { barHeight } from './overlay.ts';
import { size } from './recorder.ts';

/** CSS pixels of the dashboard's navigation, which stays at the upper edge. */
const navigationHeight = 56;

/** A person at the page, slow enough to be followed. */
export interface Hands {
  point(at: Locator): Promise<void>;
  /** Points at what may be gone already. */
  glance(at: Locator): Promise<void>;
  click(at: Locator): Promise<void>;
  type(text: string): Promise<void>;
  /** Presses a key so many times. */
  press(key: string, times?: number): Promise<void>;
  /** So that it stands `top` px below the upper edge. */
  scrollTo(to: Locator, top?: number): Promise<void>;
}

const ease = (part: number) => (part < 0.5 ? 2 * part * part : 1 - 2 * (1 - part) * (1 - part));

/** The mouse begins at `start`; `moved` hears where it rests. */
export function createHands(
  page: Page,
  start: { readonly x: number; readonly y: number },
  moved: (to: { x: number; y: number }) => void,
): Hands {
  let cursor = start;
  // Of typing, so that each film has the same rhythm.
  let beat = 1;

  async function moveTo(x: number, y: number): Promise<void> {
    const from = cursor;
    const lastsMs = Math.min(900, 250 + Math.hypot(x - from.x, y - from.y) * 0.9);
    const begun = performance.now();
    for (let part = 0; part < 1; ) {
      part = Math.min(1, (performance.now() - begun) / lastsMs);
      await page.mouse.move(from.x + (x - from.x) * ease(part), from.y + (y - from.y) * ease(part));
      await sleep(12);
    }
    cursor = { x, y };
    moved({ x, y });
  }

  async function scrollTo(to: Locator, top = navigationHeight + 32): Promise<void> {
    await to.evaluate((element, px) => window.tour.scroll(element, px), top);
  }

  async function point(at: Locator): Promise<void> {
    await at.waitFor();
    const box = await at.boundingBox();
    if (box === null) throw new Error(`not to be seen: ${at}`);
    const isAbove = box.y < 0;
    const isBelow = box.y + Math.min(box.height, 40) > size.height - barHeight;
    if (isAbove || isBelow) await scrollTo(at, 260);
    const seen = (await at.boundingBox()) ?? box;
    // To the lower edge of a line, so that it can be read; into what is larger.
    const down = seen.height < 40 ? seen.height * 0.8 : Math.min(seen.height / 2, 60);
    await moveTo(seen.x + Math.min(seen.width / 2, 220), seen.y + down);
  }

  async function isUnder(at: Locator): Promise<boolean> {
    const box = await at.boundingBox();
    if (box === null) return false;
    const { x, y } = cursor;
    return x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
  }

  return {
    point,
    async glance(at) {
      const box = await at.boundingBox({ timeout: 500 }).catch(() => null);
      if (box !== null) await moveTo(box.x + Math.min(box.width / 2, 220), box.y + box.height);
    },
    async click(at) {
      await point(at);
      // A page that has just got its data may have moved what was aimed at.
      for (let tries = 0; tries < 3 && !(await isUnder(at)); tries++) await point(at);
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
  };
}
