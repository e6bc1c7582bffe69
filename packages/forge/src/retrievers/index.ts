import type { AnyDefinition } from '../definition.ts';
import type { Retriever, RetrieverParts } from '../retriever.ts';
import { definition as bm25 } from './bm25.ts';
import { definition as dense } from './dense.ts';
import { definition as hybrid } from './hybrid.ts';
import { definition as none } from './none.ts';
import { definition as reranked } from './reranked.ts';

export const retrievers: readonly AnyDefinition<Retriever, RetrieverParts>[] = [none, dense, bm25, hybrid, reranked];
