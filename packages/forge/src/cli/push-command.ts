import { resolve } from 'node:path';
import { formatCount } from '../lib/format.ts';
import { pushToHub } from '../lib/hub-push.ts';
import { createProgress } from './progress.ts';
import { ExitCode } from './report-error.ts';
import { stopSignal } from './stop-signal.ts';
import { openWorkspace } from './workspace.ts';

interface PushOptions {
  readonly repo: string;
  readonly public?: boolean;
  readonly message?: string;
  readonly json?: boolean;
}

/** Uploads a trained adapter or model; Ctrl-C stops, and nothing of it is seen on the hub. */
export async function push(folder: string, options: PushOptions): Promise<void> {
  const progress = createProgress(
    process.stderr,
    () => '',
    () => performance.now(),
  );
  const { surroundings } = openWorkspace((notice) => progress.notice(notice));
  const { json, ...target } = options;
  const signal = stopSignal();
  const pushed = await pushToHub(resolve(surroundings.baseDir, folder), target, surroundings, signal).catch((error) => {
    throw signal.aborted ? new ExitCode(130) : error;
  });
  if (json) console.log(JSON.stringify(pushed));
  else
    console.log(
      `${pushed.url}: ${formatCount(pushed.files.length)} files, ${(pushed.bytes / 1e6).toFixed(1)} MB, commit ${pushed.commit.slice(0, 12)}`,
    );
}
