import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { componentReference, specOf } from '../lib/component-reference.ts';
import type { ToolParts, ToolSet } from '../tool.ts';

const options = z.strictObject({
  retriever: componentReference('retriever').describe('What finds passages.'),
  topK: z.int().min(1).max(20).default(3).describe('Passages of one observation, where the model does not say.'),
  toolName: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,63}$/, 'must be lower-case letters, digits, dashes and underscores')
    .default('search')
    .describe('How the model calls it: another name for each where there are several.'),
  description: z
    .string()
    .min(1)
    .max(1000)
    .default('Passages about something, e.g. search[Mira Tolan job].')
    .describe('What the model is told of it.'),
  maxChars: z.int().min(100).max(20_000).default(2000).describe('Characters of one observation at most.'),
});

/** A retriever of the catalog as a tool: the model chooses what to look for, and when. */
export const definition: Definition<ToolSet, ToolParts, typeof options> = {
  name: 'search',
  summary: 'Passages of a corpus, by any retriever.',
  options,
  async create({ retriever: spec, topK, maxChars, toolName, description }, parts) {
    const retriever = await parts.retriever(specOf(spec));
    return {
      fingerprint: `search ${contentHash([toolName, description, topK, maxChars])} ${retriever.fingerprint}`,
      tools: [
        {
          name: toolName,
          description,
          arguments: z.strictObject({ query: z.string().min(1).max(1000), k: z.int().min(1).max(20).optional() }),
          async call({ query, k }, signal) {
            const found = await retriever.retrieve(String(query), typeof k === 'number' ? k : topK, signal);
            if (found.length === 0) return { text: 'nothing found' };
            const text = found.map((passage, i) => `[${i + 1}] ${passage.text}`).join('\n');
            return { text: text.slice(0, maxChars) };
          },
        },
      ],
      close: async () => {},
    };
  },
};
