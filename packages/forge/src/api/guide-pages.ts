import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The documentation at /guide, as `npm run docs` built it into `folder`. It holds no data: everybody may read it. */
export function guidePages(folder: string): Hono {
  const guide = new Hono();
  const built = existsSync(join(folder, 'index.html'));
  guide.use(async (c, next) => {
    await next();
    c.header('content-security-policy', policy);
    c.header('cache-control', 'no-cache');
  });
  if (built) {
    guide.get('/', (c) => c.redirect('/guide/index.html'));
    guide.get(
      '*',
      serveStatic({
        root: relative(process.cwd(), folder) || '.',
        rewriteRequestPath: (path) => path.replace(/^\/guide/, ''),
      }),
    );
  }
  guide.get('*', (c) =>
    c.text(
      built
        ? `the guide has no ${c.req.path}; it begins at /guide`
        : 'the guide is not built; build it with: npm run docs, and start the server again',
      404,
    ),
  );
  return guide;
}
