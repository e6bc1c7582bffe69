import type { TrainEvent, TrainJob } from '../../trainer.ts';

export interface NativeOptions {
  readonly threads: number;
  readonly providers: readonly ('cpu' | 'cuda' | 'webgpu')[];
}

export type ChildRequest =
  | { readonly type: 'train'; readonly job: TrainJob; readonly options: NativeOptions }
  | { readonly type: 'stop' };

export type ChildAnswer =
  | { readonly type: 'event'; readonly event: TrainEvent }
  | { readonly type: 'failed'; readonly kind: 'config' | 'training' | 'unexpected'; readonly message: string };

/** What a training is told by the process that it runs in. */
export interface TrainOptions extends NativeOptions {
  readonly environment: Readonly<Record<string, string | number>>;
  /** Whether to stop after the step under way. */
  stopped(): boolean;
  emit(event: TrainEvent): void;
}
