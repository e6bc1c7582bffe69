import { spawn } from 'node:child_process';
import { lazy } from '../../lib/lazy.ts';

/** A namespace of our own user with a network that has no interfaces: https://man7.org/linux/man-pages/man1/unshare.1.html */
const withoutNetwork = ['unshare', '--map-current-user', '--net', '--'] as const;

/** What to put before a command so that the system gives it no network; nothing where the system cannot. Asked once. */
export const networkIsolation = lazy(async (): Promise<readonly string[]> => {
  if (process.platform !== 'linux') return [];
  const [command, ...args] = withoutNetwork;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = spawn(command, [...args, process.execPath, '--version'], {
    stdio: 'ignore',
    env: {} as NodeJS.ProcessEnv,
  });
  probe.on('error', () => resolve(false));
  probe.on('exit', (code) => resolve(code === 0));
  return (await promise) ? withoutNetwork : [];
});
