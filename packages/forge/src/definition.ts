import type { z } from 'zod';

/**
 * One component: one file in its noun's folder exports one Definition, and one line in the folder's `index.ts` lists it.
 * Config checks, `forge list`, generated docs and forms all read it.
 */
export interface Definition<Component, Parts, Options extends z.ZodObject = z.ZodObject> {
  /** Kebab-case; the file name and the name in a config. */
  readonly name: string;
  /** One line for `forge list`. */
  readonly summary: string;
  /** A strict object schema with a default for every option that can have one; `.describe()` on each. */
  readonly options: Options;
  /** Throws ConfigError where the options cannot work (a file that is missing, say). */
  create(options: z.infer<Options>, parts: Parts): Component | Promise<Component>;
}

/** A Definition whose option type is forgotten, as lists hold it. */
// biome-ignore lint/suspicious/noExplicitAny: create's argument is contravariant; the catalog parses options with the schema before calling it.
export type AnyDefinition<Component, Parts> = Definition<Component, Parts, any>;

/** What every component may use from the outside world; doors build it, tests replace it. */
export interface Surroundings {
  /** Relative paths in a config are relative to this folder (the project's root). */
  readonly baseDir: string;
  /** Downloads and derived files go below this folder. */
  readonly cacheDir: string;
  /** Environment variables as read by the door. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a config may name programs to start. Not where configs come over a network. */
  readonly allowPrograms?: boolean;
  /** What configs may reach that somebody else than the user of this machine wrote; whatever the user may, when left out. */
  readonly limits?: ConfigLimits;
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Progress and warnings for people, e.g. a download. Never throws. */
  notify(notice: Notice): void;
}

/** How far configs reach that come over a network, set by the operator. Besides this: the project's files, public hosts. */
export interface ConfigLimits {
  /** Folders besides the project's that may be read. */
  readonly folders: readonly string[];
  /** Hosts that may be on this machine or in a private network: `localhost:8000`, `*.lan`. */
  readonly privateHosts: readonly string[];
  /** `NAME@host`: environment variables whose value may be sent to this host. */
  readonly secrets: readonly string[];
}

export interface Notice {
  readonly level: 'progress' | 'info' | 'warning';
  readonly message: string;
  /** For a progress notice: what is done and what there is in all, in `unit`. */
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'rows';
}

/** A component's name and its checked options, defaults filled in. JSON. */
export interface ComponentSpec {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}
