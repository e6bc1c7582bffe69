import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { ConfigError } from '../errors.ts';
import { addSecurityHeaders } from './security-headers.ts';

interface Page {
  readonly html: string;
  readonly policy: string;
}

/** What a page may load: its own files, and those inline scripts that it was built with. Model output that got in as a script would not run. */
function policyOf(html: string): string {
  const inline = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(([, code = '']) => code);
  const hashes = [...new Set(inline)].map((code) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`);
  return [
    "default-src 'self'",
    `script-src 'self' ${hashes.join(' ')}`,
    // The editor and the plots set styles of their own elements.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** `/experiments` to the page that was built as experiments.html. */
async function readPages(folder: string): Promise<Map<string, Page>> {
  const entries = await readdir(folder, { recursive: true }).catch(() => {
    throw new ConfigError(`${folder}: the dashboard is not built; build it with: npm run build:dashboard`);
  });
  const pages = new Map<string, Page>();
  for (const entry of entries.filter((name) => name.endsWith('.html'))) {
    const html = await readFile(join(folder, entry), 'utf8');
    const path = `/${entry
      .split(sep)
      .join('/')
      .replace(/(^|\/)index\.html$|\.html$/, '')}`;
    pages.set(path, { html, policy: policyOf(html) });
  }
  return pages;
}

/** Serves the built dashboard. Throws ConfigError where it was not built. */
export async function dashboardFiles(folder: string): Promise<Hono> {
  const pages = await readPages(folder);
  const files = new Hono();
  const page = (path: string) => pages.get(path.length > 1 ? path.replace(/\/$/, '') : path);
  files.get('*', async (c, next) => {
    const found = page(c.req.path);
    if (found === undefined) return next();
    c.header('content-security-policy', found.policy);
    c.header('cache-control', 'no-cache');
    return c.html(found.html);
  });
  files.get('*', async (c, next) => {
    await next();
    if (c.res.status === 404) return;
    // Names of built files hold the hash of what is in them.
    const lasting = c.req.path.startsWith('/_next/static/');
    c.header('cache-control', lasting ? 'public, max-age=31536000, immutable' : 'no-cache');
  });
  files.get('*', serveStatic({ root: relative(process.cwd(), folder) || '.' }));
  files.get('*', (c) => {
    const missing = page('/404');
    if (missing === undefined) return c.text('not found', 404);
    c.header('content-security-policy', missing.policy);
    return c.html(missing.html, 404);
  });
  return files;
}

/** The dashboard alone, with all headers that the server gives it: for hosts that send its files themselves. */
export async function dashboardSite(folder: string): Promise<Hono> {
  const site = new Hono();
  addSecurityHeaders(site);
  site.route('/', await dashboardFiles(folder));
  return site;
}
