import { relative } from 'node:path';
import { ConfigError, messageOf } from '../../errors.ts';
import { fieldOf, listOf } from '../../lib/otlp-json.ts';
import { checkFile } from '../../lib/row-source.ts';
import { readUnpacked, type TextLine, textLines } from '../../lib/text-lines.ts';
import { type GenAiSpan, genAiSpan } from './gen-ai-span.ts';
import { type RecordedTrace, recordedTrace } from './trace-steps.ts';

export interface TraceBounds {
  /** Longest line, or the whole file where it is one JSON document. */
  readonly maxRowBytes: number;
  /** Of all spans that are kept while the file is read. */
  readonly maxKeptBytes: number;
}

const maxSpansPerTrace = 10_000;

/** Yields nothing of a file that is no gzip where its name ends in .gz: the error says so. */
async function* linesOf(path: string, shown: string, maxRowBytes: number): AsyncGenerator<TextLine> {
  const unpacked = readUnpacked(path);
  if (!path.toLowerCase().endsWith('.gz')) return yield* textLines(unpacked, shown, maxRowBytes);
  try {
    yield* textLines(unpacked, shown, maxRowBytes);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${shown}: cannot be unpacked: ${messageOf(error)}`);
  } finally {
    unpacked.destroy();
  }
}

interface Document {
  /** `file:line` for messages. */
  readonly where: string;
  readonly value: unknown;
}

/** The parser says the line, or shows ten characters before and after the place. */
function errorLine(text: string, said: string): number {
  const line = /\(line (\d+)/.exec(said)?.[1];
  if (line !== undefined) return Number(line);
  const [, cut, around] = /, (\.\.\.)?"([\s\S]+)"(?:\.\.\.)? is not valid JSON$/.exec(said) ?? [];
  // Without such a place, the end came too early.
  const at = around === undefined ? text.length : text.indexOf(around) + (cut === undefined ? 0 : 10);
  return text.slice(0, at).split('\n').length;
}

function parsed(text: string, shown: string, firstLine: number): Document {
  try {
    return { where: `${shown}:${firstLine}`, value: JSON.parse(text) as unknown };
  } catch (error) {
    const line = firstLine + errorLine(text, (error as SyntaxError).message) - 1;
    const said = messageOf(error).slice(0, 120);
    throw new ConfigError(
      `${shown}:${line}: not JSON (${said}); wanted is OTLP: one JSON document, or one on each line`,
    );
  }
}

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** One document for each line; or the whole file as one, where its first line is no document by itself. */
async function* documentsOf(path: string, shown: string, maxRowBytes: number): AsyncGenerator<Document> {
  let whole: { from: number; lines: string[]; bytes: number } | undefined;
  let isFirst = true;
  for await (const { number, text } of linesOf(path, shown, maxRowBytes)) {
    if (text.trim() === '' && whole === undefined) continue;
    if (isFirst && !isJson(text)) whole = { from: number, lines: [], bytes: 0 };
    isFirst = false;
    if (whole === undefined) {
      yield parsed(text, shown, number);
      continue;
    }
    whole.lines.push(text);
    whole.bytes += text.length + 1;
    if (whole.bytes > maxRowBytes)
      throw new ConfigError(
        `${shown}:${number}: one JSON document of over ${maxRowBytes / 1e6} MB; write one document on each line, or raise maxRowBytes`,
      );
  }
  if (whole !== undefined) yield parsed(whole.lines.join('\n'), shown, whole.from);
}

/** The spans of an OTLP document. Throws ConfigError where it is something else; logs and metrics have no spans. */
function spansIn({ where, value }: Document): unknown[] {
  return (Array.isArray(value) ? value : [value]).flatMap((one) => {
    const resources = fieldOf(one, 'resourceSpans');
    if (Array.isArray(resources)) {
      return resources.flatMap((resource) =>
        listOf(fieldOf(resource, 'scopeSpans')).flatMap((scope) => listOf(fieldOf(scope, 'spans'))),
      );
    }
    if (fieldOf(one, 'resourceLogs') !== undefined || fieldOf(one, 'resourceMetrics') !== undefined) return [];
    throw new ConfigError(`${where}: no traces in OTLP form: an object with the list resourceSpans is wanted`);
  });
}

/** Spans by trace; a span that stands twice in the file (an export that was repeated) counts once. */
function traceCollector(bounds: TraceBounds) {
  const traces = new Map<string, Map<string, GenAiSpan>>();
  let kept = 0;
  return {
    traces,
    add(where: string, given: unknown): void {
      const known = genAiSpan(given);
      if (known === null) return;
      const { traceId, span } = known;
      const spans = traces.get(traceId) ?? new Map<string, GenAiSpan>();
      traces.set(traceId, spans);
      spans.set(span.id, span);
      if (spans.size > maxSpansPerTrace)
        throw new ConfigError(
          `${where}: trace ${traceId} has over ${maxSpansPerTrace} spans; one trace is one question`,
        );
      kept += JSON.stringify(span).length;
      if (kept > bounds.maxKeptBytes)
        throw new ConfigError(
          `${where}: up to here there are ${bounds.maxKeptBytes / 1e6} MB of messages, more than fit; split the file, or raise maxKeptBytes`,
        );
    },
  };
}

/**
 * All traces of a file of OTLP in JSON, or JSON lines, also packed (.gz), in the order in which they begin in it. Throws
 * ConfigError naming file and line where it cannot be read.
 */
export async function readTraces(path: string, baseDir: string, bounds: TraceBounds): Promise<RecordedTrace[]> {
  const shown = relative(baseDir, path) || path;
  await checkFile(path, baseDir);
  const collector = traceCollector(bounds);
  for await (const document of documentsOf(path, shown, bounds.maxRowBytes)) {
    for (const span of spansIn(document)) collector.add(document.where, span);
  }
  const traces: RecordedTrace[] = [];
  for (const [traceId, spans] of collector.traces) {
    const trace = recordedTrace(traceId, [...spans.values()]);
    if (trace !== null) traces.push(trace);
    collector.traces.delete(traceId);
  }
  if (traces.length === 0)
    throw new ConfigError(
      `${shown}: has no spans of the GenAI conventions (gen_ai.operation.name: invoke_agent, chat or execute_tool)`,
    );
  return traces;
}
