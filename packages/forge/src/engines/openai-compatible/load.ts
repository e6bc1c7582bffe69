import type { EngineLoad } from '../../engine.ts';
import { EngineError } from '../../errors.ts';
import { type MetricSample, parsePrometheus } from './prometheus.ts';

/** For each figure the metrics that may hold it, the first that is there counts; several in a row are added up. */
type Sources = Readonly<Record<keyof EngineLoad, readonly (readonly string[])[]>>;

/**
 * vLLM: https://docs.vllm.ai/en/latest/usage/metrics/ (`gpu_` in the names until 0.9). SGLang:
 * https://docs.sglang.ai/references/production_metrics.html. llama-server: tools/server/README.md; its prompt tokens are without the
 * cached ones.
 */
const sources: Sources = {
  runningRequests: [['vllm:num_requests_running'], ['sglang:num_running_reqs'], ['llamacpp:requests_processing']],
  waitingRequests: [['vllm:num_requests_waiting'], ['sglang:num_queue_reqs'], ['llamacpp:requests_deferred']],
  kvCacheUsage: [
    ['vllm:kv_cache_usage_perc'],
    ['vllm:gpu_cache_usage_perc'],
    ['sglang:token_usage'],
    ['llamacpp:kv_cache_usage_ratio'],
  ],
  prefixQueryTokens: [
    ['vllm:prefix_cache_queries_total'],
    ['vllm:gpu_prefix_cache_queries_total'],
    ['sglang:prompt_tokens_total'],
    ['llamacpp:prompt_tokens_total', 'llamacpp:prompt_tokens_cached_total'],
  ],
  prefixHitTokens: [
    ['vllm:prefix_cache_hits_total'],
    ['vllm:gpu_prefix_cache_hits_total'],
    ['sglang:cached_tokens_total'],
    ['llamacpp:prompt_tokens_cached_total'],
  ],
};
const wanted: ReadonlySet<string> = new Set(Object.values(sources).flat(2));

/** SGLang repeats a figure for each rank of one replica, and for each priority beside the sum of all. */
const repeats = ({ labels }: MetricSample) =>
  (labels.tp_rank ?? '0') !== '0' || (labels.pp_rank ?? '0') !== '0' || (labels.priority ?? '') !== '';

/** What the Prometheus text of a server says. Throws EngineError where it has none of the known metrics. */
export function loadOfMetrics(text: string): EngineLoad {
  const values = new Map<string, number[]>();
  for (const sample of parsePrometheus(text, wanted)) {
    if (repeats(sample)) continue;
    values.set(sample.name, [...(values.get(sample.name) ?? []), sample.value]);
  }
  if (values.size === 0) {
    throw new EngineError('bad-response', '/metrics has none of the metrics of vLLM, SGLang or llama-server');
  }
  // Replicas of one server: requests and tokens add up, of shares the fullest counts.
  const total = (name: string) => (values.get(name) ?? []).reduce((sum, one) => sum + one, 0);
  const fullest = (name: string) => Math.max(...(values.get(name) ?? []));
  const figure = (key: keyof EngineLoad): number | null => {
    const names = sources[key].find((all) => all.every((name) => values.has(name)));
    if (names === undefined) return null;
    return names.map(key === 'kvCacheUsage' ? fullest : total).reduce((sum, one) => sum + one, 0);
  };
  return {
    runningRequests: figure('runningRequests'),
    waitingRequests: figure('waitingRequests'),
    kvCacheUsage: figure('kvCacheUsage'),
    prefixQueryTokens: figure('prefixQueryTokens'),
    prefixHitTokens: figure('prefixHitTokens'),
  };
}
