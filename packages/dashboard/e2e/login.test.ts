import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../forge/src/store.ts';
import { openRemote, type RemoteStore } from '../../forge/src/stores/remote.ts';
import { type ForgeServer, startForgeServer } from '../../forge/src/testing/forge-server.ts';
import { newToken } from '../../forge/src/testing/new-token.ts';
import { browserPath, launchBrowser } from './browser.ts';
import { expectClean, openPage } from './page-checks.ts';

const root = join(import.meta.dirname, '..', '..', '..');

describe.skipIf(browserPath === undefined)('signing in with a browser', () => {
  let home: string;
  let server: ForgeServer;
  let store: Store;
  let browser: Browser;
  let context: BrowserContext;
  let tokens: { viewer: string; editor: string };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'forge-login-'));
    server = await startForgeServer({
      cwd: root,
      env: { FORGE_HOME: home },
      args: ['--port', '0', '--access', 'required'],
    });
    store = openRemote(JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as RemoteStore);
    tokens = { viewer: await newToken(store, 'viewer'), editor: await newToken(store, 'editor') };
    browser = await launchBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(20_000);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await rm(home, { recursive: true, force: true });
  });

  it('leads from any page to the token and back, shows who one is, creates, and signs out', async () => {
    // The console names each refused request.
    const { page } = await openPage(context, `${server.url}/experiments?sort=name`);
    const field = page.getByLabel('Token');
    // Not waitForURL: it fails where the page is left while it loads.
    await field.waitFor();
    expect(page.url()).toMatch(/\/login\?next=%2Fexperiments%3Fsort%3Dname/);
    await field.fill(`forge_${'x'.repeat(43)}`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('this token is not known here').waitFor();
    expect(await context.cookies()).toEqual([]);

    await field.fill(` ${tokens.editor} `);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(`${server.url}/experiments?sort=name`);
    await page.getByText('a editor (editor)').waitFor();
    await page.close();

    const { page: signedIn, problems } = await openPage(context, `${server.url}/experiments/new?example=quickstart`);
    await signedIn.getByLabel('Sample size').fill('6');
    await signedIn.getByText('Valid: 2 variants').waitFor();
    await signedIn.getByRole('button', { name: 'Start', exact: true }).click();
    await signedIn.waitForURL(/\/experiment\?id=/);
    // The events of a running experiment come with the cookie, too.
    await signedIn.getByRole('heading', { level: 1, name: /finished$/ }).waitFor({ timeout: 60_000 });
    await expectClean(signedIn, problems);

    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: 'forge_session', httpOnly: true, sameSite: 'Strict' });
    expect(await signedIn.evaluate(() => document.cookie)).toBe('');
    const kept = await signedIn.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    expect(kept).not.toContain(tokens.editor);

    await signedIn.getByRole('button', { name: 'Sign out' }).click();
    await signedIn.waitForURL(`${server.url}/login`);
    expect(await context.cookies()).toEqual([]);
    await signedIn.close();
    const { items } = await store.listAudit({ limit: 50 });
    const done = items.map(({ action, status, via }) => `${via} ${action} ${status}`);
    expect(done).toEqual(expect.arrayContaining(['session POST /experiments 200', 'session DELETE /session 204']));
  }, 180_000);

  it('offers a viewer nothing that is refused', async () => {
    const { page, problems } = await openPage(context, `${server.url}/login`);
    await page.getByLabel('Token').fill(tokens.viewer);
    await page.getByLabel('Token').press('Enter');
    await page.getByText('a viewer (viewer)').waitFor();
    await page.goto(`${server.url}/experiments`);
    await page.getByText('a viewer (viewer)').waitFor();
    expect(await page.getByRole('link', { name: 'New experiment' }).count()).toBe(0);
    await page.getByRole('table').getByRole('link').first().click();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByText('Export').waitFor();
    for (const name of ['Delete', 'Resume', 'Start', 'Cancel'])
      expect([name, await page.getByRole('button', { name, exact: true }).count()]).toEqual([name, 0]);
    expect(await page.getByRole('link', { name: 'Duplicate' }).count()).toBe(0);
    await expectClean(page, problems);
    // The documentation asks for no second sign-in.
    await page.goto(`${server.url}/docs`);
    await page.getByText('Sign in with a token; sets a cookie').waitFor();
    await page.close();
  }, 120_000);

  it('is usable at 380 px and in the dark', async () => {
    const narrow = await browser.newContext({ viewport: { width: 380, height: 800 }, colorScheme: 'dark' });
    narrow.setDefaultTimeout(20_000);
    const { page, problems } = await openPage(narrow, `${server.url}/login`);
    await page.getByLabel('Token').waitFor();
    await page.waitForLoadState('networkidle');
    await expectClean(page, problems);
    await narrow.close();
  }, 60_000);
});
