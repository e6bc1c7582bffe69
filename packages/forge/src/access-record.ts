import type { Page, PageRequest } from './page.ts';

/** Each may do what those before it may: read; create, change and run; see the audit log. */
export const roles = ['viewer', 'editor', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A token of the API. Its text is shown once and stored nowhere. */
export interface AccessTokenRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token's text, hexadecimal. */
  readonly hash: string;
  readonly createdAt: number;
  /** ms since the epoch; null: never. */
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

/** A browser that somebody has signed in with a token. */
export interface SessionRecord {
  /** SHA-256 of the cookie's text, hexadecimal. */
  readonly hash: string;
  readonly tokenId: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** Something that was done or tried. It holds no bodies and no secrets. */
export interface AuditEntry {
  readonly id: number;
  readonly at: number;
  /** null where no token was involved. */
  readonly tokenId: string | null;
  /** Name of the token; `local` for who uses an open server, `command line` for `forge token`. */
  readonly caller: string;
  readonly via: 'open' | 'public' | 'token' | 'session' | 'sign-in' | 'command line';
  /** The route, e.g. `POST /experiments/{id}/start`, or the command. */
  readonly action: string;
  /** Id of what was acted on; null where there is none. */
  readonly target: string | null;
  /** HTTP status; null where the process ended before the action had. */
  readonly status: number | null;
  /** Where the request came from; null for commands. */
  readonly address: string | null;
}

/** Tokens, sessions and the audit log; a part of every store. */
export interface AccessStore {
  createToken(token: { name: string; role: Role; hash: string; expiresAt: number | null }): Promise<AccessTokenRecord>;
  /** Newest first, revoked and expired ones too. */
  listTokens(page: PageRequest): Promise<Page<AccessTokenRecord>>;
  /** By hash; revoked and expired ones too. */
  findToken(hash: string): Promise<AccessTokenRecord | null>;
  /** By full id or an unambiguous prefix; its sessions end with it. As it is now; null where there is none. */
  revokeToken(idOrPrefix: string): Promise<AccessTokenRecord | null>;
  /** Whether there has ever been a token, and whether one of the role admin can be used now. */
  tokenState(): Promise<{ readonly any: boolean; readonly admin: boolean }>;

  /** Ends what has expired, and the oldest of a token with more than 50. */
  createSession(session: { hash: string; tokenId: string; expiresAt: number }): Promise<SessionRecord>;
  /** Sessions that have neither ended nor expired. */
  findSession(hash: string): Promise<{ readonly session: SessionRecord; readonly token: AccessTokenRecord } | null>;
  endSession(hash: string): Promise<void>;

  /** Its id. The oldest entries go when there are more than a million. */
  addAuditEntry(entry: Omit<AuditEntry, 'id' | 'at'>): Promise<number>;
  /** What came of an action that was under way. */
  closeAuditEntry(id: number, end: { status: number; target: string | null }): Promise<void>;
  /** Newest first. */
  listAudit(page: PageRequest): Promise<Page<AuditEntry>>;
}
