import { setTimeout as sleep } from 'node:timers/promises';
import { factsOf, requestOf } from '../export-traces.ts';
import type { Log } from '../lib/log.ts';
import type { RunFacts } from '../lib/otel-spans.ts';
import type { OtlpSpan } from '../lib/otlp-json.ts';
import { type RunTrace, runSpan, runTrace, spansInRun } from '../lib/run-spans.ts';
import { sendTraces, traceTarget } from '../lib/send-traces.ts';
import { createSpanQueue } from '../lib/span-queue.ts';
import type { RunEvent } from '../run.ts';
import type { RunRecord, Store } from '../store.ts';
import type { Workspace } from './workspace.ts';

export interface RunTraces {
  event(event: RunEvent): void;
  /** Sends what waits, some seconds at most. */
  close(): Promise<void>;
}

/** For the end of a command: whoever asked for a run does not wait long for its traces. */
const closeMs = 10_000;

/** Between attempts; a process that has nothing else to do ends. */
const wait = (ms: number) => sleep(ms, undefined, { ref: false });

interface Traced {
  readonly trace: RunTrace;
  readonly facts: RunFacts;
  readonly run: RunRecord;
}

interface UnderWay {
  readonly startedAt: number;
  /** null where the run cannot be read any more. */
  readonly traced: Promise<Traced | null>;
  examples: number;
  failed: number;
}

async function trace(store: Store, runId: string, startedAt: number): Promise<Traced | null> {
  const run = await store.getRun(runId);
  const experiment = run === null ? null : await store.getExperiment(run.experimentId);
  if (run === null || experiment === null) return null;
  return { trace: runTrace(runId, startedAt), facts: factsOf(experiment, run), run };
}

/**
 * Sends what runs do to the receiver that OTEL_EXPORTER_OTLP_ENDPOINT (or its kin) names, while they do it: a trace with the
 * run, its examples, their calls. Prompts and answers only where OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is true.
 * A receiver that is slow or away costs spans, never the run. undefined where none is named. Throws ConfigError.
 */
export function openRunTraces(
  { surroundings, clock, random }: Pick<Workspace, 'surroundings' | 'clock' | 'random'>,
  store: Store,
  log: Log,
): RunTraces | undefined {
  const { env } = surroundings;
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT && !env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return undefined;
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return undefined;
  const target = traceTarget(undefined, env);
  const content = env.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT === 'true';
  const runs = new Map<string, UnderWay>();

  const queue = createSpanQueue<{ run: RunRecord; span: OtlpSpan }>({
    async send(batch) {
      for (const [run, group] of Map.groupBy(batch, (one) => one.run)) {
        const request = JSON.stringify(
          requestOf(
            run,
            group.map(({ span }) => span),
          ),
        );
        const { spans, message } = await sendTraces(target, request, { random, now: clock.now, wait });
        if (spans > 0) log.warn(`the receiver of traces rejected ${spans} spans: ${message.slice(0, 300)}`, { spans });
      }
    },
    lost: (reason, spans) => log.warn(`${spans} spans of traces were lost: ${reason}`, { spans }),
  });

  function finish(end: Extract<RunEvent, { type: 'run-finished' }>): void {
    const found = runs.get(end.runId);
    runs.delete(end.runId);
    if (found === undefined) return;
    const { startedAt, traced, examples, failed } = found;
    const endedAt = clock.now();
    ending = traced.then((known) => {
      if (known === null) return;
      const span = runSpan(known.trace, known.facts, { startedAt, endedAt, examples, failed, end });
      queue.add([{ run: known.run, span }]);
    });
  }
  let ending: Promise<void> = Promise.resolve();

  return {
    event(event) {
      if (event.type === 'run-started') {
        const startedAt = clock.now();
        const traced = trace(store, event.runId, startedAt).catch(() => null);
        runs.set(event.runId, { startedAt, traced, examples: 0, failed: 0 });
      } else if (event.type === 'run-finished') finish(event);
      else {
        const found = runs.get(event.runId);
        if (found === undefined) return;
        found.examples++;
        if (event.result.failure !== undefined) found.failed++;
        void found.traced.then((known) => {
          if (known === null) return;
          const spans = spansInRun(known.trace, event.result, known.facts, { content });
          queue.add(spans.map((span) => ({ run: known.run, span })));
        });
      }
    },
    async close() {
      await ending;
      await queue.close(closeMs);
    },
  };
}
