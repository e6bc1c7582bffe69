const longestWaitMs = 5000;

interface Following {
  /** Asked anew for every connection: it says what was seen last. */
  readonly url: () => string;
  readonly on: Readonly<Record<string, (event: MessageEvent<string>) => void>>;
  /** The server has nothing more to say. */
  readonly onEnd: () => void;
  readonly onConnected: (connected: boolean) => void;
}

/**
 * Server-sent events until the event `end`. The browser reconnects by itself and says what it saw last; where it gives up
 * (a server that is starting again refuses the connection), a new connection is made. Returns what stops it.
 */
export function followEvents({ url, on, onEnd, onConnected }: Following): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waitMs = 500;

  function connect(): void {
    source = new EventSource(url());
    source.addEventListener('open', () => {
      waitMs = 500;
      onConnected(true);
    });
    for (const [name, handle] of Object.entries(on)) source.addEventListener(name, handle);
    source.addEventListener('end', () => {
      source?.close();
      onEnd();
      onConnected(false);
    });
    source.addEventListener('error', () => {
      onConnected(false);
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(connect, waitMs);
      waitMs = Math.min(2 * waitMs, longestWaitMs);
    });
  }
  connect();
  return () => {
    source?.close();
    clearTimeout(timer);
  };
}
