'use client';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { api, type TrainEvents, type TrainingDetail, type TrainingProgress, type TrainingSteps } from './api.ts';
import { followEvents } from './reconnecting-events.ts';
import { noSeries, type RunSeries, withEvents } from './training-series.ts';

export interface LiveTraining {
  /** By run; of runs that have not stored anything there is none. */
  readonly series: ReadonlyMap<string, RunSeries>;
  /** null until the first event. */
  readonly progress: TrainingProgress | null;
  readonly connected: boolean;
  /** Everything stored so far is here. */
  readonly loaded: boolean;
  readonly error: unknown;
}

/** True while a training changes by itself. */
export const goesOn = (state: string) => state === 'running' || state === 'evaluating';

const standOf = ({ state, runs }: TrainingProgress) => [state, ...runs.map(({ status }) => status)].join(' ');

/** The events of all runs of a training: what is stored, and while it goes on what comes in. One training in its life. */
export function useTrainingSeries(training: TrainingDetail): LiveTraining {
  const client = useQueryClient();
  const { id } = training;
  const runIds = training.runs.map((run) => run.id).join(' ');
  const isLive = goesOn(training.state);
  const cursors = useRef(new Map<string, number>());
  const [round, setRound] = useState(0);
  const [live, setLive] = useState<LiveTraining>({
    series: new Map(),
    progress: null,
    connected: false,
    loaded: false,
    error: null,
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round begins anew.
  useEffect(() => {
    const ids = runIds.split(' ').filter((runId) => runId !== '');
    const set = (change: Partial<LiveTraining>) => setLive((before) => ({ ...before, ...change }));

    function take(runId: string, { cursor, items }: TrainEvents): void {
      cursors.current.set(runId, cursor);
      setLive((before) => {
        const series = new Map(before.series);
        series.set(runId, withEvents(series.get(runId) ?? noSeries, items));
        return { ...before, series };
      });
    }

    if (!isLive) {
      const leave = new AbortController();
      const { signal } = leave;
      const readRun = async (runId: string) => {
        for (;;) {
          const events = await api.trainEvents(runId, cursors.current.get(runId) ?? 0, { signal });
          if (events.items.length === 0) return;
          take(runId, events);
        }
      };
      Promise.all(ids.map(readRun)).then(
        () => set({ loaded: true, error: null }),
        (error: unknown) => {
          if (!signal.aborted) set({ loaded: true, error });
        },
      );
      return () => leave.abort();
    }

    let stand = '';
    return followEvents({
      url: () =>
        api.trainingEventsUrl(
          id,
          ids.map((runId) => cursors.current.get(runId) ?? 0),
        ),
      onConnected: (connected) => set({ connected }),
      on: {
        steps: (event) => {
          const steps = JSON.parse(event.data) as TrainingSteps;
          take(steps.runId, steps);
        },
        progress: (event) => {
          const progress = JSON.parse(event.data) as TrainingProgress;
          // What was stored comes before the first progress.
          set({ progress, loaded: true, error: null });
          if (stand !== '' && standOf(progress) !== stand)
            void client.invalidateQueries({ queryKey: ['training', id] });
          stand = standOf(progress);
        },
      },
      // It may have been gone on with in the meantime.
      onEnd: () => void client.invalidateQueries({ queryKey: ['training', id] }).then(() => setRound((n) => n + 1)),
    });
  }, [client, id, runIds, isLive, round]);

  return live;
}
