'use client';
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, type ExamplesEvent, type ProgressEvent } from './api.ts';
import { followEvents } from './reconnecting-events.ts';

export interface Live {
  /** null until the first event. */
  readonly progress: ProgressEvent | null;
  /** The latest results, newest first. */
  readonly recent: ExamplesEvent['items'];
  readonly connected: boolean;
}

const nothing: Live = { progress: null, recent: [], connected: false };
const mostRecent = 20;

const figuresGapMs = 2000;
const rowsGapMs = 3000;

/** Marks queries as stale, each at most once in its time; what comes in between is made up for at the end of that time. */
function createRefresher(client: QueryClient) {
  const last = new Map<string, number>();
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  function refresh(queryKey: readonly string[], leastGapMs: number): void {
    const name = queryKey.join('/');
    const waitMs = (last.get(name) ?? Number.NEGATIVE_INFINITY) + leastGapMs - Date.now();
    if (waitMs > 0) {
      if (!timers.has(name)) timers.set(name, setTimeout(refresh, waitMs, queryKey, 0));
      return;
    }
    clearTimeout(timers.get(name));
    timers.delete(name);
    last.set(name, Date.now());
    void client.invalidateQueries({ queryKey });
  }
  return {
    refresh,
    stop: () => {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}

type Stands = ReadonlyMap<string, string>;

/** Where each run stands, as far as it changes what the page shows of it. */
const standsOf = ({ runs }: ProgressEvent): Stands =>
  new Map(runs.map(({ runId, status, done }) => [runId, `${status} ${done}`]));

/** Follows an experiment while it runs. */
export function useLiveExperiment(id: string, enabled: boolean): Live {
  const client = useQueryClient();
  const [live, setLive] = useState<Live>(nothing);

  useEffect(() => {
    if (!enabled) return;
    const { refresh, stop } = createRefresher(client);
    let lastId = '';
    let state = '';
    let known: Stands = new Map();

    const unfollow = followEvents({
      url: () => api.eventsUrl(id, lastId),
      onConnected: (connected) => setLive((before) => ({ ...before, connected })),
      on: {
        progress: (event) => {
          const progress = JSON.parse(event.data) as ProgressEvent;
          lastId = event.lastEventId;
          setLive((before) => ({ ...before, progress, connected: true }));
          const stands = standsOf(progress);
          const changed = [...stands].flatMap(([runId, stand]) => (known.get(runId) === stand ? [] : runId));
          if (changed.length > 0 || progress.state !== state) refresh(['experiment', id], figuresGapMs);
          for (const runId of changed) refresh(['rows', runId], rowsGapMs);
          [state, known] = [progress.state, stands];
        },
        examples: (event) => {
          const { items } = JSON.parse(event.data) as ExamplesEvent;
          lastId = event.lastEventId;
          setLive((before) => ({
            ...before,
            recent: [...items.toReversed(), ...before.recent].slice(0, mostRecent),
          }));
        },
      },
      onEnd: () => {
        refresh(['experiment', id], 0);
        for (const runId of known.keys()) refresh(['rows', runId], 0);
      },
    });
    return () => {
      unfollow();
      stop();
      setLive(nothing);
    };
  }, [client, id, enabled]);

  return live;
}
