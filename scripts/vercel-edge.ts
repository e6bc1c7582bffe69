import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request as overHttp, type ServerResponse } from 'node:http';
import { createServer, request as overHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { extname, join, relative, sep } from 'node:path';

/** As far as scripts/build-vercel.ts uses it. https://vercel.com/docs/build-output-api/configuration#routes */
interface Route {
  readonly handle?: string;
  readonly src?: string;
  readonly dest?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly continue?: boolean;
}
export interface Config {
  readonly routes: readonly Route[];
  readonly overrides: Readonly<Record<string, { path: string }>>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Sends a request on as Vercel does: with the Host of where it goes, and the browser's Origin and cookies as they are. */
function sendOn(to: URL, request: IncomingMessage, response: ServerResponse): void {
  const send = to.protocol === 'https:' ? overHttps : overHttp;
  const forwarded = {
    'x-forwarded-for': request.socket.remoteAddress,
    'x-forwarded-host': request.headers.host,
    'x-forwarded-proto': 'https',
  };
  const headers = { ...request.headers, ...forwarded, host: to.host };
  const asked = send(to, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  asked.on('error', (error) => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end(String(error));
  });
  response.on('close', () => asked.destroy());
  request.pipe(asked);
}

/**
 * What Vercel does with the output of scripts/build-vercel.ts, on this machine: routes in order, then files, then the routes of
 * errors. `key`, `certificate`: files.
 */
export async function startVercelEdge(output: string, tls: { key: string; certificate: string }) {
  const { routes, overrides } = JSON.parse(readFileSync(join(output, 'config.json'), 'utf8')) as Config;
  const folder = join(output, 'static');
  const files = new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .map((file) => [`/${overrides[file]?.path ?? file.replace(/^index\.html$/, '')}`, join(folder, file)]),
  );
  const errors = routes.findIndex(({ handle }) => handle === 'error');

  /** Until a route sends something: then undefined. Otherwise what is to be sent, with which headers. */
  function follow(some: readonly Route[], path: string, request: IncomingMessage, response: ServerResponse) {
    const found = { path, status: 200, headers: {} as Record<string, string> };
    for (const route of some) {
      const match = new RegExp(route.src ?? '$^').exec(path);
      if (match === null) continue;
      const filled = (text: string) => text.replace(/\$(\d)/g, (_, n) => match[n] ?? '');
      for (const [name, value] of Object.entries(route.headers ?? {})) found.headers[name] = filled(value);
      if (route.continue) continue;
      const { dest, status } = route;
      if (dest !== undefined && URL.canParse(dest)) {
        sendOn(new URL(filled(dest) + new URL(request.url ?? '', 'https://edge').search), request, response);
        return undefined;
      }
      if (dest === undefined) {
        response.writeHead(status ?? 500, found.headers).end();
        return undefined;
      }
      return { ...found, path: filled(dest), status: status ?? 200 };
    }
    return found;
  }

  const server = createServer(
    { key: readFileSync(tls.key), cert: readFileSync(tls.certificate) },
    (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'https://edge');
      let found = follow(routes.slice(0, errors), pathname, request, response);
      if (found !== undefined && !files.has(found.path))
        found = follow(routes.slice(errors), pathname, request, response);
      if (found === undefined) return;
      const file = files.get(found.path) ?? '';
      response.writeHead(found.status, {
        'content-type': types[extname(file)] ?? 'application/octet-stream',
        ...found.headers,
      });
      createReadStream(file).pipe(response);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
