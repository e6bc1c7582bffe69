import { catalog } from './catalog.ts';
import { createComponent } from './create-component.ts';
import type { ComponentSpec, Surroundings } from './definition.ts';
import { openEmbeddingCache } from './embedding-cache.ts';
import type { CrossEncoder, Nli } from './encoder.ts';
import { type Ingestion, type IngestParts, ingestCorpus, upToDate } from './ingest-corpus.ts';
import { canonicalJson } from './lib/canonical-json.ts';
import { projectPath } from './lib/project-path.ts';
import { type CorpusSpec, loadCorpus } from './load-corpus.ts';
import type { OpenCorpus, Retriever } from './retriever.ts';
import type { ToolSet } from './tool.ts';

/** What methods and metrics may ask for: opened at the first call, shared by all who name the same, closed together. */
export interface ComponentPool extends Pick<Surroundings, 'baseDir' | 'cacheDir' | 'limits'> {
  retriever(spec: ComponentSpec): Promise<Retriever>;
  nli(spec: ComponentSpec): Promise<Nli>;
  crossEncoder(spec: ComponentSpec): Promise<CrossEncoder>;
  toolSet(spec: ComponentSpec): Promise<ToolSet>;
  /** Ingested first where it is not up to date. */
  openCorpus(path: string, index?: ComponentSpec | undefined): Promise<OpenCorpus>;
  /** Brings a corpus up to date, whatever its manifest says. */
  ingest(corpus: CorpusSpec, signal?: AbortSignal): Promise<Ingestion>;
  close(): Promise<void>;
}

/** Retrievers, encoders and judges of a run, each opened once, however many name it. */
export function createComponentPool(surroundings: Surroundings): ComponentPool {
  const open = new Map<string, Promise<unknown>>();
  const closers: (() => Promise<void>)[] = [];

  function once<T>(key: unknown, make: () => Promise<T>): Promise<T> {
    const name = canonicalJson(key);
    const known = open.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const making = make();
    open.set(name, making);
    // What failed is tried again by the next who asks.
    making.catch(() => open.delete(name));
    return making;
  }

  /** Closed in the opposite order. */
  function closing<T extends { close(): Promise<void> }>(component: T): T {
    closers.unshift(() => component.close());
    return component;
  }

  const embedderOf = ({ embedder }: CorpusSpec) =>
    once(['embedder', embedder], async () => closing(await createComponent(catalog.embedder, embedder, surroundings)));

  async function ingestPartsOf(corpus: CorpusSpec): Promise<IngestParts> {
    const embedder = await embedderOf(corpus);
    const index = await once(['index', corpus.name, corpus.index], async () => {
      const parts = { ...surroundings, corpus: corpus.name, dimension: embedder.dimension };
      return closing(await createComponent(catalog.index, corpus.index, parts));
    });
    const cache = () =>
      once(['embeddings', corpus.embedder], async () =>
        closing(await openEmbeddingCache(embedder, surroundings.cacheDir)),
      );
    return { embedder, index, cache, surroundings };
  }

  const pool: ComponentPool = {
    baseDir: surroundings.baseDir,
    cacheDir: surroundings.cacheDir,
    ...(surroundings.limits === undefined ? {} : { limits: surroundings.limits }),
    retriever: (spec) =>
      once(['retriever', spec], () => createComponent(catalog.retriever, spec, { ...surroundings, ...pool })),
    nli: (spec) => once(['nli', spec], async () => closing(await createComponent(catalog.nli, spec, surroundings))),
    crossEncoder: (spec) =>
      once(['cross-encoder', spec], async () =>
        closing(await createComponent(catalog['cross-encoder'], spec, surroundings)),
      ),
    toolSet: (spec) =>
      once(['tool', spec], async () =>
        closing(await createComponent(catalog.tool, spec, { ...surroundings, ...pool })),
      ),
    openCorpus: (path, given) =>
      once(['corpus', path, given ?? null], async () => {
        const file = await loadCorpus(await projectPath(path, 'corpus', surroundings), surroundings.baseDir);
        const corpus = { ...file, index: given ?? file.index };
        const parts = await ingestPartsOf(corpus);
        const { content } = (await upToDate(corpus, parts)) ?? (await ingestCorpus(corpus, parts));
        return { index: parts.index, embedder: parts.embedder, fingerprint: content };
      }),
    async ingest(corpus, signal) {
      return ingestCorpus(corpus, { ...(await ingestPartsOf(corpus)), signal });
    },
    async close() {
      open.clear();
      for (const close of closers.splice(0)) await close();
    },
  };
  return pool;
}
