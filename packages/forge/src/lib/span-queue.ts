/** Spans on their way to a receiver: sent in the background, never more in memory than a bound, never in the way. */
export interface SpanQueue<Span> {
  /** Takes them, or drops them where the receiver is too slow. */
  add(spans: readonly Span[]): void;
  /** Sends what waits, for `timeoutMs` at most. */
  close(timeoutMs: number): Promise<void>;
}

interface SpanQueueParts<Span> {
  send(spans: readonly Span[]): Promise<void>;
  /** Called when spans were lost: `dropped` of them since the last call. */
  lost(reason: string, dropped: number): void;
}

/** As many as a collector takes in one request by default, and how long they wait for more. */
const batchSpans = 512;
const everyMs = 5000;
const maxWaiting = 20_000;

/** Sends spans in batches behind the work; what cannot be sent is counted as lost, never waited for. */
export function createSpanQueue<Span>({ send, lost }: SpanQueueParts<Span>): SpanQueue<Span> {
  let waiting: Span[] = [];
  let dropped = 0;
  let underWay = 0;
  let sending: Promise<void> | undefined;
  let closed = false;

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchSpans);
      waiting = waiting.slice(batchSpans);
      underWay = batch.length;
      try {
        await send(batch);
      } catch (error) {
        if (!closed) lost(error instanceof Error ? error.message : String(error), batch.length);
      }
      underWay = 0;
      if (dropped > 0) lost('the receiver is too slow', dropped);
      dropped = 0;
    }
  }
  const flush = () => {
    sending ??= sendAll().finally(() => {
      sending = undefined;
    });
    return sending;
  };
  const timer = setInterval(flush, everyMs);
  timer.unref();

  return {
    add(spans) {
      if (closed) return;
      if (waiting.length + spans.length > maxWaiting) dropped += spans.length;
      else waiting.push(...spans);
      if (waiting.length >= batchSpans) void flush();
    },
    async close(timeoutMs) {
      clearInterval(timer);
      const late = Promise.withResolvers<'late'>();
      const alarm = setTimeout(() => late.resolve('late'), timeoutMs);
      const outcome = await Promise.race([flush(), late.promise]);
      clearTimeout(alarm);
      closed = true;
      const left = waiting.length + dropped + underWay;
      if (outcome === 'late' || left > 0) lost('the receiver is too slow', left);
      waiting = [];
      dropped = 0;
    },
  };
}
