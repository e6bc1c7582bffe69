import { resolve } from 'node:path';
import { z } from 'zod';
import type { Question } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { fileDigest } from '../lib/file-digest.ts';
import { lazy } from '../lib/lazy.ts';
import { reaching } from '../lib/option-reach.ts';
import type { Method, MethodParts, Prediction } from '../method.ts';
import { readTraces } from './recorded-traces/read-traces.ts';
import type { RecordedTrace } from './recorded-traces/trace-steps.ts';

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe(
    'File with OTLP traces as JSON or JSON lines, also packed (.gz), as the OpenTelemetry collector writes it.',
  ),
  match: z
    .enum(['question', 'id'])
    .default('question')
    .describe(
      'How a question finds its trace: by the last user message, or by forge.example.id or gen_ai.conversation.id, which is the example’s id.',
    ),
  agent: z
    .string()
    .min(1)
    .optional()
    .describe('Only traces of this agent (gen_ai.agent.name), where the file has several.'),
  maxRowBytes: z
    .int()
    .min(1024)
    .max(500_000_000)
    .default(64_000_000)
    .describe('Longest line, or the whole file where it is one JSON document.'),
  maxKeptBytes: z
    .int()
    .min(1024)
    .max(8_000_000_000)
    .default(500_000_000)
    .describe('What is kept of all traces in memory.'),
});

type Settings = z.infer<typeof options>;

const normalized = (text: string) => text.normalize('NFC').replace(/\s+/g, ' ').trim();

const keyOfTrace = ({ question, exampleId }: RecordedTrace, match: Settings['match']) =>
  match === 'id' ? exampleId : question && normalized(question);

function indexOf(traces: readonly RecordedTrace[], { path, match, agent }: Settings): Map<string, RecordedTrace[]> {
  const chosen = agent === undefined ? traces : traces.filter(({ agents }) => agents.includes(agent));
  if (chosen.length === 0) {
    const known = [...new Set(traces.flatMap(({ agents }) => agents))].slice(0, 20).join(', ');
    throw new ConfigError(
      `agent: "${agent}" has no trace in ${path}, which has traces of: ${known || 'no named agent'}`,
    );
  }
  const index = new Map<string, RecordedTrace[]>();
  for (const trace of chosen) {
    const key = keyOfTrace(trace, match);
    if (key !== undefined) index.set(key, [...(index.get(key) ?? []), trace]);
  }
  if (index.size === 0) {
    const wanted =
      match === 'id'
        ? 'forge.example.id or gen_ai.conversation.id'
        : 'a user message (was it recorded without contents?)';
    throw new ConfigError(`${path}: no trace can be matched by ${match}: none has ${wanted}`);
  }
  return index;
}

function traceFor(question: Question, index: ReadonlyMap<string, readonly RecordedTrace[]>, match: Settings['match']) {
  const found = index.get(match === 'id' ? question.id : normalized(question.text)) ?? [];
  const [trace, second] = found;
  const by = match === 'id' ? `id ${question.id}` : 'the text of its last user message';
  if (trace === undefined)
    throw new Error(`no recorded trace of this question: looked for by ${by}, among ${index.size} recorded ones`);
  if (second !== undefined)
    throw new Error(
      `${found.length} recorded traces of this question (${trace.traceId}, ${second.traceId}), matched by ${by}: choose with agent, or match by id`,
    );
  return trace;
}

function predictionOf({ traceId, answer, failure, steps, flags }: RecordedTrace): Prediction {
  if (answer !== undefined) return { answer, steps, flags };
  throw new Error(
    failure === undefined
      ? `trace ${traceId} has no output message: it was recorded without contents`
      : `the recorded agent failed: ${failure}`.slice(0, 2000),
  );
}

/**
 * Answers from what another agent framework recorded by OpenTelemetry's conventions for generative AI
 * (https://github.com/open-telemetry/semantic-conventions-genai), so that its agent is scored, judged by its trajectory and
 * compared like any variant. One trace is one question. No model is asked: tokens and times are in the steps, as recorded.
 */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'recorded-traces',
  summary: 'Answers from recorded OpenTelemetry traces of any agent framework: its runs are scored and compared here.',
  options,
  create(settings, { baseDir, cacheDir }) {
    const path = resolve(baseDir, settings.path);
    const open = lazy(async () => indexOf(await readTraces(path, baseDir, settings), settings));
    return {
      name: 'recorded-traces',
      preview: () => ({ prompts: [] }),
      async prepare() {
        await open();
        return { traces: await fileDigest(path, { cacheDir }) };
      },
      solve: async (question) => predictionOf(traceFor(question, await open(), settings.match)),
    };
  },
};
