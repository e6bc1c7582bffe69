import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createHistogram, type Histogram, metric } from '../lib/prometheus-text.ts';
import type { RunEvent } from '../run.ts';
import type { Store, Totals } from '../store.ts';
import type { Jobs } from './jobs.ts';

/** Seconds. Event streams and long pages are in the last ones. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Sums over all runs are asked for at most so often. */
const totalsEveryMs = 5000;

export interface Metrics {
  /** `route`: the pattern, not the path, of which there are as many as callers like. */
  request(method: string, route: string, status: number, seconds: number): void;
  /** Of a run that this process executes. */
  runEvent(event: RunEvent): void;
  /** The text that Prometheus reads. Rejects where the database does not answer. */
  text(): Promise<string>;
  close(): void;
}

interface MetricsParts {
  readonly store: Pick<Store, 'listQueued' | 'totals'>;
  readonly jobs: Pick<Jobs, 'activeId'>;
  readonly version: string;
  monotonic(): number;
}

/** What requests there were, by method, route and status. Bounded: there are as many as routes. */
function requestCounter() {
  const series = new Map<string, { labels: Record<string, string>; histogram: Histogram }>();
  return {
    add(method: string, route: string, status: number, seconds: number): void {
      const labels = { method: methods.has(method) ? method : 'other', route, status: String(status) };
      const key = JSON.stringify(labels);
      const found = series.get(key) ?? { labels, histogram: createHistogram(bounds) };
      series.set(key, found);
      found.histogram.observe(seconds);
    },
    text: () =>
      metric(
        'forge_http_request_duration_seconds',
        'histogram',
        'HTTP requests until their answer began.',
        [...series.values()].flatMap(({ labels, histogram }) => histogram.samples(labels)),
      ),
  };
}

/** What runs did in this process since it started. */
function runCounter() {
  const count = { right: 0, failed: 0, live: 0, cached: 0, retries: 0, prompt: 0, cachedPrompt: 0, completion: 0 };
  const counter = (name: string, help: string, label: string, values: Record<string, number>) =>
    metric(
      name,
      'counter',
      help,
      Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value })),
    );
  return {
    event(event: RunEvent): void {
      if (event.type !== 'example-finished') return;
      const { failure, calls } = event.result;
      if (failure === undefined) count.right++;
      else count.failed++;
      for (const { cached, retries, usage } of calls) {
        if (cached) count.cached++;
        else {
          count.live++;
          count.prompt += usage.promptTokens;
          count.cachedPrompt += usage.cachedPromptTokens;
          count.completion += usage.completionTokens;
        }
        count.retries += retries;
      }
    },
    text: () =>
      counter('forge_examples_total', 'Examples that this process executed and stored.', 'outcome', {
        answered: count.right,
        failed: count.failed,
      }) +
      counter('forge_engine_calls_total', 'Model calls of them; cached ones came from the response cache.', 'source', {
        engine: count.live,
        cache: count.cached,
      }) +
      metric('forge_engine_retries_total', 'counter', 'Repeated requests among them.', [{ value: count.retries }]) +
      counter('forge_tokens_total', 'Tokens of calls to engines.', 'kind', {
        prompt: count.prompt,
        prompt_cached: count.cachedPrompt,
        completion: count.completion,
      }),
  };
}

function processText(delay: ReturnType<typeof monitorEventLoopDelay>, version: string): string {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  // NaN before the first measurement.
  const lag = [0.5, 0.99, 1].map((quantile) => ({
    labels: { quantile: String(quantile) },
    value: (quantile === 1 ? delay.max : delay.percentile(100 * quantile)) / 1e9 || 0,
  }));
  delay.reset();
  return (
    metric('forge_build_info', 'gauge', 'Always 1.', [{ labels: { version, node: process.version }, value: 1 }]) +
    metric('process_resident_memory_bytes', 'gauge', 'Memory of the process.', [{ value: rss }]) +
    metric('nodejs_heap_used_bytes', 'gauge', 'Of it, objects of JavaScript.', [{ value: heapUsed }]) +
    metric('process_cpu_seconds_total', 'counter', 'CPU time.', [{ value: (user + system) / 1e6 }]) +
    metric('process_uptime_seconds', 'gauge', 'Since the process started.', [{ value: process.uptime() }]) +
    metric('nodejs_eventloop_lag_seconds', 'gauge', 'How late timers were since the last look (1: the latest).', lag)
  );
}

/** Metrics of a server, by the conventions of Prometheus. */
export function createMetrics({ store, jobs, version, monotonic }: MetricsParts): Metrics {
  const requests = requestCounter();
  const runs = runCounter();
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let known: { at: number; totals: Promise<Totals> } | undefined;

  function totals(): Promise<Totals> {
    if (known === undefined || monotonic() - known.at > totalsEveryMs) {
      const asked = store.totals();
      known = { at: monotonic(), totals: asked };
      asked.catch(() => {
        known = undefined;
      });
    }
    return known.totals;
  }

  async function storedText(): Promise<string> {
    const [stored, queued] = [await totals(), await store.listQueued()];
    const gauge = (name: string, help: string, value: number) => metric(name, 'gauge', help, [{ value }]);
    const active = jobs.activeId() === null ? 0 : 1;
    return (
      gauge('forge_queue_length', 'Experiments that wait for their turn.', Math.max(0, queued.length - active)) +
      gauge('forge_experiments_running', 'Experiments that this process executes.', active) +
      gauge('forge_experiments_stored', 'Experiments in the database, without deleted ones.', stored.experiments) +
      gauge('forge_runs_stored', 'Runs of them.', stored.runs) +
      gauge('forge_examples_stored', 'Examples of runs that have ended.', stored.examples) +
      gauge('forge_calls_stored', 'Model calls of runs that have ended.', stored.calls)
    );
  }

  return {
    request: requests.add,
    runEvent: runs.event,
    text: async () => (await storedText()) + requests.text() + runs.text() + processText(delay, version),
    close: () => delay.disable(),
  };
}
