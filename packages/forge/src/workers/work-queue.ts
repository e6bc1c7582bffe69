import type pg from 'pg';
import { PgBoss } from 'pg-boss';
import { messageOf, StoreError } from '../errors.ts';
import { canonicalJson, contentHash } from '../lib/canonical-json.ts';
import { verifiedTls } from '../lib/verified-tls.ts';
import type { Requirement, WaitingWork } from '../worker-record.ts';

/**
 * Says which shard or job is next: pg-boss, a queue for each requirement, by priority and then in order. It holds nothing but
 * that: what is to be done, and who does it, is in our own tables, and an entry is dropped as soon as its work is taken.
 */
export interface WorkQueue {
  /** Idempotent: what it knows of stays where it is. */
  issue(work: readonly WaitingWork[]): Promise<void>;
  /** The id of what is next, which nobody else gets for a while; null where nothing waits. */
  next(requirement: Requirement): Promise<string | null>;
  drop(requirement: Requirement, id: string): Promise<void>;
  close(): Promise<void>;
}

/** What was handed out and not dropped is handed out again after this: its worker died in between. */
const handOutSeconds = 15;
const superviseSeconds = 5;
/** An answer that does not come by then does not come any more. */
const answerMs = 20_000;

const queueName = (requirement: Requirement) => `work-${contentHash(requirement).slice(0, 16)}`;

/** `url`: of the Postgres that holds the experiments too; pg-boss makes its tables in a schema of its own. Rejects with StoreError. */
export async function openWorkQueue(url: string, log: (message: string) => void): Promise<WorkQueue> {
  const boss = new PgBoss({
    connectionString: verifiedTls(url),
    application_name: 'llm-forge-queue',
    max: 2,
    schema: 'forge_queue',
    schedule: false,
    registerInstance: false,
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: superviseSeconds,
    monitorVacuum: false,
    ...({ query_timeout: answerMs, keepAlive: true } satisfies pg.PoolConfig),
    openTelemetry: { enabled: false },
  });
  // What it does in the background is tried again by itself.
  boss.on('error', (error) => log(`queue: ${messageOf(error)}`));
  const known = new Set<string>();

  async function asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new StoreError(`queue: ${messageOf(error)}`, { cause: error });
    }
  }

  async function queueOf(requirement: Requirement): Promise<string> {
    const name = queueName(requirement);
    if (!known.has(name)) {
      await boss.createQueue(name, { expireInSeconds: handOutSeconds, retryLimit: 1_000_000, retryDelay: 0 });
      known.add(name);
    }
    return name;
  }

  await asked(() => boss.start());
  return {
    issue: (work) =>
      asked(async () => {
        for (const some of Map.groupBy(work, ({ requirement }) => canonicalJson(requirement)).values()) {
          const name = await queueOf((some[0] as WaitingWork).requirement);
          await boss.insert(
            name,
            some.map(({ id, priority }) => ({ id, priority })),
          );
        }
      }),
    next: (requirement) =>
      asked(async () => (await boss.fetch(await queueOf(requirement), { batchSize: 1 }))[0]?.id ?? null),
    drop: (requirement, id) =>
      asked(async () => {
        await boss.deleteJob(await queueOf(requirement), id);
      }),
    async close() {
      await boss.stop({ graceful: false }).catch(() => {});
    },
  };
}
