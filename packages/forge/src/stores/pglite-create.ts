import { PGlite } from '@electric-sql/pglite';

/** Makes an empty database in the folder given as argument; a process of its own, see pglite.ts. */
const database = await PGlite.create({ dataDir: process.argv[2] as string });
await database.close();
