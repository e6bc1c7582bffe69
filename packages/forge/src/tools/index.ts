import type { AnyDefinition } from '../definition.ts';
import type { ToolParts, ToolSet } from '../tool.ts';
import { definition as calculator } from './calculator.ts';
import { definition as mcp } from './mcp.ts';
import { definition as search } from './search.ts';
import { definition as typescriptFile } from './typescript-file.ts';
import { definition as wikipediaSearch } from './wikipedia-search.ts';

export const tools: readonly AnyDefinition<ToolSet, ToolParts>[] = [
  calculator,
  mcp,
  search,
  typescriptFile,
  wikipediaSearch,
];
