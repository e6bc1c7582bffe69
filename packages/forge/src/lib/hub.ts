import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Surroundings } from '../definition.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { type HubRef, hubFetch, hubUrl } from './hub-http.ts';
import { hasPickleName } from './pickle.ts';

export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** Of the content, where the file is in LFS. */
  readonly sha256?: string;
  /** Git's object id of a file that is not in LFS: sha1 of `blob <size>\0<content>`. */
  readonly gitSha1?: string;
}

const commitPattern = /^[0-9a-f]{40}$/;
const label = (ref: HubRef) => `${ref.kind} ${ref.repo}`;
/** Throws ConfigError where the name could lead out of the cache folder. */
function folderOf(ref: HubRef, s: Surroundings): string {
  if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(ref.repo)) throw new ConfigError(`${label(ref)}: must look like owner/name`);
  return join(s.cacheDir, 'hub', `${ref.kind}s`, ...ref.repo.split('/'));
}

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  return readFile(file, 'utf8')
    .then((text) => schema.parse(JSON.parse(text)))
    .catch(() => undefined);
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, JSON.stringify(value));
  await rename(`${file}.${process.pid}`, file);
}

const revisionSchema = z.object({ sha: z.string().regex(commitPattern) });

/**
 * The commit that a branch or tag is at. Where the hub cannot be reached, the commit it was at when last asked, with a notice.
 * Throws ConfigError saying what to do.
 */
export async function hubRevision(ref: HubRef, s: Surroundings, signal?: AbortSignal): Promise<string> {
  if (commitPattern.test(ref.revision)) return ref.revision;
  const memory = join(folderOf(ref, s), 'refs', `${encodeURIComponent(ref.revision)}.json`);
  try {
    const response = await hubFetch(hubUrl(ref, s, 'api', `/revision/${encodeURIComponent(ref.revision)}`), {
      what: label(ref),
      s,
      signal,
    });
    const { sha } = revisionSchema.parse(await response.json());
    await writeJson(memory, { sha });
    return sha;
  } catch (error) {
    const known = await readJson(memory, revisionSchema);
    if (known === undefined || signal?.aborted)
      throw error instanceof ConfigError
        ? error
        : new ConfigError(`${label(ref)}: the hub’s answer makes no sense: ${messageOf(error)}`);
    s.notify({
      level: 'warning',
      message: `${label(ref)}: the hub did not answer (${messageOf(error)}); using ${ref.revision} as it was last seen, ${known.sha.slice(0, 12)}`,
    });
    return known.sha;
  }
}

const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.number().default(0),
    oid: z.string().optional(),
    lfs: z.object({ oid: z.string(), size: z.number() }).optional(),
  }),
);
const filesSchema = z.array(
  z.object({ path: z.string(), size: z.number(), sha256: z.string().optional(), gitSha1: z.string().optional() }),
);
const maxTreePages = 200;

/** Every file of a repository at a revision, remembered for a commit. */
export async function listHubFiles(ref: HubRef, s: Surroundings, signal?: AbortSignal): Promise<HubFile[]> {
  const commit = await hubRevision(ref, s, signal);
  const memory = join(folderOf(ref, s), 'trees', `${commit}.json`);
  const known = await readJson(memory, filesSchema);
  if (known !== undefined) return known as HubFile[];
  const files: HubFile[] = [];
  let url: string | undefined = hubUrl({ ...ref, revision: commit }, s, 'api', `/tree/${commit}?recursive=true`);
  for (let page = 0; url !== undefined; page++) {
    if (page >= maxTreePages) throw new ConfigError(`${label(ref)}: has more than ${maxTreePages} pages of files`);
    const response: Response = await hubFetch(url, { what: label(ref), s, signal });
    const parsed = treeSchema.safeParse(await response.json().catch(() => null));
    if (!parsed.success)
      throw new ConfigError(`${label(ref)}: the hub’s list of files makes no sense; check HF_ENDPOINT`);
    for (const { type, path, size, oid, lfs } of parsed.data) {
      if (type === 'file')
        files.push({
          path,
          size: lfs?.size ?? size,
          ...(lfs === undefined ? (oid === undefined ? {} : { gitSha1: oid }) : { sha256: lfs.oid }),
        });
    }
    const next: string | undefined = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    url = next === undefined ? undefined : new URL(next, url).href;
  }
  await writeJson(memory, files);
  return files;
}

function contentCheck(file: HubFile): { hash: Hash; expected: string } | undefined {
  if (file.sha256 !== undefined) return { hash: createHash('sha256'), expected: file.sha256 };
  if (file.gitSha1 === undefined) return undefined;
  return { hash: createHash('sha1').update(`blob ${file.size}\0`), expected: file.gitSha1 };
}

const maxResumes = 8;

function writeFailure(file: string, error: unknown): ConfigError {
  const { code } = error as NodeJS.ErrnoException;
  return new ConfigError(
    `${file}: cannot be written (${code})${code === 'ENOSPC' ? ': the disk is full; make room or set FORGE_HOME to another disk' : ''}`,
  );
}

