import type { TrainingSettings } from '../training-settings.ts';

/** Of all steps; see the setting `schedule`. */
const decayShare = 0.25;

/**
 * The factor of the peak learning rate in a step (from 1) of `total`. The formulas are those of Hugging Face transformers
 * (get_linear_schedule_with_warmup and the like): with a warm-up the first step has rate 0, and the rate would be 0 after the last.
 */
export function learningRateFactor(
  step: number,
  total: number,
  { schedule, warmup }: Pick<TrainingSettings['optimizer'], 'schedule' | 'warmup'>,
): number {
  const done = step - 1;
  const warmupSteps = Math.min(total, warmup < 1 ? Math.ceil(total * warmup) : Math.round(warmup));
  if (done < warmupSteps) return done / warmupSteps;
  const left = total - done;
  const progress = (done - warmupSteps) / Math.max(1, total - warmupSteps);
  if (schedule === 'linear') return 1 - progress;
  if (schedule === 'cosine') return 0.5 * (1 + Math.cos(Math.PI * progress));
  if (schedule === 'warmup-stable-decay') return Math.min(1, left / Math.ceil(total * decayShare));
  return 1;
}
