import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { CommitOutput, CommitProgressEvent } from '@huggingface/hub';
import type { Surroundings } from '../definition.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { hubEndpoint } from './hub-http.ts';
import { lazy } from './lazy.ts';
import { redact } from './redact.ts';

const maxFiles = 1000;
const maxDepth = 5;
const maxAttempts = 5;
const firstDelayMs = 500;
const maxDelayMs = 30_000;
/** Of what the hub says in an error. */
const maxMessage = 300;

const loadHub = lazy(() => import('@huggingface/hub'));

interface LocalFile {
  /** Path in the repository. */
  readonly path: string;
  readonly file: string;
  readonly bytes: number;
}

/** Hidden files may hold secrets, links may lead out of the folder; checkpoints and halves are nobody else's matter. */
const leftOut = (entry: Dirent) =>
  entry.name.startsWith('.') ||
  entry.isSymbolicLink() ||
  entry.name === 'checkpoints' ||
  entry.name.endsWith('.partial');

async function localFiles(root: string, folder: string, depth = 1): Promise<LocalFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `folder ${folder}: ${error.code === 'ENOENT' ? 'does not exist' : `cannot be read (${error.code})`}`,
    );
  });
  const found: LocalFile[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = join(folder, entry.name);
    if (leftOut(entry)) continue;
    if (entry.isDirectory()) {
      if (depth === maxDepth) throw new ConfigError(`folder ${file}: is more than ${maxDepth} folders deep`);
      found.push(...(await localFiles(root, file, depth + 1)));
    } else if (entry.isFile()) {
      found.push({ path: relative(root, file).split(sep).join('/'), file, bytes: (await stat(file)).size });
    }
    if (found.length > maxFiles) throw new ConfigError(`folder ${root}: has more than ${maxFiles} files`);
  }
  return found;
}

/** fetch with bounded retries on 429, 5xx and broken connections. Bodies are texts and files, which can be sent again. */
function retryingFetch(signal: AbortSignal | undefined): typeof fetch {
  return async (input, init = {}) => {
    for (let attempt = 1; ; attempt++) {
      let delay = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
      try {
        const response = await fetch(input, init);
        if ((response.status !== 429 && response.status < 500) || attempt === maxAttempts) return response;
        const seconds = Number(response.headers.get('retry-after'));
        if (response.headers.has('retry-after') && seconds >= 0) delay = Math.min(maxDelayMs, seconds * 1000);
        await response.body?.cancel();
      } catch (error) {
        if (signal?.aborted || init.signal?.aborted || attempt === maxAttempts) throw error;
      }
      await sleep(delay, undefined, signal === undefined ? {} : { signal });
    }
  };
}

