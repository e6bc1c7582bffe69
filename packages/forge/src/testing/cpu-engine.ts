import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../engine.ts';
import { definition } from '../engines/llama-cpp.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** Uses a llama-cpp engine on one thread, one request at a time, and closes it. Digests are remembered below `dir`. */
export async function withCpuEngine<T>(dir: string, over: object, use: (engine: Engine) => Promise<T>): Promise<T> {
  const options = definition.options.parse({ gpu: false, threads: 1, contextSize: 512, batch: 1, ...over });
  const parts = { baseDir: root, cacheDir: join(dir, 'cache'), env: {}, now: Date.now, notify: () => {} };
  const engine = await definition.create(options, parts);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}
