import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** The program that makes certificates; tests that need one are skipped where it is missing. */
export const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Files in `dir`: a certificate for `names` (`DNS:lab.example,IP:127.0.0.1`), two days long, of an authority that nobody knows. */
export function makeCertificate(dir: string, names: string) {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test authority', '-days', '2');
  const subject = ['-subj', '/CN=test server', '-addext', `subjectAltName=${names}`];
  openssl('req', ...curve, '-keyout', 'server.key', '-out', 'server.csr', ...subject);
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy', '-days', '2'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.crt', ...signed);
  const file = (name: string) => join(dir, name);
  return { key: file('server.key'), certificate: file('server.crt'), authority: file('ca.crt') };
}
