import type { Notice } from '../definition.ts';
import { createLog, type Log, type LogLevel, secretsIn } from '../lib/log.ts';
import type { RunEvent } from '../run.ts';
import type { createProgress } from './progress.ts';

export interface LogChoice {
  readonly logFormat?: 'human' | 'json';
  readonly logLevel?: LogLevel;
}

type Progress = ReturnType<typeof createProgress>;

/** To stderr, without what the environment holds of secrets. People get sentences from `warn` up, programs from `info` up. */
export function openLog(
  { logFormat = 'human', logLevel }: LogChoice,
  env: Readonly<Record<string, string | undefined>>,
  more: readonly string[] = [],
): Log {
  return createLog({
    format: logFormat,
    level: logLevel ?? (logFormat === 'json' ? 'info' : 'warn'),
    write: (line) => process.stderr.write(line),
    now: Date.now,
    secrets: [...secretsIn(env), ...more],
  });
}

const progressEveryMs = 10_000;

/** The progress of runs as log entries: their beginnings, their ends, and where they stand every ten seconds. */
export function logProgress(log: Log, monotonic: () => number): Progress {
  let done = 0;
  let failed = 0;
  let lastMs = 0;
  return {
    event(event: RunEvent): void {
      if (event.type === 'run-started') {
        const { runId, variant, total, alreadyDone } = event;
        done = alreadyDone;
        failed = 0;
        lastMs = monotonic();
        log.info('run started', { runId, variant, total, alreadyDone });
      } else if (event.type === 'example-finished') {
        const { exampleId, failure } = event.result;
        done++;
        if (failure !== undefined) {
          failed++;
          log.debug('example failed', { runId: event.runId, exampleId, kind: failure.kind });
        }
        if (monotonic() - lastMs < progressEveryMs) return;
        lastMs = monotonic();
        log.info('run progress', { runId: event.runId, done, failed });
      } else {
        const { runId, status, error, wallMs } = event;
        const fields = { runId, status, done, failed, wallMs: Math.round(wallMs) };
        if (status === 'failed') log.error('run failed', { ...fields, error });
        else log.info('run finished', fields);
      }
    },
    notice({ level, message, done: step, total }: Notice): void {
      if (level === 'progress') {
        // Of a download, its beginning and end.
        if (step === undefined || step === total) log.info(message);
      } else log.warn(message);
    },
  };
}
