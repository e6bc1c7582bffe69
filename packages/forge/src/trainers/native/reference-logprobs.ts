import { join } from 'node:path';
import { openSafetensors, writeSafetensors } from '../../lib/safetensors.ts';
import type { TrainEvent, TrainJob } from '../../trainer.ts';
import { type BatchSettings, microBatch, type Reference, totalsOf } from './batches.ts';
import type { CompiledModel } from './compiled-model.ts';
import type { EncodedRow } from './encode-rows.ts';

/** For rows that are read once only, more of them fit into memory at once than in training. */
const pairsAtOnce = 8;

const nothing: Reference = { chosen: new Float32Array(0), rejected: new Float32Array(0) };

async function refer(
  model: CompiledModel,
  rows: readonly EncodedRow[],
  settings: BatchSettings,
  progress: (done: number) => void,
): Promise<Reference> {
  const all = { chosen: new Float32Array(rows.length), rejected: new Float32Array(rows.length) };
  // Of like length together: less padding.
  const order = rows.map((_, i) => i).sort((a, b) => size(rows[a]) - size(rows[b]));
  for (let at = 0; at < order.length; at += pairsAtOnce) {
    const indices = order.slice(at, at + pairsAtOnce);
    const known = { chosen: new Float32Array(indices.length), rejected: new Float32Array(indices.length) };
    const found = await model.refer(microBatch(indices, rows, known, totalsOf(rows), settings).feeds);
    indices.forEach((index, i) => {
      all.chosen[index] = found.chosen[i] as number;
      all.rejected[index] = found.rejected[i] as number;
    });
    progress(at + indices.length);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return all;
}

const size = (row: EncodedRow | undefined) =>
  row?.kind === 'pair' ? row.prompt.length + row.chosen.length + row.rejected.length : 0;

/**
 * dpo: what the model without its adapter says of every answer, computed once and kept in the job's folder. The model never
 * changes, so neither do they.
 */
export async function referenceLogprobs(
  job: TrainJob,
  model: CompiledModel,
  rows: { readonly train: readonly EncodedRow[]; readonly validation: readonly EncodedRow[] },
  settings: BatchSettings,
  emit: (event: TrainEvent) => void,
): Promise<{ train: Reference; validation: Reference }> {
  if (job.settings.objective.name !== 'dpo') return { train: nothing, validation: nothing };
  const path = join(job.folder, 'reference.safetensors');
  const known = await readKnown(path);
  const fits =
    known?.train.chosen.length === rows.train.length && known.validation.chosen.length === rows.validation.length;
  if (known !== null && fits) return known;
  const total = rows.train.length + rows.validation.length;
  const stage = 'reference log-probabilities';
  const train = await refer(model, rows.train, settings, (done) => emit({ type: 'preparing', stage, done, total }));
  const validation = await refer(model, rows.validation, settings, (done) =>
    emit({ type: 'preparing', stage, done: rows.train.length + done, total }),
  );
  const vectors = {
    'train.chosen': train.chosen,
    'train.rejected': train.rejected,
    'validation.chosen': validation.chosen,
    'validation.rejected': validation.rejected,
  };
  const tensors = Object.entries(vectors).map(([name, data]) => ({ name, shape: [data.length], data }));
  await writeSafetensors(path, tensors, { dtype: 'F32' });
  return { train, validation };
}

async function readKnown(path: string): Promise<{ train: Reference; validation: Reference } | null> {
  const file = await openSafetensors(path).catch(() => null);
  if (file === null) return null;
  try {
    const part = async (name: string): Promise<Reference> => ({
      chosen: await file.read(`${name}.chosen`),
      rejected: await file.read(`${name}.rejected`),
    });
    return { train: await part('train'), validation: await part('validation') };
  } finally {
    await file.close();
  }
}
