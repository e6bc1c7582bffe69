import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ForgeServer, startForgeServer } from '../../forge/src/testing/forge-server.ts';
import { browserPath, launchBrowser } from './browser.ts';
import { expectClean, openPage } from './page-checks.ts';

const root = join(import.meta.dirname, '..', '..', '..');

describe.skipIf(browserPath === undefined)('the guide in a browser', () => {
  let home: string;
  let server: ForgeServer;
  let browser: Browser;
  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, 'scripts', 'docs-site.ts')]);
    home = await mkdtemp(join(tmpdir(), 'forge-guide-'));
    // A token is needed for all that holds data: the guide holds none.
    const args = ['--port', '0', '--access', 'required'];
    server = await startForgeServer({ cwd: home, env: { FORGE_HOME: home }, args });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await rm(home, { recursive: true, force: true });
  });

  const wide: BrowserContextOptions = { viewport: { width: 1280, height: 900 }, colorScheme: 'light' };
  const narrow: BrowserContextOptions = { viewport: { width: 380, height: 800 }, colorScheme: 'dark' };

  it.each([
    { path: 'guides/getting-started.html', options: wide },
    { path: 'statistics.html', options: narrow },
    { path: 'reference/methods.html', options: wide },
    { path: 'reference/methods.html', options: narrow },
  ])('$path is clean: $options.viewport.width px, $options.colorScheme', async ({ path, options }) => {
    const context = await browser.newContext(options);
    const { page, problems } = await openPage(context, `${server.url}/guide/${path}`);
    await expectClean(page, problems);
    await context.close();
  });

  it('is found from the dashboard; headings by keyboard, pages behind a button on a narrow screen', async () => {
    const context = await browser.newContext(narrow);
    const { page } = await openPage(context, `${server.url}/login`);
    await page.getByRole('link', { name: 'Guide' }).click();
    await page.waitForURL(/\/guide\/index\.html$/);
    await page.keyboard.press('/');
    await page.keyboard.type('mid-p');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(/statistics\.html#is-there-a-difference-mcnemars-mid-p$/);
    const workers = page.getByRole('link', { name: 'Workers', exact: true }).first();
    expect(await workers.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Pages' }).click();
    await workers.click();
    await page.waitForURL(/workers\.html$/);
    await context.close();
  });
});
