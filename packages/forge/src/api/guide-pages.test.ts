import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guidePages } from './guide-pages.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-guide-pages-'));
  await mkdir(join(dir, 'guide'));
  await writeFile(join(dir, 'guide', 'index.html'), '<!doctype html><title>Guide</title>');
  await writeFile(join(dir, 'beside.txt'), 'not of the guide');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const ask = (path: string, folder = 'guide') => new Hono().route('/guide', guidePages(join(dir, folder))).request(path);

describe('the guide', () => {
  it('has its pages under a policy without inline scripts and styles', async () => {
    const first = await ask('/guide');
    expect([first.status, first.headers.get('location')]).toEqual([302, '/guide/index.html']);
    const page = await ask('/guide/index.html');
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Guide')]);
    const policy = page.headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toContain('unsafe');
  });

  it.each(['/guide/nothing.html', '/guide/..%2fbeside.txt', '/guide/..%5cbeside.txt'])('has no %s', async (path) => {
    const answer = await ask(path);
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('the guide has no')]);
  });

  it('says how it is built where it is not', async () => {
    const answer = await ask('/guide', 'not-built');
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('npm run docs')]);
  });
});
