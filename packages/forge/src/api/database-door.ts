import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from '@hono/zod-openapi';
import { Hono } from 'hono';
import type { Connection } from '../stores/connection.ts';
import { lockFolder } from '../stores/folder-lock.ts';
import type { PgliteConnection } from '../stores/pglite.ts';
import { HttpProblem } from './problem.ts';
import { sameText } from './store-door.ts';

/** The embedded database below its store, as a server lends it. */
export interface LentDatabase {
  query: Connection['query'];
  /** The folder of a copy, for the caller to open and to remove. */
  copy(): Promise<string>;
}

/** Lends a database whose copies are made below `home`: one at a time, what an earlier caller left is removed. */
export function lendDatabase(connection: PgliteConnection, home: string): LentDatabase {
  return {
    query: connection.query,
    async copy() {
      const folder = join(home, 'database.copy');
      const lock = await lockFolder(folder, randomUUID());
      try {
        await rm(folder, { recursive: true, force: true });
        await connection.copyTo(folder);
      } finally {
        await lock.release();
      }
      return folder;
    },
  };
}

const querySchema = z.object({
  statement: z.string(),
  params: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

/** For the commands of the same user, as storeDoor: they could open the files themselves, were they not in use. */
export function databaseDoor(lent: LentDatabase, token: string, changed: () => void): Hono {
  const door = new Hono();
  door.use(async (c, next) => {
    if (!sameText(c.req.header('authorization') ?? '', `Bearer ${token}`)) {
      throw new HttpProblem(403, 'the token in server.json is needed');
    }
    return next();
  });
  door.post('/query', async (c) => {
    const { success, data } = querySchema.safeParse(await c.req.json());
    if (!success) throw new HttpProblem(400, 'statement and params are needed');
    const rows = await lent.query(data.statement, data.params);
    if (!/^\s*select\b/i.test(data.statement)) changed();
    return c.json({ rows });
  });
  door.post('/copy', async (c) => c.json({ folder: await lent.copy() }));
  return door;
}
