import { z } from 'zod';
import type { ToolDeclaration } from '../../engine.ts';
import type { Tool } from '../../tool.ts';

/** A tool for a server that has tool calling: its arguments as JSON Schema. */
export function toolDeclaration({ name, description, arguments: schema }: Tool): ToolDeclaration {
  const { $schema, ...parameters } = z.toJSONSchema(schema, { io: 'input' });
  return { name, description, parameters };
}
