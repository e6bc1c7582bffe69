import { basename } from 'node:path';
import { startModelServer } from '../api/model-server.ts';
import { definition } from '../engines/llama-cpp.ts';
import { ConfigError } from '../errors.ts';
import { type LogChoice, openLog } from './logging.ts';
import { openWorkspace } from './workspace.ts';

interface ServeModelOptions extends LogChoice {
  readonly host: string;
  readonly port: number;
  readonly batch: number;
  readonly contextSize?: number;
  readonly threads?: number;
  readonly lora?: readonly string[];
  readonly chat?: boolean;
  readonly name?: string;
}

/** `file` or `file=scale`. */
function parseLora(given: string): { path: string; scale?: number } {
  const [, path = given, scale] = /^(.+)=([^=/\\]*)$/.exec(given) ?? [];
  if (scale === undefined) return { path };
  const value = Number(scale);
  if (scale.trim() === '' || !Number.isFinite(value))
    throw new ConfigError(`--lora ${given}: "${scale}" is no number; give file or file=scale, e.g. adapter.gguf=0.5`);
  return { path, scale: value };
}

/** Resolves at the first Ctrl-C or SIGTERM; the second ends the process at once. */
const stopRequest = () =>
  new Promise<void>((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });

/** `forge serve-model`: a model by the protocol of OpenAI until a signal. Throws ConfigError. */
export async function serveModel(model: string, options: ServeModelOptions): Promise<void> {
  const { host, port, batch, contextSize, threads, lora = [], chat = false } = options;
  const { surroundings, clock, random } = openWorkspace();
  const stopped = stopRequest();
  const parsed = definition.options.safeParse({
    model,
    batch,
    chat,
    lora: lora.map(parseLora),
    ...(contextSize === undefined ? {} : { contextSize }),
    ...(threads === undefined ? {} : { threads }),
  });
  if (!parsed.success) {
    const { path = [], message = '' } = parsed.error.issues[0] ?? {};
    throw new ConfigError(`${path.join('.')}: ${message}`);
  }
  const name = options.name ?? basename(model).replace(/\.gguf$/i, '');
  const apiKey = surroundings.env.FORGE_MODEL_SERVER_KEY?.trim() || null;
  const engine = await definition.create(parsed.data, surroundings);
  try {
    const events = openLog(options, surroundings.env);
    const log = (message: string) => events.error(message);
    const server = await startModelServer({ engine, name, chat, apiKey, now: clock.now, random, log }, { host, port });
    console.log(`${name}: ${server.url}/v1   (Ctrl-C stops it)`);
    events.info('model server started', { url: server.url, model: name, pid: process.pid });
    await stopped;
    await server.close();
  } finally {
    await engine.close();
  }
}
