import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { ConfigError } from '../errors.ts';
import { type TraceBatch, traceBatches } from '../export-traces.ts';
import { formatCount } from '../lib/format.ts';
import { sendTraces, traceTarget } from '../lib/send-traces.ts';
import { findExperiment } from './find-experiment.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

interface TraceOptions {
  readonly variant?: string;
  readonly to?: string;
  readonly file?: string;
  readonly content: boolean;
  readonly limit?: number;
}

interface Sink {
  readonly name: string;
  take(batch: TraceBatch): Promise<void>;
  end(): Promise<void>;
}

function fileSink(path: string): Sink {
  const file = createWriteStream(path);
  const written = finished(file);
  written.catch(() => {});
  const orSay = (work: Promise<unknown>) =>
    work.then(
      () => {},
      (error: NodeJS.ErrnoException) => {
        throw new ConfigError(`--file ${path}: cannot be written (${error.code})`);
      },
    );
  return {
    name: path,
    take: ({ body }) => orSay(Promise.race([written, file.write(`${body}\n`) ? undefined : once(file, 'drain')])),
    end: () => {
      file.end();
      return orSay(written);
    },
  };
}

function receiverSink(to: string | undefined, { surroundings, random, clock }: Workspace): Sink {
  const target = traceTarget(to, surroundings.env);
  let rejected = 0;
  return {
    name: target.url,
    async take({ body }) {
      const { spans, message } = await sendTraces(target, body, { random, now: clock.now });
      rejected += spans;
      if (spans > 0 || message !== '')
        console.error(`warning: the receiver rejected ${formatCount(spans)} spans: ${message.slice(0, 500)}`);
    },
    async end() {
      if (rejected > 0) console.error(`warning: ${formatCount(rejected)} spans were rejected in all`);
    },
  };
}

/** Writes the stored examples of an experiment as traces: to a receiver of OTLP over HTTP, or to a file. */
export async function exportTraces(id: string, options: TraceOptions): Promise<void> {
  const { to, file } = options;
  if (to !== undefined && file !== undefined) throw new ConfigError('--to and --file: give one of them');
  const workspace = openWorkspace();
  const store = await workspace.openStore();
  try {
    const experiment = await findExperiment(store, id);
    const sink = file === undefined ? receiverSink(to, workspace) : fileSink(file);
    let [traces, spans] = [0, 0];
    const progress = (end: string) =>
      process.stderr.write(
        `${process.stderr.isTTY ? '\r' : ''}${formatCount(traces)} traces, ${formatCount(spans)} spans to ${sink.name}${end}`,
      );
    for await (const batch of traceBatches(store, experiment, options)) {
      await sink.take(batch);
      traces += batch.traces;
      spans += batch.spans;
      if (process.stderr.isTTY) progress('');
    }
    await sink.end();
    progress('\n');
  } finally {
    await store.close();
  }
}
