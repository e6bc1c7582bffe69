import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A repository that was pushed to. */
export interface PushedRepo {
  isPrivate: boolean;
  readonly files: Map<string, Buffer>;
  readonly commits: { summary: string; paths: string[] }[];
}

interface Call {
  readonly host: 'hub' | 'storage';
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const server: Server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/**
 * Answers like the Hugging Face Hub where one writes to it: makes repositories, says what goes to LFS, hands out signed
 * addresses of a second host that checks each upload by its sha256, in one part or several, and takes commits.
 * https://huggingface.co/docs/hub/api, src/lib/commit.ts of @huggingface/hub.
 */
export async function startHubPushServer(token: string, owner: string) {
  const repos = new Map<string, PushedRepo>();
  const storage = new Map<string, Buffer>();
  const log: Call[] = [];
  /** `statuses`: answers before the next requests succeed. `breakUploads`: uploads whose connection breaks. */
  const faults = { statuses: [] as number[], breakUploads: 0, commitStatus: 0, uploadStatus: 0, partBytes: 1e9 };
  const parts = new Map<string, Buffer>();

  const json = (response: ServerResponse, value: unknown, status = 200): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const note = (host: Call['host'], request: IncomingMessage) =>
    log.push({
      host,
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization,
    });

  const store = await listen(async (request, response) => {
    note('storage', request);
    if (faults.breakUploads > 0) {
      faults.breakUploads--;
      return void request.socket.destroy();
    }
    const body = await bodyOf(request);
    if (faults.uploadStatus > 0) return void response.writeHead(faults.uploadStatus).end();
    const [, oid = '', part] = /^\/([0-9a-f]{64})(?:\/(\d+|done))?\?signature=secret$/.exec(request.url ?? '') ?? [];
    // A signed address is refused with any other authorisation, and needs the length beforehand.
    const wrong = request.headers.authorization !== undefined || request.headers['content-length'] === undefined;
    if (oid === '' || wrong) return void response.writeHead(400).end();
    if (part !== undefined && part !== 'done') {
      parts.set(`${oid}/${part}`, body);
      return void response.writeHead(200, { etag: `"${part}"` }).end();
    }
    let content = body;
    if (part === 'done') {
      const listed: { partNumber: number; etag: string }[] = JSON.parse(body.toString()).parts;
      content = Buffer.concat(listed.map(({ partNumber }) => parts.get(`${oid}/${partNumber}`) ?? Buffer.alloc(0)));
    }
    if (sha256(content) !== oid) return void response.writeHead(400).end();
    storage.set(oid, content);
    json(response, {});
  });

  function createRepo(body: Buffer, response: ServerResponse) {
    const { name, organization, visibility } = JSON.parse(body.toString());
    const repo = `${organization}/${name}`;
    if (organization !== owner)
      // What the hub says may hold what it was sent.
      return void json(
        response,
        { error: `You don't have the rights to create a model under "${organization}" with ${token}` },
        403,
      );
    if (repos.has(repo)) return void json(response, { error: 'You already created this model repo' }, 409);
    repos.set(repo, { isPrivate: visibility === 'private', files: new Map(), commits: [] });
    json(response, { url: `${hub.url}/${repo}`, id: repo });
  }

  function batch(body: Buffer, response: ServerResponse) {
    const { objects, transfers } = JSON.parse(body.toString()) as {
      objects: { oid: string; size: number }[];
      transfers: string[];
    };
    const multipart = transfers.includes('multipart');
    const signed = (oid: string, rest = '') => `${store.url}/${oid}${rest}?signature=secret`;
    const actions = (oid: string, size: number) => {
      if (!multipart || size <= faults.partBytes) return { upload: { href: signed(oid) } };
      const numbers = Array.from({ length: Math.ceil(size / faults.partBytes) }, (_, i) => String(i + 1));
      const header = Object.fromEntries(numbers.map((number) => [number.padStart(5, '0'), signed(oid, `/${number}`)]));
      return { upload: { href: signed(oid, '/done'), header: { ...header, chunk_size: String(faults.partBytes) } } };
    };
    json(response, {
      transfer: multipart ? 'multipart' : 'basic',
      objects: objects.map(({ oid, size }) =>
        storage.has(oid) ? { oid, size } : { oid, size, actions: actions(oid, size) },
      ),
    });
  }

  function commit(repo: PushedRepo, name: string, body: Buffer, response: ServerResponse) {
    if (faults.commitStatus > 0) return void json(response, { error: 'the branch moved' }, faults.commitStatus);
    const [header, ...operations] = body
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line));
    const files = operations.map(({ key, value }): [string, Buffer | undefined] => [
      value.path,
      key === 'lfsFile' ? storage.get(value.oid) : Buffer.from(value.content, 'base64'),
    ]);
    if (files.some(([, content]) => content === undefined))
      return void json(response, { error: 'an object is missing' }, 400);
    for (const [path, content] of files) repo.files.set(path, content as Buffer);
    repo.commits.push({ summary: header.value.summary, paths: files.map(([path]) => path) });
    const commitOid = createHash('sha1').update(body).digest('hex');
    json(response, { success: true, commitOid, commitUrl: `${hub.url}/${name}/commit/${commitOid}`, hookOutput: '' });
  }

  const hub = await listen(async (request, response) => {
    note('hub', request);
    const body = await bodyOf(request);
    const { pathname } = new URL(request.url ?? '', 'http://hub');
    const status = faults.statuses.shift();
    if (status !== undefined) return void response.writeHead(status, { 'retry-after': '0' }).end();
    if (request.headers.authorization !== `Bearer ${token}`)
      return void json(response, { error: 'Invalid credentials in Authorization header' }, 401);
    if (pathname === '/api/repos/create') return createRepo(body, response);
    const [, apiRepo, action] =
      /^\/api\/models\/([^/]+\/[^/]+)\/(revision\/HEAD|preupload\/main|commit\/main)$/.exec(pathname) ?? [];
    const [, gitRepo] = /^\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(pathname) ?? [];
    const name = apiRepo ?? gitRepo ?? '';
    const repo = repos.get(name);
    if (repo === undefined) return void json(response, { error: 'Repository not found' }, 404);
    if (gitRepo !== undefined) return batch(body, response);
    if (action === 'commit/main') return commit(repo, name, body, response);
    if (action === 'revision/HEAD')
      return void json(response, {
        _id: '1',
        id: name,
        private: repo.isPrivate,
        downloads: 0,
        likes: 0,
        gated: false,
        lastModified: '2026-01-01T00:00:00.000Z',
      });
    const { files } = JSON.parse(body.toString()) as { files: { path: string; size: number }[] };
    const large = (path: string, size: number) => /\.(safetensors|gguf)$/.test(path) || size > 10_000_000;
    json(response, {
      files: files.map(({ path, size }) => ({ path, uploadMode: large(path, size) ? 'lfs' : 'regular' })),
    });
  });

  return {
    url: hub.url,
    repos,
    log,
    faults,
    async close() {
      for (const { server } of [hub, store]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}