interface Target {
  readonly repo: string;
  readonly token: string;
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

function statusOf(error: unknown): number | undefined {
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}

/** What a user can do about it. The token never appears. */
function refusal(error: unknown, { repo, token, hubUrl }: Target, action: string): ConfigError {
  const status = statusOf(error);
  const { cause } = error as { cause?: unknown };
  const message = messageOf(cause instanceof Error && cause.message !== '' ? cause : error);
  // Signed addresses of the storage are secrets as well.
  const said = redact(message, [token])
    .replace(/(https?:\/\/[^\s?]+)\?\S+/g, '$1')
    .slice(0, maxMessage);
  const start = `push to ${repo}: ${action}: `;
  if (status === 401)
    return new ConfigError(
      `${start}the hub does not accept the token in HF_TOKEN (401): make a new one in the settings of your account`,
    );
  if (status === 403)
    return new ConfigError(
      `${start}the token in HF_TOKEN may not do this (403): it needs write access to ${repo.split('/')[0]}; the hub says: ${said}`,
    );
  if (status === 404)
    return new ConfigError(`${start}not found (404): check the owner ${repo.split('/')[0]} and what the token may see`);
  if (status === 409 || status === 412)
    return new ConfigError(
      `${start}the repository was changed meanwhile (${status}): push again; the hub says: ${said}`,
    );
  if (status !== undefined) return new ConfigError(`${start}the hub answered ${status}: ${said}`);
  // What fetch says of every broken connection.
  if (error instanceof TypeError && error.message === 'fetch failed')
    return new ConfigError(
      `${start}the hub at ${new URL(hubUrl).host} cannot be reached (${maxAttempts} attempts): ${said}; check the network and HF_ENDPOINT`,
    );
  return new ConfigError(`${start}${said}`);
}

/** Makes the repository where it is new. One that is there is left as it is, but a public one must be meant. */
async function ensureRepo(target: Target, isPublic: boolean): Promise<void> {
  const { createRepo, modelInfo } = await loadHub();
  const { repo, token: accessToken, hubUrl, fetch } = target;
  try {
    await createRepo({ repo, accessToken, hubUrl, fetch, visibility: isPublic ? 'public' : 'private' });
    return;
  } catch (error) {
    if (statusOf(error) !== 409) throw refusal(error, target, 'creating the repository');
  }
  const info = await modelInfo({ name: repo, accessToken, hubUrl, fetch }).catch((error) => {
    throw refusal(error, target, 'looking at the repository');
  });
  if (!info.private && !isPublic)
    throw new ConfigError(`push to ${repo}: the repository is there and public: say --public, or name another one`);
}

/** Progress in bytes over all files; the two halves of a large one are reading it for its checksum and sending it. */
function createReport(files: readonly LocalFile[], repo: string, s: Surroundings) {
  const bytes = new Map(files.map((one) => [one.path, one.bytes]));
  const done = new Map<string, number>();
  const total = files.reduce((sum, one) => sum + one.bytes, 0);
  return (event: CommitProgressEvent) => {
    if (event.event !== 'fileProgress' || event.state === 'error') return;
    const share = event.state === 'hashing' ? event.progress / 2 : (1 + event.progress) / 2;
    done.set(event.path, share * (bytes.get(event.path) ?? 0));
    const sum = [...done.values()].reduce((a, b) => a + b, 0);
    s.notify({ level: 'progress', message: `${repo}: ${event.path}`, done: Math.round(sum), total, unit: 'bytes' });
  };
}

/** What was pushed, and where it is to be seen. */
export interface Pushed {
  readonly url: string;
  readonly commit: string;
  readonly files: readonly string[];
  readonly bytes: number;
}

/**
 * Uploads a folder as one commit to a model repository of the Hugging Face Hub (HF_ENDPOINT, HF_TOKEN), which is made where it is
 * new: private unless `public`. Hidden files, links, checkpoints stay here. Throws ConfigError saying what to do.
 */
export async function pushToHub(
  folder: string,
  { repo, public: isPublic = false, message }: { repo: string; public?: boolean; message?: string },
  s: Surroundings,
  signal?: AbortSignal,
): Promise<Pushed> {
  if (!/^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/.test(repo) || repo.includes('..') || repo.includes('--'))
    throw new ConfigError(`push to ${repo}: must look like owner/name: letters, digits, - _ . only`);
  const token = s.env.HF_TOKEN ?? '';
  if (token === '')
    throw new ConfigError(
      `push to ${repo}: HF_TOKEN is not set: put a token with write access there, from the settings of your account on the hub`,
    );
  if (!token.startsWith('hf_'))
    throw new ConfigError(`push to ${repo}: HF_TOKEN does not hold a token of the hub: they begin with hf_`);
  const files = await localFiles(folder, folder);
  if (files.length === 0) throw new ConfigError(`folder ${folder}: has no file to push`);
  if (!files.some(({ path }) => path === 'README.md'))
    s.notify({ level: 'warning', message: `${folder} has no README.md: ${repo} will have no model card` });
  signal?.throwIfAborted();
  const hubUrl = hubEndpoint(s).href.replace(/\/$/, '');
  const target: Target = { repo, token, hubUrl, fetch: retryingFetch(signal) };
  await ensureRepo(target, isPublic);
  const { commitIter } = await loadHub();
  const report = createReport(files, repo, s);
  let output: CommitOutput | undefined;
  try {
    const events = commitIter({
      repo,
      accessToken: token,
      hubUrl,
      fetch: target.fetch,
      title: message ?? `Upload ${files.length === 1 ? files[0]?.path : `${files.length} files`}`,
      operations: files.map(({ path, file }) => ({ operation: 'addOrUpdate', path, content: pathToFileURL(file) })),
      // Plain Git LFS: every hub and mirror speaks it, and each upload is checked by its sha256.
      useXet: false,
      ...(signal === undefined ? {} : { abortSignal: signal }),
    });
    let step = await events.next();
    for (; !step.done; step = await events.next()) report(step.value);
    output = step.value;
  } catch (error) {
    signal?.throwIfAborted();
    throw refusal(error, target, 'uploading');
  }
  if (output === undefined) throw new ConfigError(`push to ${repo}: the hub confirmed no commit; push again`);
  const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
  s.notify({ level: 'progress', message: `${repo}: pushed`, done: bytes, total: bytes, unit: 'bytes' });
  return { url: `${hubUrl}/${repo}`, commit: output.commit.oid, files: files.map(({ path }) => path), bytes };
}