/** Appends what is missing of a partial file; gives up after several broken connections without progress. */
async function fetchInto(
  partial: string,
  url: string,
  file: HubFile,
  parts: { what: string; s: Surroundings; signal?: AbortSignal | undefined },
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const have = await stat(partial)
      .then((info) => info.size)
      .catch(() => 0);
    if (have >= file.size) return;
    const response = await hubFetch(url, { ...parts, headers: have > 0 ? { range: `bytes=${have}-` } : {} });
    const resumed = response.status === 206;
    const handle = await open(partial, resumed ? 'a' : 'w').catch((error) => {
      throw writeFailure(partial, error);
    });
    let done = resumed ? have : 0;
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        done += chunk.length;
        if (done > file.size) throw new ConfigError(`${parts.what}: ${file.path} is longer than the hub says`);
        await handle.write(chunk).catch((error) => {
          throw writeFailure(partial, error);
        });
        parts.s.notify({ level: 'progress', message: `fetching ${file.path}`, done, total: file.size, unit: 'bytes' });
      }
      if (done >= file.size) return;
    } catch (error) {
      if (error instanceof ConfigError || parts.signal?.aborted) throw error;
      if (attempt >= maxResumes)
        throw new ConfigError(
          `${parts.what}: ${file.path}: the connection broke ${attempt + 1} times (${messageOf(error)}); run again to go on where it stopped`,
        );
    } finally {
      await handle.close();
    }
    if (attempt >= maxResumes)
      throw new ConfigError(
        `${parts.what}: ${file.path}: the download ended early ${attempt + 1} times; run again to go on where it stopped`,
      );
  }
}

/**
 * A file of a repository on this disk, fetched where it is not here yet: resumed after a broken connection, checked against
 * the hub's checksum, then renamed into place, so a file that is there is whole. Two processes may fetch the same file.
 */
export async function downloadHubFile(
  ref: HubRef,
  path: string,
  s: Surroundings,
  signal?: AbortSignal,
): Promise<string> {
  const commit = await hubRevision(ref, s, signal);
  if (path.split('/').some((part) => part === '..' || part === ''))
    throw new ConfigError(`${label(ref)}: ${path}: not a path inside the repository`);
  if (ref.kind === 'model' && hasPickleName(path))
    throw new ConfigError(
      `${label(ref)}: ${path}: pickles are not fetched as they can run programs; take a version in safetensors, GGUF or ONNX`,
    );
  const target = join(folderOf(ref, s), 'files', commit, ...path.split('/'));
  if (await stat(target).catch(() => null)) return target;
  const file = (await listHubFiles({ ...ref, revision: commit }, s, signal)).find((one) => one.path === path);
  if (file === undefined) throw new ConfigError(`${label(ref)}: has no file ${path} at ${commit.slice(0, 12)}`);
  await mkdir(dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}.partial`;
  const left = `${target}.partial`;
  await rename(left, partial).catch(() => {});
  const url = hubUrl(
    { ...ref, revision: commit },
    s,
    'resolve',
    `/${path.split('/').map(encodeURIComponent).join('/')}`,
  );
  try {
    await fetchInto(partial, url, file, { what: label(ref), s, signal });
  } catch (error) {
    // Another attempt goes on where this one stopped.
    await rename(partial, left).catch(() => {});
    throw error;
  }
  const check = contentCheck(file);
  if (check !== undefined) {
    for await (const chunk of createReadStream(partial)) check.hash.update(chunk as Buffer);
    if (check.hash.digest('hex') !== check.expected) {
      await rm(partial, { force: true });
      throw new ConfigError(
        `${label(ref)}: ${path}: the content does not match the hub’s checksum; it was deleted, run again to fetch it anew`,
      );
    }
  }
  await rename(partial, target);
  return target;
}

/** A file of the hub read in ranges, as Parquet readers want it; for sampling a few rows of a large file. */
export interface RemoteFile {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

/** Largest range that is fetched in one piece. */
const maxRangeBytes = 512e6;

/**
 * Opens a file of a repository at a commit for reading in ranges, each kept once it was read. null where the server ignores
 * Range: it must be downloaded instead. What is read so is not checked against a checksum; Parquet pages that do not decode are
 * an error.
 */
export async function openHubRange(
  ref: HubRef,
  file: HubFile,
  s: Surroundings,
  signal?: AbortSignal,
): Promise<RemoteFile | null> {
  const url = hubUrl(ref, s, 'resolve', `/${file.path.split('/').map(encodeURIComponent).join('/')}`);
  const name = createHash('sha256').update(file.path).digest('hex').slice(0, 32);
  const folder = join(folderOf(ref, s), 'ranges', encodeURIComponent(ref.revision), name);
  const fetchRange = (start: number, end: number) =>
    hubFetch(url, { what: label(ref), s, signal, headers: { range: `bytes=${start}-${end - 1}` } });
  const before = await stat(folder).catch(() => undefined);
  if (before === undefined) {
    const probe = await fetchRange(0, Math.min(4, file.size));
    await probe.body?.cancel();
    if (probe.status !== 206) return null;
  }
  async function keep(path: string, bytes: ArrayBuffer): Promise<void> {
    const partial = `${path}.${process.pid}.partial`;
    await mkdir(folder, { recursive: true });
    await writeFile(partial, new Uint8Array(bytes));
    await rename(partial, path);
  }
  return {
    byteLength: file.size,
    async slice(start, end = file.size) {
      const length = end - start;
      if (length > maxRangeBytes)
        throw new ConfigError(
          `${label(ref)}: ${file.path}: a row group of ${Math.round(length / 1e6)} MB; download the file and read it with dataset: {name: parquet}`,
        );
      const path = join(folder, `${start}-${end}`);
      const kept = await readFile(path).catch(() => undefined);
      if (kept?.length === length) return new Uint8Array(kept).buffer;
      const bytes = await (await fetchRange(start, end)).arrayBuffer();
      if (bytes.byteLength !== length)
        throw new ConfigError(
          `${label(ref)}: ${file.path}: the hub sent ${bytes.byteLength} of ${length} bytes of a range`,
        );
      await keep(path, bytes).catch((error) => {
        throw writeFailure(path, error);
      });
      return bytes;
    },
  };
}
