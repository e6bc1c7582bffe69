import { z } from 'zod';
import type { FoundChunk } from '../passage-index.ts';
import type { Passage } from '../retriever.ts';
import { componentReference } from './component-reference.ts';

/** Options of every retriever that looks into a corpus. */
export const corpusOptions = {
  corpus: z.string().min(1).describe('Path of the corpus file; it is ingested first where it is not up to date.'),
  index: componentReference('index').optional().describe('Another index than the one that the corpus file names.'),
};

/** A chunk as the only stage so far has found it. */
export function passageOf({ position: _, ...chunk }: FoundChunk, stage: string): Passage {
  return { ...chunk, stages: { [stage]: chunk.score } };
}
