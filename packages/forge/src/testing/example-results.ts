import type { AgentStep } from '../lib/agent-trace.ts';
import type { CallRecord, ExampleResult, Provenance } from '../run.ts';
import type { ToolErrorKind } from '../tool.ts';

/** Results as a run makes them, for tests and benchmarks of what reads or writes them. */
export const exampleProvenance: Provenance = {
  configHash: 'c0ffee',
  datasetFingerprint: 'da7a',
  modelDigest: '30de1',
  engineFingerprint: 'f1',
  engineSettings: { threads: 2, batch: 8, gpu: false },
  codeRevision: 'abc+changes',
  forgeVersion: '0.1.0',
  machine: { cpu: 'test', cores: 2 },
  seed: 7,
};

export function exampleCall(index: number, changed: Partial<CallRecord> = {}): CallRecord {
  return {
    index,
    prompt: `Question: what is ${index} + ${index}?\nAnswer:`,
    sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 64, stop: ['\n'] },
    seed: 4_000_000_000 + index,
    output: ` ${2 * index}`,
    finishReason: 'stop',
    usage: { promptTokens: 12, completionTokens: 3, cachedPromptTokens: 4 },
    timing: { queuedMs: 0.25, prefillMs: 10.5, decodeMs: 20, computeMs: 15.125, totalMs: 31 },
    cached: false,
    retries: 0,
    ...changed,
  };
}

/** A right answer with one call; `index` is also the row. */
export function exampleResult(index: number, changed: Partial<ExampleResult> = {}): ExampleResult {
  return {
    exampleId: `example-${index}`,
    index,
    question: `What is ${index} + ${index}?`,
    targets: [String(2 * index)],
    answer: String(2 * index),
    steps: [{ kind: 'reason', text: `${index} + ${index} = ${2 * index}`, depth: 1 }],
    flags: [],
    scores: { 'exact-match': 1, f1: 0.5 },
    latencyMs: 31.5,
    calls: [exampleCall(0)],
    finishedAt: 1_700_000_000_000 + index,
    ...changed,
  };
}

/** One call of a tool, as an agent stores it. */
export function toolStep(turn: number, tool: string, error?: ToolErrorKind): AgentStep {
  return {
    kind: 'tool',
    text: error === undefined ? 'found' : `error: ${error}`,
    turn,
    thought: `I use ${tool}.`,
    startedMs: 100 * (turn - 1),
    modelMs: 80,
    toolMs: 20,
    promptTokens: 50,
    cachedTokens: 40,
    completionTokens: 12,
    tool,
    arguments: { query: 'x' },
    ...(error === undefined ? {} : { error }),
  };
}
