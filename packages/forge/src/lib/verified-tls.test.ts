import { expect, it } from 'vitest';
import { verifiedTls } from './verified-tls.ts';

it.each([
  ['postgres://u:p@h/d?sslmode=require', 'postgres://u:p@h/d?sslmode=verify-full'],
  ['postgres://u:p@h/d?a=b&sslmode=prefer&c=d', 'postgres://u:p@h/d?a=b&sslmode=verify-full&c=d'],
  // What says something else keeps saying it; a password may look like anything.
  ['postgres://u:p@h/d?sslmode=disable', 'postgres://u:p@h/d?sslmode=disable'],
  ['postgres://u:p@h/d?sslmode=require&uselibpqcompat=true', 'postgres://u:p@h/d?sslmode=require&uselibpqcompat=true'],
  ['postgres://u:sslmode=require@h/d', 'postgres://u:sslmode=require@h/d'],
  ['postgres://u:p@h/d', 'postgres://u:p@h/d'],
])('%s', (given, read) => expect(verifiedTls(given)).toBe(read));
