import type { AnyDefinition } from '../definition.ts';
import type { PassageIndex, PassageIndexParts } from '../passage-index.ts';
import { definition as lancedb } from './lancedb.ts';
import { definition as qdrant } from './qdrant.ts';

export const indexes: readonly AnyDefinition<PassageIndex, PassageIndexParts>[] = [lancedb, qdrant];
