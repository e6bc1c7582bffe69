import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const maxWaitMs = 120_000;

/** What `ask` finds, asked again and again; throws after two minutes. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + maxWaitMs;
  for (;;) {
    const found = await ask().catch(() => undefined);
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`not within ${maxWaitMs / 1000} s: ${what}`);
    await sleep(300);
  }
}

/** Starts programs that end together; what they print goes where this one's does. */
export function createProcesses(options: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number }) {
  const children: ChildProcess[] = [];
  return {
    start(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
      const all = { ...options, env: { ...options.env, ...env } };
      const child = spawn(program, args, { ...all, stdio: ['ignore', 'inherit', 'inherit'] });
      children.push(child);
      return child;
    },
    /** SIGTERM to all that run; their exit codes. */
    async stop(): Promise<(number | null)[]> {
      const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
      const ends = running.map((child) => once(child, 'exit'));
      for (const child of running) child.kill('SIGTERM');
      return (await Promise.all(ends)).map(([code]) => code);
    },
    kill(): void {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}
