import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import type { AccessTokenRecord, AuditEntry, Role } from '../access-record.ts';
import { ConfigError } from '../errors.ts';
import { secretBytes, secretHash, tokenText } from '../lib/access-secret.ts';
import { textTable } from '../lib/format.ts';
import type { Store } from '../store.ts';
import { openWorkspace } from './workspace.ts';

const day = 24 * 3600 * 1000;
const units: Readonly<Record<string, number>> = { h: 3600 * 1000, d: day };
const longestDays = 3650;

/** `90d` or `12h` as ms from now. */
function expiryOf(text: string, now: number): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([hd])$/.exec(text) ?? [];
  const ms = Number(count) * (units[unit] ?? 0);
  if (ms <= 0 || ms > longestDays * day)
    throw new ConfigError(`--expires ${text}: give hours or days, 1h to ${longestDays}d, e.g. 90d`);
  return now + ms;
}

const moment = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

function stateOf({ revokedAt, expiresAt }: AccessTokenRecord, now: number): string {
  if (revokedAt !== null) return `revoked ${moment(revokedAt)}`;
  if (expiresAt === null) return 'does not expire';
  return `${expiresAt <= now ? 'expired' : 'until'} ${moment(expiresAt)}`;
}

function login(): string {
  try {
    return userInfo().username;
  } catch {
    // A container whose user has no name.
    return 'unknown';
  }
}

/** What commands do to tokens is in the same log as what comes over the API. */
const audit = (store: Store, action: string, target: string | null): Promise<number> =>
  store.addAuditEntry({
    tokenId: null,
    caller: login(),
    via: 'command line',
    action,
    target,
    status: 200,
    address: null,
  } satisfies Omit<AuditEntry, 'id' | 'at'>);

const withoutHash = ({ hash: _, ...rest }: AccessTokenRecord) => rest;

/** `forge token create`: prints a token once; only its hash is stored. */
export async function createToken(options: {
  name: string;
  role: Role;
  expires?: string;
  json?: boolean;
}): Promise<void> {
  const { name, role, expires } = options;
  if (name.trim() === '' || name.length > 100) throw new ConfigError(`--name: must have 1 to 100 characters`);
  const { openStore, clock } = openWorkspace();
  const expiresAt = expires === undefined ? null : expiryOf(expires, clock.now());
  const store = await openStore();
  try {
    const text = tokenText(randomBytes(secretBytes));
    const token = await store.createToken({ name: name.trim(), role, hash: secretHash(text), expiresAt });
    await audit(store, 'token create', token.id);
    if (options.json) {
      console.log(JSON.stringify({ ...withoutHash(token), token: text }, null, 2));
      return;
    }
    console.log(text);
    console.error(
      `Keep it now: it is not shown again. ${role}, ${stateOf(token, clock.now())}; id ${token.id} (forge token revoke takes it back).`,
    );
  } finally {
    await store.close();
  }
}

/** `forge token list` */
export async function listTokens(options: { limit: number; after?: string; json?: boolean }): Promise<void> {
  const { openStore, clock } = openWorkspace();
  const store = await openStore();
  try {
    const { limit, after } = options;
    const { items, next } = await store.listTokens({ limit, ...(after === undefined ? {} : { after }) });
    if (options.json) {
      console.log(JSON.stringify({ items: items.map(withoutHash), next }, null, 2));
      return;
    }
    if (items.length === 0) console.log('No tokens. Make one: forge token create --name NAME --role admin');
    else {
      const rows = items.map((token) => [
        token.id,
        token.name,
        token.role,
        moment(token.createdAt),
        stateOf(token, clock.now()),
      ]);
      console.log(textTable(['id', 'name', 'role', 'made (UTC)', 'state'], rows));
    }
    if (next !== null) console.log(`\nmore: --after ${next}`);
  } finally {
    await store.close();
  }
}

/** `forge token revoke`. Throws ConfigError where there is no such token. */
export async function revokeToken(id: string): Promise<void> {
  const store = await openWorkspace().openStore();
  try {
    const revoked = await store.revokeToken(id);
    if (revoked === null) throw new ConfigError(`token "${id}": there is none; forge token list shows them`);
    await audit(store, 'token revoke', revoked.id);
    console.log(`revoked: ${revoked.name} (${revoked.role}); its sessions have ended`);
  } finally {
    await store.close();
  }
}

/** `forge audit`: who did what, newest first. */
export async function showAudit(options: { limit: number; after?: string; json?: boolean }): Promise<void> {
  const store = await openWorkspace().openStore();
  try {
    const { limit, after } = options;
    const { items, next } = await store.listAudit({ limit, ...(after === undefined ? {} : { after }) });
    if (options.json) {
      console.log(JSON.stringify({ items, next }, null, 2));
      return;
    }
    const rows = items.map((entry) => [
      new Date(entry.at).toISOString().slice(0, 19).replace('T', ' '),
      entry.tokenId === null ? entry.caller : `${entry.caller} (${entry.tokenId.slice(-12)})`,
      entry.via,
      entry.action,
      entry.target ?? '',
      entry.status === null ? 'unfinished' : String(entry.status),
      entry.address ?? '',
    ]);
    console.log(textTable(['when (UTC)', 'who', 'by', 'what', 'of', 'outcome', 'from'], rows));
    if (next !== null) console.log(`\nmore: --after ${next}`);
  } finally {
    await store.close();
  }
}
