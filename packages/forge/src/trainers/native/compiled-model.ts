import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeGraph, type Graph } from '../../autodiff/graph.ts';
import { type Feed, openSession, type Session, type SessionOptions } from '../../autodiff/session.ts';
import type { TrainingSettings } from '../../training-settings.ts';
import type { Reference } from './batches.ts';
import type { TrainingState } from './checkpoint.ts';
import { backwardGraph, forwardGraph, type ModelGraphs, updateGraph } from './training-graphs.ts';

type Vector = Float32Array<ArrayBuffer>;
type Feeds = Readonly<Record<string, Feed>>;

/** What the model says of a batch: its part of the loss, and for dpo the log-probabilities of its answers, [P]. */
export interface BatchResult {
  readonly loss: number;
  readonly answers: Reference;
}

export interface Rates {
  readonly learningRate: number;
  readonly muonRate: number;
  /** From 1. */
  readonly step: number;
}

/**
 * The graphs of a training, opened when they are first needed. The vectors of weights, gradients and moments are kept
 * twice: a run reads one of them and writes the other.
 */
export interface CompiledModel {
  /** Forward and backward; the gradient is added to that of the step. */
  accumulate(batch: Feeds): Promise<BatchResult>;
  /** Ends a step: new weights; the gradient is zero again. Returns the gradient's norm before clipping. */
  update(rates: Rates): Promise<number>;
  /** Forward only, without dropout. */
  evaluate(batch: Feeds, weights?: Float32Array): Promise<BatchResult>;
  /** Log-probabilities of the model without its adapter. */
  refer(batch: Feeds): Promise<Reference>;
  /** The vectors as they are now; overwritten by the update after the next one. */
  state(): Pick<TrainingState, 'weights' | 'first' | 'second'>;
  /** Frees the graphs that only evaluate. */
  closeEvaluation(): Promise<void>;
  close(): Promise<void>;
}

const floats = (values: Float32Array): Feed => ({ type: 'float32', data: values, shape: [values.length] });
const number = (value: number): Feed => ({ type: 'float32', data: Float32Array.of(value), shape: [] });

/** `folder`: where the graphs and the frozen weights lie. `start`: vectors to begin or go on with. */
export function compileModel(
  folder: string,
  graphs: ModelGraphs,
  optimizer: TrainingSettings['optimizer'],
  start: Pick<TrainingState, 'weights' | 'first' | 'second'>,
  options: SessionOptions,
): CompiledModel {
  const { isPreference, layout } = graphs;
  const { size } = layout;
  const open = new Map<string, Promise<Session>>();

  function session(name: string, build: () => Graph): Promise<Session> {
    const known = open.get(name);
    if (known !== undefined) return known;
    const opening = (async () => {
      const file = join(folder, `${name}.onnx`);
      await mkdir(folder, { recursive: true });
      await writeFile(file, encodeGraph(build(), name));
      return openSession(file, options);
    })();
    open.set(name, opening);
    return opening;
  }

  async function closeOne(name: string): Promise<void> {
    const opened = open.get(name);
    open.delete(name);
    await (await opened)?.close();
    await rm(join(folder, `${name}.onnx`), { force: true });
  }

  const now: Record<'weights' | 'first' | 'second' | 'sum', Vector> = {
    weights: Float32Array.from(start.weights),
    first: Float32Array.from(start.first),
    second: Float32Array.from(start.second),
    sum: new Float32Array(size),
  };
  const next = {
    weights: new Float32Array(size),
    first: new Float32Array(size),
    second: new Float32Array(size),
    sum: new Float32Array(size),
  };
  const swap = (...names: (keyof typeof now)[]) => {
    for (const name of names) [now[name], next[name]] = [next[name], now[name]];
  };

  const answersOf = (found: { chosen?: unknown; rejected?: unknown }): Reference =>
    isPreference
      ? { chosen: found.chosen as Float32Array, rejected: found.rejected as Float32Array }
      : { chosen: new Float32Array(0), rejected: new Float32Array(0) };
  const outputs = (isPreference ? ['loss', 'chosen', 'rejected'] : ['loss']) as ('loss' | 'chosen' | 'rejected')[];

  return {
    async accumulate(batch) {
      const backward = await session('backward', () => backwardGraph(graphs));
      const feeds = { ...batch, weights: floats(now.weights), sum: floats(now.sum) };
      const found = await backward.run(feeds, [...outputs, 'total'], { total: floats(next.sum) });
      swap('sum');
      return { loss: Number(found.loss[0]), answers: answersOf(found) };
    },
    async update({ learningRate, muonRate, step }) {
      const graph = await session('update', () => updateGraph(layout, optimizer));
      const [b1, b2] = optimizer.betas;
      const feeds = {
        weights: floats(now.weights),
        gradient: floats(now.sum),
        first: floats(now.first),
        second: floats(now.second),
        learningRate: number(learningRate),
        muonRate: number(muonRate),
        firstCorrection: number(1 - b1 ** step),
        secondCorrection: number(1 - b2 ** step),
      };
      const { norm } = await graph.run(feeds, ['norm', 'newWeights', 'newFirst', 'newSecond'], {
        newWeights: floats(next.weights),
        newFirst: floats(next.first),
        newSecond: floats(next.second),
      });
      swap('weights', 'first', 'second');
      now.sum.fill(0);
      return Number(norm[0]);
    },
    async evaluate(batch, weights = now.weights) {
      const forward = await session('forward', () => forwardGraph(graphs));
      const found = await forward.run({ ...batch, weights: floats(weights) }, outputs);
      return { loss: Number(found.loss[0]), answers: answersOf(found) };
    },
    async refer(batch) {
      const graph = await session('reference', graphs.reference);
      return answersOf(await graph.run(batch, ['chosen', 'rejected']));
    },
    state: () => ({ weights: now.weights, first: now.first, second: now.second }),
    async closeEvaluation() {
      await closeOne('reference');
      await closeOne('forward');
    },
    async close() {
      for (const name of [...open.keys()]) await closeOne(name);
    },
  };
}
