import { describe, expect, test } from 'vitest';
import type { AuditEntry, Role } from '../access-record.ts';
import { ConfigError } from '../errors.ts';
import type { Store } from '../store.ts';
import { hardTexts, range } from './contract-helpers.ts';

let hashes = 0;
/** As SHA-256 would write it; another one each time. */
const newHash = () => `${process.pid}${Date.now()}${hashes++}`.padStart(64, '0');

const entry = (action: string): Omit<AuditEntry, 'id' | 'at'> => ({
  tokenId: null,
  caller: hardTexts.join('\n'),
  via: 'open',
  action,
  target: null,
  status: null,
  address: '::1',
});

/** What every store must do with tokens, sessions and the audit log; a part of storeContract. */
export function accessContract(store: () => Store): void {
  const newToken = (role: Role, expiresAt: number | null = null) =>
    store().createToken({ name: `${role} \0`, role, hash: newHash(), expiresAt });
  const newSession = (tokenId: string, forMs = 60_000) =>
    store().createSession({ hash: newHash(), tokenId, expiresAt: Date.now() + forMs });

  describe('tokens', () => {
    test('are found by hash, and listed newest first', async () => {
      const first = await newToken('viewer', Date.now() + 1000);
      const second = await newToken('editor');
      expect(first).toMatchObject({ name: 'viewer \0', role: 'viewer', revokedAt: null });
      expect(await store().findToken(first.hash)).toEqual(first);
      expect(await store().findToken('0'.repeat(64))).toBeNull();
      const page = await store().listTokens({ limit: 1 });
      expect(page).toEqual({ items: [second], next: second.id });
      expect((await store().listTokens({ limit: 1, after: second.id })).items).toEqual([first]);
      await expect(store().listTokens({ limit: 1, after: 'x' })).rejects.toThrow(ConfigError);
    });

    test('are revoked by a part of their id, once, and end their sessions', async () => {
      const token = await newToken('admin');
      const session = await newSession(token.id);
      expect(await store().findSession(session.hash)).toEqual({ session, token });
      expect((await store().tokenState()).admin).toBe(true);
      const revoked = await store().revokeToken(token.id.slice(0, 30));
      expect(revoked).toMatchObject({ id: token.id, revokedAt: expect.any(Number) });
      expect(await store().revokeToken(token.id)).toEqual(revoked);
      expect(await store().findToken(token.hash)).toEqual(revoked);
      expect(await store().findSession(session.hash)).toBeNull();
      expect(await store().revokeToken('ffffffff-ffff-7fff-bfff-ffffffffffff')).toBeNull();
      expect(await store().revokeToken("' or 1 = 1")).toBeNull();
      await expect(store().revokeToken(token.id.slice(0, 4))).rejects.toThrow(/more than one id begins so/);
    });

    test('that have expired leave nobody in charge, and their sessions end', async () => {
      for (const { id } of (await store().listTokens({ limit: 1000 })).items) await store().revokeToken(id);
      const expired = await newToken('admin', Date.now() - 1);
      await newToken('editor');
      expect(await store().tokenState()).toEqual({ any: true, admin: false });
      expect(await store().findSession((await newSession(expired.id)).hash)).toBeNull();
    });

    test('of another role are refused, and a hash is there once', async () => {
      const token = await newToken('viewer');
      await expect(newToken('owner' as Role)).rejects.toThrow(ConfigError);
      const { name, role, hash, expiresAt } = token;
      await expect(store().createToken({ name, role, hash, expiresAt })).rejects.toThrow(ConfigError);
    });
  });

  describe('sessions', () => {
    test('end when told, when their time is over, and when there are too many of one token', async () => {
      const token = await newToken('viewer');
      const ended = await newSession(token.id);
      await store().endSession(ended.hash);
      expect(await store().findSession(ended.hash)).toBeNull();
      const short = await newSession(token.id, -1);
      expect(await store().findSession(short.hash)).toBeNull();
      const made: string[] = [];
      for (const _ of range(0, 52)) {
        made.push((await newSession(token.id)).hash);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      const alive = await Promise.all(made.map(async (hash) => (await store().findSession(hash)) !== null));
      expect(alive.filter((one) => one)).toHaveLength(50);
      expect(alive.slice(0, 2)).toEqual([false, false]);
      await expect(newSession('ffffffff-ffff-7fff-bfff-ffffffffffff')).rejects.toThrow(ConfigError);
    });
  });

  describe('the audit log', () => {
    test('is read newest first, with what came of each', async () => {
      const ids: number[] = [];
      for (const i of range(0, 5)) ids.push(await store().addAuditEntry(entry(`POST /${i}`)));
      await store().closeAuditEntry(ids[4] as number, { status: 200, target: 'an id' });
      const page = await store().listAudit({ limit: 3 });
      expect(page.items.map(({ id }) => id)).toEqual(ids.slice(2).reverse());
      expect(page.items[0]).toEqual({
        ...entry('POST /4'),
        id: ids[4],
        at: expect.any(Number),
        status: 200,
        target: 'an id',
      });
      expect(page.items[1]).toMatchObject({ action: 'POST /3', status: null, target: null });
      const rest = await store().listAudit({ limit: 2, after: page.next ?? '' });
      expect(rest.items.map(({ action }) => action)).toEqual(['POST /1', 'POST /0']);
      await expect(store().listAudit({ limit: 1, after: '1; drop' })).rejects.toThrow(ConfigError);
    });
  });
}
