import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { ElementType } from './onnx-model.ts';

export type Values = Float32Array | Float64Array | BigInt64Array | Uint8Array;

export interface Feed {
  readonly type: ElementType;
  readonly data: Values;
  readonly shape: readonly number[];
}

export interface SessionOptions {
  /** Threads of one operation. */
  readonly threads: number;
  /** Where operations run; those that the first cannot do run on the next. */
  readonly providers?: readonly ('cpu' | 'cuda' | 'webgpu')[];
}

/** A graph that ONNX Runtime has compiled. A run computes on the thread that calls it: not for a process that serves. */
export interface Session {
  /**
   * Runs it. `into`: arrays that named outputs are written to, instead of new ones; they must not be among the feeds.
   * Only what `outputs` names is handed back.
   */
  run<Name extends string>(
    feeds: Readonly<Record<string, Feed>>,
    outputs: readonly Name[],
    into?: Readonly<Partial<Record<Name, Feed>>>,
  ): Promise<Record<Name, Values>>;
  close(): Promise<void>;
}

/** `model`: the bytes of an .onnx file, or its path where weights lie in a file beside it. */
export async function openSession(model: Uint8Array | string, options: SessionOptions): Promise<Session> {
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [...(options.providers ?? ['cpu'])],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Warnings speak of constants that could be folded; nobody could act on them.
    logSeverityLevel: 3,
    // Memory planned anew for each shape is kept for each shape; batches have many.
    enableMemPattern: false,
    // Threads that wait in a loop for the next operation take the cores from everybody else, and gain next to nothing.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
  const session =
    typeof model === 'string'
      ? await InferenceSession.create(model, settings)
      : await InferenceSession.create(model, settings);
  const tensorOf = ({ type, data, shape }: Feed) => new OrtTensor(type, data as Float32Array, shape);
  return {
    async run(feeds, outputs, into) {
      const given: Record<string, OrtTensor> = {};
      for (const name of session.inputNames) {
        const feed = feeds[name];
        if (feed !== undefined) given[name] = tensorOf(feed);
      }
      const wanted: Record<string, OrtTensor | null> = {};
      for (const name of outputs) {
        const place: Feed | undefined = into?.[name];
        wanted[name] = place === undefined ? null : tensorOf(place);
      }
      const found = await session.run(given, wanted);
      return Object.fromEntries(outputs.map((name) => [name, found[name]?.data])) as Record<
        (typeof outputs)[number],
        Values
      >;
    },
    close: () => session.release(),
  };
}
