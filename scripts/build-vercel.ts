/**
 * The dashboard for Vercel, in its Build Output API (https://vercel.com/docs/build-output-api): the static files, each with the headers
 * that `forge serve` gives it, and /api, /docs and /guide sent on to the API. A vercel.json could not say it: the policy of a page holds
 * the hashes of its built scripts, and the address of the API is no part of the project. docs/deployment.md
 *
 * FORGE_API_URL=https://... npm run build:vercel [-- folder]     folder: .vercel/output when left out
 */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join, relative, resolve, sep } from 'node:path';
import { dashboardSite } from '../packages/forge/src/api/dashboard-files.ts';
import { isLoopback } from '../packages/forge/src/lib/client-address.ts';
import './build-dashboard.ts';

const root = join(import.meta.dirname, '..');
const built = join(root, 'packages', 'dashboard', 'out');
const output = resolve(process.argv[2] ?? join(root, '.vercel', 'output'));
/** Vercel's own: of a file's content, or of how it was sent. */
const headersOfFiles = /^(content-(type|length|encoding|range)|accept-ranges|date|etag|last-modified|vary)$/;

function apiAddress(): string {
  const given = process.env.FORGE_API_URL ?? '';
  const url = URL.parse(given);
  if (url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))) {
    if (url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '') return url.origin;
  }
  console.error(
    `FORGE_API_URL: ${given === '' ? 'not set' : `"${given}" is not https://host`}; give the address of the API, e.g. https://forge.up.railway.app`,
  );
  process.exit(2);
}

const api = apiAddress();
const site = await dashboardSite(built);

async function headersOf(path: string): Promise<Record<string, string>> {
  const { headers } = await site.request(path);
  return Object.fromEntries([...headers].filter(([name]) => !headersOfFiles.test(name)));
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
const oneOf = (paths: readonly string[]) => `(?:${paths.map(escaped).join('|')})`;

const files = readdirSync(built, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(built, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .sort();
/** For what is not there; Vercel looks for it under the name of its file. */
const missing = '404.html';
/** `experiments.html` by the address of its page, without the first slash. */
const pages = new Map(
  files
    .filter((file) => file.endsWith('.html') && file !== missing)
    .map((file) => [file, file.replace(/(^|\/)index\.html$|\.html$/, '')] as const),
);
const chunks = files.filter((file) => file.startsWith('_next/static/'));
const others = files.filter((file) => !pages.has(file) && !chunks.includes(file) && file !== missing);

/** Headers alone: what is sent is looked for afterwards. */
const withHeaders = async (src: string, example: string) => ({
  src,
  headers: await headersOf(example),
  continue: true,
});
const routes = [
  ...(await Promise.all([...pages.values()].map((path) => withHeaders(`^/${escaped(path)}$`, `/${path}`)))),
  await withHeaders('^/_next/static/.+$', `/${chunks[0]}`),
  await withHeaders(
    `^/(?!_next/|api/|docs/|guide/).+${oneOf([...new Set(others.map((file) => extname(file)))])}$`,
    `/${others[0]}`,
  ),
  {
    src: `^/(${oneOf([...pages.values()].filter((path) => path !== ''))})/$`,
    headers: { Location: '/$1' },
    status: 308,
  },
  { src: '^/(api|docs|guide)(/.*)?$', dest: `${api}/$1$2` },
  { handle: 'error' },
  await withHeaders('^/.*$', '/no-such-page'),
  { src: '^/.*$', dest: `/${missing}`, status: 404 },
];
const overrides = Object.fromEntries(
  [...pages].filter(([file]) => file !== 'index.html').map(([file, path]) => [file, { path }]),
);

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
cpSync(built, join(output, 'static'), { recursive: true });
writeFileSync(join(output, 'config.json'), `${JSON.stringify({ version: 3, routes, overrides }, null, 2)}\n`);
console.log(`${relative(process.cwd(), output) || '.'}: ${pages.size} pages, /api, /docs and /guide at ${api}`);
