import { fork } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ConfigError, TrainerError } from '../../errors.ts';
import { endWithParent } from '../../lib/end-with-parent.ts';
import type { TrainEvent, TrainJob } from '../../trainer.ts';
import type { ChildAnswer, ChildRequest, NativeOptions } from './protocol.ts';

const languageModels = new URL('./child.ts', import.meta.url);
const stderrTailChars = 2000;

/** Trains in a process of its own, which runs the module `entry`, and hands on its events. Throws ConfigError and TrainerError. */
export async function* trainInProcess(
  job: TrainJob,
  options: NativeOptions,
  signal?: AbortSignal,
  entry: URL = languageModels,
): AsyncGenerator<TrainEvent> {
  await mkdir(job.folder, { recursive: true });
  const child = fork(fileURLToPath(entry), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const released = child.pid === undefined ? () => {} : endWithParent(child.pid);
  const waiting: ChildAnswer[] = [];
  let ended: string | undefined;
  let left = 2;
  let stderr = '';
  let wake = () => {};
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrTailChars);
  });
  child.on('message', (answer: ChildAnswer) => {
    waiting.push(answer);
    wake();
  });
  let reason = '';
  // Both must have happened: messages may come after the exit.
  const end = () => {
    if (--left > 0) return;
    ended = reason;
    wake();
  };
  child.on('exit', (code, ending) => {
    reason = ending ?? `exit code ${code}`;
    end();
  });
  child.on('disconnect', end);
  const send = (request: ChildRequest) => child.connected && child.send(request);
  const stop = () => send({ type: 'stop' });
  signal?.addEventListener('abort', stop, { once: true });
  try {
    send({ type: 'train', job, options });
    if (signal?.aborted) stop();
    let finished = false;
    for (;;) {
      for (const answer of waiting.splice(0)) {
        if (answer.type === 'event') {
          finished = answer.event.type === 'finished';
          yield answer.event;
        } else if (answer.kind === 'config') throw new ConfigError(answer.message);
        else throw new TrainerError(answer.message);
      }
      if (ended !== undefined && waiting.length === 0) break;
      if (waiting.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (waiting.length > 0 || ended !== undefined) resolve();
        });
    }
    if (!finished) {
      const said = stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
      const hint = ended === 'SIGKILL' ? ' (out of memory, perhaps: lower batch.size or maxLength)' : '';
      throw new TrainerError(
        `the training process ended (${ended})${hint}${said === '' ? '' : `; it said: ${said}`}; the newest checkpoint remains`,
      );
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    child.kill('SIGKILL');
    released();
  }
}
