import { randomBytes } from 'node:crypto';
import type { Role } from '../access-record.ts';
import { secretBytes, secretHash, tokenText } from '../lib/access-secret.ts';
import type { Store } from '../store.ts';

/** The text of a new token. */
export async function newToken(store: Store, role: Role, expiresAt: number | null = null): Promise<string> {
  const text = tokenText(randomBytes(secretBytes));
  await store.createToken({ name: `a ${role}`, role, hash: secretHash(text), expiresAt });
  return text;
}
