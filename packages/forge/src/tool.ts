import type { z } from 'zod';
import type { ComponentSpec, Surroundings } from './definition.ts';
import type { Retriever } from './retriever.ts';

export type ToolErrorKind =
  | 'unknown-tool' // no tool of this name is allowed
  | 'bad-arguments' // not what the tool's schema says
  | 'failed' // the tool itself: a division by zero, a server that does not answer
  | 'timeout' // no answer within the time allowed
  | 'refused' // outside what the config allows
  | 'unparsable' // the step is neither an action nor an answer
  | 'repeated'; // the same action with the same input once more

/** What ends an example of an agent without an answer. */
export type AgentLimit =
  | 'steps'
  | 'tokens'
  | 'seconds'
  | 'repeats' // the same call again and again
  | 'unparsable'; // a second step that cannot be read

/** What an agent did in one example, in few words: kept beside its steps, so that figures and filters need no look at them. JSON. */
export interface ToolUse {
  /** Turns of the model. */
  readonly turns: number;
  /** In order; without a tool: a step that could not be read. */
  readonly calls: readonly { readonly tool?: string; readonly error?: ToolErrorKind }[];
  readonly limit?: AgentLimit;
}

/** What a tool answers. A failure is an observation too: the model may mend it. */
export interface Observation {
  readonly text: string;
  readonly error?: ToolErrorKind;
}

export interface Tool {
  /** As the model writes it: lower-case letters, digits, dashes, underscores. */
  readonly name: string;
  /** For the model: what it is for, and what comes back. */
  readonly description: string;
  /** A plain text input of the model goes to the first of them. */
  readonly arguments: z.ZodObject;
  /** `input` has passed the schema. What it throws becomes an observation of kind `failed`. */
  call(input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Observation>;
}

/** What one entry of a config brings: one tool, or all those of a server. */
export interface ToolSet {
  readonly tools: readonly Tool[];
  /** Of all that can change what is observed. */
  readonly fingerprint: string;
  /** Values that no observation may show: keys that a tool was given. They are blacked out wherever a tool repeats them. */
  readonly secrets?: readonly string[];
  close(): Promise<void>;
}

export interface ToolParts extends Surroundings {
  retriever(spec: ComponentSpec): Promise<Retriever>;
}
