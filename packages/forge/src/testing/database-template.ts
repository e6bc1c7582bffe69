import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { openConnection } from '../stores/index.ts';

const migrations = fileURLToPath(new URL('../../drizzle', import.meta.url));
const cache = fileURLToPath(new URL('../../../../node_modules/.cache', import.meta.url));

/** What a database is made of: another PGlite or other tables are another template. */
function content(): string {
  const hash = createHash('sha256');
  hash.update(readFileSync(createRequire(import.meta.url).resolve('@electric-sql/pglite')));
  for (const name of readdirSync(migrations).sort())
    if (name.endsWith('.sql')) hash.update(readFileSync(`${migrations}/${name}`));
  return hash.digest('hex').slice(0, 12);
}

/**
 * Makes one embedded database with its tables before any test, kept from run to run: tests copy it (`embedded`), processes that they start do
 * so by FORGE_DATABASE_TEMPLATE. Making each would take most of the time of the whole suite.
 */
export default async function setup(): Promise<void> {
  const template = `${cache}/forge-database-${content()}`;
  if (!existsSync(template)) {
    const unfinished = `${template}.${process.pid}`;
    await (await openConnection({ dir: unfinished })).close();
    await rename(unfinished, template).catch(() => rm(unfinished, { recursive: true, force: true }));
  }
  process.env.FORGE_DATABASE_TEMPLATE = template;
}

/** An embedded database in a folder, copied where it is new. */
export const embedded = (dir: string) => ({ dir, template: process.env.FORGE_DATABASE_TEMPLATE });
