/**
 * A Postgres connection string whose TLS is verified: `sslmode=require`, as hosts print it, becomes `verify-full`. That is how pg
 * 8 reads it, with a warning at every start, and how version 9 will not. `uselibpqcompat=true` keeps what libpq means.
 */
export function verifiedTls(url: string): string {
  if (/[?&]uselibpqcompat=true(?=&|$)/.test(url)) return url;
  return url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, '$1verify-full');
}
