import type { EngineLoad, EngineStats } from '../../engine.ts';

/** What the server counts beside its engine. */
export interface ServerCounters {
  readonly inFlight: number;
  /** Requests that the engine works on together. */
  readonly concurrency: number;
  readonly answered: number;
}

const label = (text: string) => text.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`));

/**
 * Prometheus text (https://prometheus.io/docs/instrumenting/exposition_formats/) under the names of vLLM
 * (https://docs.vllm.ai/en/latest/usage/metrics/), so that what reads a vLLM server reads this one.
 */
export function metricsText(
  model: string,
  { inFlight, concurrency, answered }: ServerCounters,
  stats: EngineStats,
  load: EngineLoad | null,
): string {
  const running = load?.runningRequests ?? Math.min(inFlight, concurrency);
  const rows: readonly (readonly [name: string, type: 'gauge' | 'counter', help: string, value: number | null])[] = [
    ['num_requests_running', 'gauge', 'Requests that are worked on.', running],
    ['num_requests_waiting', 'gauge', 'Requests that wait.', load?.waitingRequests ?? Math.max(0, inFlight - running)],
    ['kv_cache_usage_perc', 'gauge', 'Share of the KV cache in use, 1 is all of it.', load?.kvCacheUsage ?? null],
    ['prompt_tokens_total', 'counter', 'Prompt tokens.', stats.promptTokens],
    ['generation_tokens_total', 'counter', 'Generated tokens.', stats.completionTokens],
    ['request_success_total', 'counter', 'Requests that were answered.', answered],
    [
      'prefix_cache_queries_total',
      'counter',
      'Prompt tokens that were looked up in the prefix cache.',
      load?.prefixQueryTokens ?? stats.promptTokens,
    ],
    [
      'prefix_cache_hits_total',
      'counter',
      'Prompt tokens that were found there.',
      load?.prefixHitTokens ?? stats.cachedPromptTokens,
    ],
  ];
  return rows
    .filter(([, , , value]) => value !== null)
    .map(
      ([name, type, help, value]) =>
        `# HELP vllm:${name} ${help}\n# TYPE vllm:${name} ${type}\nvllm:${name}{model_name="${label(model)}"} ${value}\n`,
    )
    .join('');
}
