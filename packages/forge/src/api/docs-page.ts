import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Hono } from 'hono';

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>LLM Forge API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="docs"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script type="module" src="/docs/start.js"></script>
</body>
</html>
`;

const start = `const session = await fetch('/api/session').then((answer) => answer.json(), () => ({ csrf: null }));
SwaggerUIBundle({
  url: '/api/openapi.json', dom_id: '#docs', deepLinking: true, displayRequestDuration: true, validatorUrl: null,
  requestInterceptor(request) {
    if (session.csrf) request.headers['x-forge-csrf'] = session.csrf;
    return request;
  },
});
`;

const policy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/** The documentation of the API at /docs: Swagger UI out of its package, nothing from another host. */
export function docsPage(): Hono {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const docs = new Hono();
  docs.get('/', (c) => {
    c.header('content-security-policy', policy);
    return c.html(html);
  });
  docs.get('/start.js', (c) => c.body(start, 200, { 'content-type': 'text/javascript; charset=utf-8' }));
  docs.get('/swagger-ui.css', async (c) =>
    c.body(await readFile(join(folder, 'swagger-ui.css'), 'utf8'), 200, { 'content-type': 'text/css; charset=utf-8' }),
  );
  docs.get('/swagger-ui-bundle.js', async (c) =>
    c.body(await readFile(join(folder, 'swagger-ui-bundle.js'), 'utf8'), 200, {
      'content-type': 'text/javascript; charset=utf-8',
    }),
  );
  return docs;
}
