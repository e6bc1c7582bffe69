import { and, desc, eq, gt, inArray, isNull, lt, lte, or, sql } from 'drizzle-orm';
import type { AccessStore } from '../access-record.ts';
import { ConfigError } from '../errors.ts';
import { accessTokens, auditEntries, sessions } from './access-schema.ts';
import { checkPage, cursorError, type Database } from './database.ts';
import { idBegins, isFullId, onlyOne } from './record-id.ts';

const mostSessionsOfToken = 50;
const mostAuditEntries = 1_000_000;
/** Old entries are looked for at every so-manieth new one. */
const trimEvery = 1000;

/** Tokens, sessions and the audit log. */
export function createAccessStore({ tables, run }: Database, parts: { now(): number; newId(): string }): AccessStore {
  const now = () => Math.round(parts.now());
  const usable = () =>
    and(isNull(accessTokens.revokedAt), or(isNull(accessTokens.expiresAt), gt(accessTokens.expiresAt, now())));

  async function endOldSessions(tokenId: string): Promise<void> {
    await run(tables.delete(sessions).where(lte(sessions.expiresAt, now())));
    const oldest = tables
      .select({ hash: sessions.hash })
      .from(sessions)
      .where(eq(sessions.tokenId, tokenId))
      .orderBy(desc(sessions.createdAt))
      .offset(mostSessionsOfToken - 1);
    await run(tables.delete(sessions).where(inArray(sessions.hash, oldest)));
  }

  return {
    async createToken(token) {
      const record = { ...token, id: parts.newId(), createdAt: now(), revokedAt: null };
      await run(tables.insert(accessTokens).values(record));
      return record;
    },

    async listTokens(page) {
      checkPage(page);
      if (page.after !== undefined && !isFullId(page.after)) throw cursorError(page.after);
      const found = await run(
        tables
          .select()
          .from(accessTokens)
          .where(page.after === undefined ? undefined : lt(accessTokens.id, page.after))
          .orderBy(desc(accessTokens.id))
          .limit(page.limit + 1),
      );
      const items = found.slice(0, page.limit);
      return { items, next: found.length > page.limit ? (items.at(-1)?.id ?? null) : null };
    },

    async findToken(hash) {
      return (await run(tables.select().from(accessTokens).where(eq(accessTokens.hash, hash)).limit(1)))[0] ?? null;
    },

    async revokeToken(idOrPrefix) {
      const begins = idBegins(accessTokens.id, idOrPrefix);
      if (begins === undefined) return null;
      const found = onlyOne('token', idOrPrefix, await run(tables.select().from(accessTokens).where(begins).limit(2)));
      if (found === null) return null;
      const [revoked] = await run(
        tables
          .update(accessTokens)
          .set({ revokedAt: sql`coalesce(${accessTokens.revokedAt}, ${now()})` })
          .where(eq(accessTokens.id, found.id))
          .returning(),
      );
      await run(tables.delete(sessions).where(eq(sessions.tokenId, found.id)));
      return revoked ?? null;
    },

    async tokenState() {
      const any = await run(tables.select({ id: accessTokens.id }).from(accessTokens).limit(1));
      const admin = await run(
        tables
          .select({ id: accessTokens.id })
          .from(accessTokens)
          .where(and(eq(accessTokens.role, 'admin'), usable()))
          .limit(1),
      );
      return { any: any.length > 0, admin: admin.length > 0 };
    },

    async createSession(session) {
      if (!isFullId(session.tokenId)) throw new ConfigError(`token "${session.tokenId}": give the full id`);
      await endOldSessions(session.tokenId);
      const record = { ...session, createdAt: now() };
      await run(tables.insert(sessions).values(record));
      return record;
    },

    async findSession(hash) {
      const [found] = await run(
        tables
          .select({ session: sessions, token: accessTokens })
          .from(sessions)
          .innerJoin(accessTokens, eq(accessTokens.id, sessions.tokenId))
          .where(and(eq(sessions.hash, hash), gt(sessions.expiresAt, now()), usable()))
          .limit(1),
      );
      return found ?? null;
    },

    async endSession(hash) {
      await run(tables.delete(sessions).where(eq(sessions.hash, hash)));
    },

    async addAuditEntry(entry) {
      const [added] = await run(
        tables
          .insert(auditEntries)
          .values({ ...entry, at: now() })
          .returning({ id: auditEntries.id }),
      );
      const id = added?.id ?? 0;
      if (id % trimEvery === 0)
        await run(tables.delete(auditEntries).where(lte(auditEntries.id, id - mostAuditEntries)));
      return id;
    },

    async closeAuditEntry(id, end) {
      await run(tables.update(auditEntries).set(end).where(eq(auditEntries.id, id)));
    },

    async listAudit(page) {
      checkPage(page);
      if (page.after !== undefined && !/^\d{1,15}$/.test(page.after)) throw cursorError(page.after);
      const found = await run(
        tables
          .select()
          .from(auditEntries)
          .where(page.after === undefined ? undefined : lt(auditEntries.id, Number(page.after)))
          .orderBy(desc(auditEntries.id))
          .limit(page.limit + 1),
      );
      const items = found.slice(0, page.limit);
      return { items, next: found.length > page.limit ? String(items.at(-1)?.id) : null };
    },
  };
}
