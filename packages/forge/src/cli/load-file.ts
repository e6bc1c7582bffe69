import { isBenchmarkText, type LoadedBenchmark, parseBenchmark } from '../load-benchmark.ts';
import { type LoadedExperiment, parseExperiment, readConfigText } from '../load-experiment.ts';
import { isTrainingText, type LoadedTraining, parseTraining } from '../load-training.ts';

export type LoadedFile =
  | { readonly kind: 'experiment'; readonly loaded: LoadedExperiment }
  | { readonly kind: 'training'; readonly loaded: LoadedTraining }
  | { readonly kind: 'benchmark'; readonly loaded: LoadedBenchmark };

/** An experiment, a training or a benchmark, by what the file says. Throws ConfigError. */
export async function loadFile(file: string): Promise<LoadedFile> {
  const text = await readConfigText(file);
  if (isTrainingText(text)) return { kind: 'training', loaded: parseTraining(file, text) };
  if (isBenchmarkText(text)) return { kind: 'benchmark', loaded: parseBenchmark(file, text) };
  return { kind: 'experiment', loaded: parseExperiment(file, text) };
}
