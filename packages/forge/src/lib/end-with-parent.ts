import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Has a child process killed when ours ends, however that happens (SIGKILL too) and whatever the child does (a busy loop too): a
 * shell waits for the end of its standard input, which ends with us. On Windows the system ends children with their parent.
 * Call the answer once the child has ended, for its number may then be given to another process. A negative number is a process group.
 */
export function endWithParent(pid: number): () => void {
  if (process.platform === 'win32') return () => {};
  // In a session of its own: the Ctrl-C that ends us must not end it first.
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$1"', 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: {} as NodeJS.ProcessEnv,
  });
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  guard.unref();
  (guard.stdin as Socket).unref();
  return () => guard.kill('SIGKILL');
}
