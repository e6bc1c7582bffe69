import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkComponentReach } from '../check-experiment-reach.ts';
import { type ComponentPool, createComponentPool } from '../component-pool.ts';
import type { ComponentSpec, Notice, Surroundings } from '../definition.ts';
import { messageOf } from '../errors.ts';
import { readManifest } from '../ingest-corpus.ts';
import { type CorpusSpec, loadCorpus } from '../load-corpus.ts';
import { parseComponent } from '../load-experiment.ts';
import { HttpProblem } from './problem.ts';
import type { Corpus, Retrieval } from './schemas.ts';

/** The corpora of the project's folder: what is ingested, and what retrievers find in them. */
export interface Corpora {
  list(): Promise<Corpus[]>;
  /** Starts in the background; `list` shows how far it is. */
  ingest(file: string): Promise<void>;
  retrieve(
    asked: { query: string; topK: number; retrievers: Readonly<Record<string, unknown>> },
    signal: AbortSignal,
  ): Promise<Retrieval[]>;
  close(): Promise<void>;
}

interface Ingesting {
  progress: Notice | null;
  error: string | null;
  readonly stop: AbortController;
  running: Promise<void>;
}

const folder = 'corpora';
const mostCorpora = 200;
/** Models and indexes are let go when nobody has asked for so long. */
const idleMs = 60_000;

const modelOf = ({ name, options }: ComponentSpec) => (typeof options.model === 'string' ? options.model : name);
const sourceText = (source: CorpusSpec['sources'][number]) => source.path ?? `hub ${source.hub}`;

/** Every corpus file that a retriever names, those of the stages inside it too. */
function corporaOf(spec: ComponentSpec): string[] {
  const { corpus } = spec.options;
  const inner = Object.values(spec.options).filter(
    (value): value is ComponentSpec => value instanceof Object && 'options' in value && 'name' in value,
  );
  return [...(typeof corpus === 'string' ? [corpus] : []), ...inner.flatMap(corporaOf)];
}

