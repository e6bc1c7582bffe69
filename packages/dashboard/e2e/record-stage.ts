import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Store } from '../../forge/src/store.ts';
import { openStore } from '../../forge/src/stores/index.ts';
import { openRemote, type RemoteStore } from '../../forge/src/stores/remote.ts';
import { drills } from '../../forge/src/testing/drills.ts';
import { type ForgeServer, startForgeServer } from '../../forge/src/testing/forge-server.ts';
import { startPostgres } from '../../forge/src/testing/postgres-server.ts';
import { browserPath, launchBrowser } from './browser.ts';
import { expectClean, openPage } from './page-checks.ts';

const root = join(import.meta.dirname, '..', '..', '..');

interface Opened {
  readonly env: Record<string, string>;
  /** As another process sees the store while the server runs. */
  store(home: string): Promise<Store>;
  stop(): Promise<void>;
}

/** A server, its store and a browser, there from the first test to the last. */
export interface RecordStage {
  readonly server: ForgeServer;
  readonly store: Store;
  open(path: string): ReturnType<typeof openPage>;
  /** Opens each page on a phone in the dark, waits for the text, and looks for what is wrong with it. */
  expectNarrowAndDark(paths: readonly string[], text: string): Promise<void>;
}

function setUp(database: () => Promise<Opened>): RecordStage {
  let home: string;
  let opened: Opened;
  let server: ForgeServer;
  let store: Store;
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'forge-record-page-'));
    opened = await database();
    server = await startForgeServer({ cwd: root, env: { FORGE_HOME: home, ...opened.env } });
    store = await opened.store(home);
    browser = await launchBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(20_000);
  });
  afterAll(async () => {
    await browser?.close();
    await store?.close();
    await server?.stop();
    await opened?.stop();
    await rm(home, { recursive: true, force: true });
  });

  return {
    get server() {
      return server;
    },
    get store() {
      return store;
    },
    open: (path) => openPage(context, `${server.url}${path}`),
    async expectNarrowAndDark(paths, text) {
      const narrow = await browser.newContext({ viewport: { width: 380, height: 800 }, colorScheme: 'dark' });
      narrow.setDefaultTimeout(20_000);
      for (const path of paths) {
        const { page, problems } = await openPage(narrow, `${server.url}${path}`);
        await page.getByText(text).first().waitFor();
        await page.waitForLoadState('networkidle');
        expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
        await expectClean(page, problems);
        await page.close();
      }
      await narrow.close();
    },
  };
}

/** The suite through a store that the server lends and, among the drills, on Postgres; skipped where there is no browser. */
export function describeRecords(name: string, suite: (stage: RecordStage) => void): void {
  describe.skipIf(browserPath === undefined)(name, () => {
    describe('through a store that the server lends', () =>
      suite(
        setUp(async () => ({
          env: {},
          store: async (home) =>
            openRemote(JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as RemoteStore),
          stop: async () => {},
        })),
      ));

    describe.runIf(drills)('on Postgres', () =>
      suite(
        setUp(async () => {
          const { url, stop } = await startPostgres();
          return { env: { DATABASE_URL: url }, store: () => openStore({ url }), stop };
        }),
      ),
    );
  });
}
