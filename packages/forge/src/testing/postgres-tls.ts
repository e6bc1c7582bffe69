import { execFileSync } from 'node:child_process';
import { chmod, chown, copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** The program that makes the certificates; tests are skipped where it is missing. */
export const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/**
 * Turns TLS on in a running test server, with a certificate for 127.0.0.1 of an authority that nobody knows. Returns the
 * authority's file in `dir`.
 */
export async function enableTls(url: string, dir: string): Promise<string> {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test authority', '-days', '2');
  const names = ['-subj', '/CN=test server', '-addext', 'subjectAltName=IP:127.0.0.1'];
  openssl('req', ...curve, '-keyout', 'server.key', '-out', 'server.csr', ...names);
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy', '-days', '2'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.crt', ...signed);

  const asked = async (text: string): Promise<string> => {
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query({ text, rowMode: 'array' }).finally(() => client.end());
    return String(rows[0]?.[0]);
  };
  const data = await asked('show data_directory');
  const { uid, gid } = await stat(data);
  for (const name of ['server.crt', 'server.key']) {
    await copyFile(join(dir, name), join(data, name));
    // Postgres takes no key that others can read.
    await chmod(join(data, name), 0o600);
    await chown(join(data, name), uid, gid);
  }
  await asked('alter system set ssl = on');
  await asked('select pg_reload_conf()');
  // It reads its settings when it gets to it.
  while ((await asked('show ssl')) !== 'on') await sleep(50);
  return join(dir, 'ca.crt');
}
