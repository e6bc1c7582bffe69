'use client';
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, type ExamplesEvent, type ProgressEvent } from './api.ts';

export interface Live {
  /** null until the first event. */
  readonly progress: ProgressEvent | null;
  /** The latest results, newest first. */
  readonly recent: ExamplesEvent['items'];
  readonly connected: boolean;
}

const nothing: Live = { progress: null, recent: [], connected: false };
const mostRecent = 20;
const longestWaitMs = 5000;

/** Marks queries as stale, each kind at most once in its time. */
function createRefresher(client: QueryClient, id: string) {
  const last = new Map<string, number>();
  function refresh(name: string, leastGapMs: number, queryKey: readonly unknown[]): void {
    const now = Date.now();
    if (now - (last.get(name) ?? 0) < leastGapMs) return;
    last.set(name, now);
    void client.invalidateQueries({ queryKey });
  }
  return {
    figures: (leastGapMs: number) => refresh('figures', leastGapMs, ['experiment', id]),
    rows: (leastGapMs: number) => refresh('rows', leastGapMs, ['rows']),
  };
}

/**
 * Follows an experiment while it runs. The browser reconnects by itself and says what it saw last; where it gives up (a
 * server that is starting again refuses the connection), a new connection is made, again from what was seen last.
 */
export function useLiveExperiment(id: string, enabled: boolean): Live {
  const client = useQueryClient();
  const [live, setLive] = useState<Live>(nothing);

  useEffect(() => {
    if (!enabled) return;
    const refresh = createRefresher(client, id);
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let waitMs = 500;
    let lastId = '';
    let known = '';

    function connect(): void {
      source = new EventSource(api.eventsUrl(id, lastId));
      source.addEventListener('open', () => {
        waitMs = 500;
        setLive((before) => ({ ...before, connected: true }));
      });
      source.addEventListener('progress', (event) => {
        const progress = JSON.parse(event.data) as ProgressEvent;
        lastId = event.lastEventId;
        setLive((before) => ({ ...before, progress, connected: true }));
        const stands = JSON.stringify([progress.state, progress.runs.map((run) => run.status)]);
        refresh.figures(stands === known ? 2000 : 0);
        refresh.rows(3000);
        known = stands;
      });
      source.addEventListener('examples', (event) => {
        const { items } = JSON.parse(event.data) as ExamplesEvent;
        lastId = event.lastEventId;
        setLive((before) => ({
          ...before,
          recent: [...items.toReversed(), ...before.recent].slice(0, mostRecent),
        }));
      });
      source.addEventListener('end', () => {
        source?.close();
        refresh.figures(0);
        refresh.rows(0);
        setLive((before) => ({ ...before, connected: false }));
      });
      source.addEventListener('error', () => {
        setLive((before) => ({ ...before, connected: false }));
        if (source?.readyState !== EventSource.CLOSED) return;
        timer = setTimeout(connect, waitMs);
        waitMs = Math.min(2 * waitMs, longestWaitMs);
      });
    }
    connect();
    return () => {
      source?.close();
      clearTimeout(timer);
      setLive(nothing);
    };
  }, [client, id, enabled]);

  return live;
}
