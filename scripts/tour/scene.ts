import type { Film } from './film.ts';
import type { Laboratory, Seed } from './laboratory.ts';

export interface Tour {
  readonly film: Film;
  readonly laboratory: Laboratory;
  /** Where the film and what its commands write go, from the root of the project. */
  readonly output: string;
}

export interface Scene {
  /** For --only. */
  readonly name: string;
  readonly title: string;
  /** About how long it is. */
  readonly seconds: number;
  /** What must be stored before it. */
  readonly needs: readonly Seed[];
  /** What is stored after it. */
  readonly makes?: Seed;
  play(tour: Tour): Promise<void>;
}
