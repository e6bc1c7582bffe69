import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { AuditEntry, Role } from '../access-record.ts';
import { anyText, moment } from './schema.ts';

export const accessTokens = pgTable(
  'access_token',
  {
    id: uuid('id').primaryKey(),
    name: anyText('name').notNull(),
    role: text('role').$type<Role>().notNull(),
    hash: text('hash').notNull().unique('access_token_hash'),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at'),
    revokedAt: moment('revoked_at'),
  },
  () => [check('access_token_role_known', sql`role in ('viewer', 'editor', 'admin')`)],
);

export const sessions = pgTable(
  'session',
  {
    hash: text('hash').primaryKey(),
    tokenId: uuid('token_id')
      .notNull()
      .references(() => accessTokens.id, { onDelete: 'cascade' }),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    index('session_of_token').on(table.tokenId, table.createdAt),
    index('session_expires').on(table.expiresAt),
  ],
);

export const auditEntries = pgTable('audit_entry', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: moment('at').notNull(),
  // No reference: what was done stays known when its token is gone.
  tokenId: uuid('token_id'),
  caller: anyText('caller').notNull(),
  via: text('via').$type<AuditEntry['via']>().notNull(),
  action: text('action').notNull(),
  target: anyText('target'),
  status: integer('status'),
  address: anyText('address'),
});
