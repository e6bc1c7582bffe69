import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startForgeServer } from '../../../packages/forge/src/testing/forge-server.ts';
import { startPostgres } from '../../../packages/forge/src/testing/postgres-server.ts';
import type { Scene } from '../scene.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const main = join(root, 'packages/forge/src/cli/main.ts');
const workers = 2;
const longestStartMs = 60_000;

interface Cluster {
  readonly url: string;
  stop(): Promise<void>;
}

/** A Postgres, a server that only enqueues, two workers, and an experiment for them: docs/workers.md on one machine. */
async function startCluster(): Promise<Cluster> {
  const home = await mkdtemp(join(tmpdir(), 'forge-tour-workers-'));
  const children: ChildProcess[] = [];
  const ends: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    const postgres = await startPostgres();
    ends.push(() => postgres.stop());
    const env = { DATABASE_URL: postgres.url, FORGE_HOME: home };
    const server = await startForgeServer({ cwd: root, env, args: ['--port', '0', '--queue'] });
    ends.push(() => server.stop());
    ends.push(async () => {
      const closed = children.filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'close'));
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(closed);
    });
    for (let i = 0; i < workers; i++)
      children.push(
        spawn(process.execPath, [main, 'worker', '--drain-seconds', '1'], {
          cwd: root,
          env: { ...process.env, ...env },
          stdio: 'ignore',
        }),
      );
    const source = await readFile(join(root, 'experiments/quickstart.yaml'), 'utf8');
    const response = await fetch(`${server.url}/api/experiments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source: source.replace('sample: 200', 'sample: 800'), start: true }),
    });
    if (!response.ok) throw new Error(`the experiment for the workers was not taken: ${await response.text()}`);
    const until = Date.now() + longestStartMs;
    for (;;) {
      const state = (await (await fetch(`${server.url}/api/workers`)).json()) as {
        workers: { shards: number }[];
        queue: { shards: { done: number } }[];
      };
      const busy = state.workers.filter(({ shards }) => shards > 0).length;
      if (busy === workers && (state.queue[0]?.shards.done ?? 0) > 3) break;
      if (Date.now() > until) throw new Error(`the workers did not begin within ${longestStartMs / 1000} s`);
      await sleep(200);
    }
    return { url: server.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export const system: Scene = {
  name: 'system',
  title: 'More than one machine',
  seconds: 11,
  needs: [],
  async play({ film }) {
    const { page } = film;
    const cluster = await film.cut(startCluster);
    try {
      await film.open(`${cluster.url}/system`);
      await film.say(
        'With a Postgres, workers on many machines share an experiment. One that is killed loses nothing.',
      );
      await film.point(page.getByRole('region', { name: 'Workers', exact: true }).first());
      await film.pause(2.5);
      await film.glance(page.getByRole('progressbar').first());
      await film.read();
      await film.say('And the audit log says who did what.');
      await film.scrollTo(page.getByRole('region', { name: 'Audit log, newest first' }).first(), 300);
      await film.read();
    } finally {
      await film.cut(() => cluster.stop());
    }
  },
};
