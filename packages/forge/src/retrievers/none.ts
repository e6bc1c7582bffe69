import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { Retriever, RetrieverParts } from '../retriever.ts';

const options = z.strictObject({});

/** Finds nothing: the control of every retrieval experiment. */
export const definition: Definition<Retriever, RetrieverParts, typeof options> = {
  name: 'none',
  summary: 'Finds nothing: the control.',
  options,
  create: () => ({ name: 'none', fingerprint: 'none', retrieve: async () => [] }),
};
