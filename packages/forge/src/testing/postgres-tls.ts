import { chmod, chown, copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { makeCertificate } from './certificate.ts';

/**
 * Turns TLS on in a running test server, with a certificate for 127.0.0.1 of an authority that nobody knows. Returns the
 * authority's file in `dir`.
 */
export async function enableTls(url: string, dir: string): Promise<string> {
  const { key, certificate, authority } = makeCertificate(dir, 'IP:127.0.0.1');
  const asked = async (text: string): Promise<string> => {
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query({ text, rowMode: 'array' }).finally(() => client.end());
    return String(rows[0]?.[0]);
  };
  const data = await asked('show data_directory');
  const { uid, gid } = await stat(data);
  for (const [from, name] of [
    [certificate, 'server.crt'],
    [key, 'server.key'],
  ] as const) {
    const to = join(data, name);
    await copyFile(from, to);
    // Postgres takes no key that others can read.
    await chmod(to, 0o600);
    await chown(to, uid, gid);
  }
  await asked('alter system set ssl = on');
  await asked('select pg_reload_conf()');
  // It reads its settings when it gets to it.
  while ((await asked('show ssl')) !== 'on') await sleep(50);
  return authority;
}