/** The corpora of a project folder, with their ingestions and queries. */
export function createCorpora(
  surroundings: Surroundings,
  { monotonic, log }: { monotonic(): number; log(message: string): void },
): Corpora {
  const ingestions = new Map<string, Ingesting>();
  let pool: ComponentPool | undefined;
  let using = 0;
  let timer: NodeJS.Timeout | undefined;

  async function letGo(): Promise<void> {
    const old = pool;
    pool = undefined;
    await old?.close().catch((error) => log(`closing retrievers: ${messageOf(error)}`));
  }

  async function withPool<T>(use: (open: ComponentPool) => Promise<T>): Promise<T> {
    clearTimeout(timer);
    using++;
    pool ??= createComponentPool(surroundings);
    try {
      return await use(pool);
    } finally {
      using--;
      if (using === 0) timer = setTimeout(() => void letGo(), idleMs).unref();
    }
  }

  async function files(): Promise<string[]> {
    const names = await readdir(join(surroundings.baseDir, folder)).catch(() => []);
    return names
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .slice(0, mostCorpora)
      .map((name) => `${folder}/${name}`);
  }

  async function view(file: string): Promise<Corpus> {
    const nothing = { documents: null, chunks: null, dimension: null, finishedAt: null };
    let corpus: CorpusSpec;
    try {
      corpus = await loadCorpus(file, surroundings.baseDir);
    } catch (error) {
      const unknown = { sources: [], chunkTokens: null, overlapTokens: null, embedder: '', index: '', ...nothing };
      const state = { state: 'broken' as const, progress: null, lastError: null };
      return { file, name: file, description: '', error: messageOf(error), ...unknown, ...state };
    }
    const manifest = await readManifest(corpus, surroundings);
    const ingesting = ingestions.get(file);
    const { message = 'starting', done = 0, total = 0 } = ingesting?.progress ?? {};
    const isRunning = ingesting !== undefined && ingesting.error === null;
    return {
      file,
      name: corpus.name,
      description: corpus.description ?? '',
      error: null,
      sources: corpus.sources.map(sourceText),
      chunkTokens: corpus.chunk.tokens,
      overlapTokens: corpus.chunk.overlap,
      embedder: modelOf(corpus.embedder),
      index: corpus.index.name,
      state: isRunning ? 'ingesting' : manifest === undefined ? 'not-ingested' : 'ingested',
      progress: isRunning ? { message, done, total } : null,
      lastError: ingesting?.error ?? null,
      ...nothing,
      ...(manifest === undefined
        ? {}
        : {
            documents: manifest.documents,
            chunks: manifest.chunks,
            dimension: manifest.dimension,
            finishedAt: manifest.finishedAt,
          }),
    };
  }

  async function run(file: string, ingesting: Ingesting): Promise<void> {
    const notify = (notice: Notice) => {
      ingesting.progress = notice;
    };
    const own = createComponentPool({ ...surroundings, notify });
    try {
      await own.ingest(await loadCorpus(file, surroundings.baseDir), ingesting.stop.signal);
      ingestions.delete(file);
      // What is open was opened on what the index held before.
      if (using === 0) await letGo();
    } catch (error) {
      ingesting.error = messageOf(error);
    } finally {
      await own.close();
    }
  }

  async function retrieveWith(
    open: ComponentPool,
    spec: ComponentSpec,
    { query, topK }: { query: string; topK: number },
    signal: AbortSignal,
  ) {
    const retriever = await open.retriever(spec);
    const started = monotonic();
    const passages = await retriever.retrieve(query, topK, signal);
    return { passages: [...passages], tookMs: monotonic() - started };
  }

  return {
    list: async () => Promise.all((await files()).map(view)),
    async ingest(file) {
      if (!(await files()).includes(file)) throw new HttpProblem(404, `no corpus file "${file}" in ${folder}/`);
      const known = ingestions.get(file);
      if (known !== undefined && known.error === null) throw new HttpProblem(409, `${file} is being ingested already`);
      await loadCorpus(file, surroundings.baseDir);
      const ingesting: Ingesting = {
        progress: null,
        error: null,
        stop: new AbortController(),
        running: Promise.resolve(),
      };
      ingestions.set(file, ingesting);
      ingesting.running = run(file, ingesting);
    },
    async retrieve({ query, topK, retrievers }, signal) {
      const specs = Object.entries(retrievers).map(
        ([label, reference]) => [label, parseComponent(label, 'retriever', reference)] as const,
      );
      for (const [, spec] of specs) await checkComponentReach('retriever', spec, surroundings);
      // A page that waits for hours of embedding helps nobody.
      const known = await Promise.all((await files()).map(view));
      for (const file of new Set(specs.flatMap(([, spec]) => corporaOf(spec)))) {
        const corpus = known.find((one) => one.file === file);
        if (corpus === undefined) throw new HttpProblem(400, `corpus "${file}" is not in ${folder}/`);
        if (corpus.state !== 'ingested')
          throw new HttpProblem(409, `${file} is ${corpus.state.replace('-', ' ')}: forge ingest ${file}`);
      }
      return withPool(async (open) => {
        const found: Retrieval[] = [];
        // One after another: side by side they would slow each other, and no time would be true.
        for (const [label, spec] of specs) {
          try {
            found.push({ label, ...(await retrieveWith(open, spec, { query, topK }, signal)), error: null });
          } catch (error) {
            found.push({ label, passages: [], tookMs: 0, error: messageOf(error) });
          }
        }
        return found;
      });
    },
    async close() {
      clearTimeout(timer);
      for (const { stop } of ingestions.values()) stop.abort(new Error('the server was stopped'));
      await Promise.all([...ingestions.values()].map(({ running }) => running));
      await letGo();
    },
  };
}
