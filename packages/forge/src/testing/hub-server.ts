import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A repository that the server holds. */
export interface ServedRepo {
  readonly kind: 'model' | 'dataset';
  readonly repo: string;
  readonly files: Readonly<Record<string, Buffer>>;
  /** Branch names; all at the one commit. Default: main. */
  readonly branches?: readonly string[];
  /** Only with this token. */
  readonly token?: string;
}

/** What goes wrong, set by a test. */
export interface HubFaults {
  /** Content requests whose connection breaks after so many bytes. */
  breakAfterBytes: number[];
  /** Status answers before the next requests succeed, e.g. [429, 500]. */
  statuses: number[];
  /** Content is changed on the way. */
  corrupt: boolean;
  /** Range is ignored. */
  ignoreRange: boolean;
  pageSize: number;
}

const commitOf = (repo: ServedRepo) =>
  createHash('sha1')
    .update(repo.repo)
    .update(JSON.stringify(Object.entries(repo.files).map(([path, content]) => [path, content.length])))
    .digest('hex');

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ server: Server; url: string }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/**
 * Answers like the Hugging Face Hub: revision and tree API (paged), content by redirect to a second host for LFS files, with
 * ranges, checksums, gating and faults. https://huggingface.co/docs/hub/api
 */
export async function startHubServer(repos: readonly ServedRepo[]) {
  const faults: HubFaults = { breakAfterBytes: [], statuses: [], corrupt: false, ignoreRange: false, pageSize: 1000 };
  const log: { host: 'hub' | 'cdn'; path: string; authorization: string | undefined; range: string | undefined }[] = [];
  let bytesServed = 0;

  function sendContent(request: IncomingMessage, response: ServerResponse, whole: Buffer): void {
    const content = faults.corrupt ? Buffer.from(whole.map((byte, i) => (i === 0 ? byte ^ 1 : byte))) : whole;
    const range = faults.ignoreRange ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = range === null ? 0 : Number(range[1]);
    const end = range === null || range[2] === '' ? content.length : Math.min(content.length, Number(range[2]) + 1);
    const body = content.subarray(start, end);
    response.writeHead(range === null ? 200 : 206, {
      'content-length': body.length,
      ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }),
    });
    const breakAt = faults.breakAfterBytes.shift();
    const sent = breakAt === undefined ? body : body.subarray(0, breakAt);
    bytesServed += sent.length;
    if (breakAt === undefined) response.end(sent);
    else response.write(sent, () => setTimeout(() => response.destroy(), 20));
  }

  const cdn = await listen((request, response) => {
    log.push({
      host: 'cdn',
      path: request.url ?? '',
      authorization: request.headers.authorization,
      range: request.headers.range,
    });
    const [, index, path] = /^\/(\d+)\/(.+)$/.exec(request.url ?? '') ?? [];
    sendContent(request, response, repos[Number(index)]?.files[decodeURIComponent(path ?? '')] as Buffer);
  });

  function api(repo: ServedRepo, rest: string, url: URL, response: ServerResponse): void {
    const json = (value: unknown, headers = {}) =>
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    const commit = commitOf(repo);
    const [, part, revision = ''] = /^\/(revision|tree)\/(.+)$/.exec(rest) ?? [];
    if (![commit, ...(repo.branches ?? ['main'])].includes(decodeURIComponent(revision)))
      return void response.writeHead(404).end();
    if (part === 'revision') return void json({ id: repo.repo, sha: commit });
    const offset = Number(url.searchParams.get('cursor') ?? 0);
    const all = Object.entries(repo.files).map(([path, content]) =>
      path.endsWith('.parquet') || path.endsWith('.gguf')
        ? {
            type: 'file',
            path,
            size: content.length,
            oid: 'x',
            lfs: { oid: createHash('sha256').update(content).digest('hex'), size: content.length },
          }
        : {
            type: 'file',
            path,
            size: content.length,
            oid: createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex'),
          },
    );
    url.searchParams.set('cursor', String(offset + faults.pageSize));
    const more = offset + faults.pageSize < all.length;
    json(
      all.slice(offset, offset + faults.pageSize),
      more ? { link: `<${url.pathname}${url.search}>; rel="next"` } : {},
    );
  }

  const hub = await listen((request, response) => {
    const url = new URL(request.url ?? '', 'http://hub');
    log.push({
      host: 'hub',
      path: url.pathname,
      authorization: request.headers.authorization,
      range: request.headers.range,
    });
    const status = faults.statuses.shift();
    if (status !== undefined) return void response.writeHead(status, { 'retry-after': '0' }).end();
    for (const [index, repo] of repos.entries()) {
      const apiRoot = `/api/${repo.kind}s/${repo.repo}`;
      const contentRoot = `/${repo.kind === 'dataset' ? 'datasets/' : ''}${repo.repo}/resolve/${commitOf(repo)}/`;
      if (!url.pathname.startsWith(`${apiRoot}/`) && !url.pathname.startsWith(contentRoot)) continue;
      if (repo.token !== undefined && request.headers.authorization !== `Bearer ${repo.token}`)
        return void response.writeHead(401).end();
      if (url.pathname.startsWith(apiRoot)) return api(repo, url.pathname.slice(apiRoot.length), url, response);
      const path = decodeURIComponent(url.pathname.slice(contentRoot.length));
      const content = repo.files[path];
      if (content === undefined) return void response.writeHead(404).end();
      if (path.endsWith('.parquet') || path.endsWith('.gguf'))
        return void response.writeHead(302, { location: `${cdn.url}/${index}/${encodeURIComponent(path)}` }).end();
      return sendContent(request, response, content);
    }
    response.writeHead(404).end();
  });

  return {
    url: hub.url,
    faults,
    log,
    bytesServed: () => bytesServed,
    commit: (index = 0) => commitOf(repos[index] as ServedRepo),
    async close() {
      for (const { server } of [hub, cdn]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}
