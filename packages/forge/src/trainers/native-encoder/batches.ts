import type { Feed } from '../../autodiff/session.ts';
import type { EncoderObjective } from '../../training-settings.ts';
import type { EncodedRow, Sequence } from './encode-rows.ts';
import type { SequencePrefix } from './encoder.ts';

const whole = (data: BigInt64Array, shape: readonly number[]): Feed => ({ type: 'int64', data, shape });

/** Sequences as the three inputs of an encoder, padded to the longest: [batch, length] each. */
export function sequenceFeeds(sequences: readonly Sequence[], prefix: SequencePrefix): Record<string, Feed> {
  const length = sequences.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const shape = [sequences.length, length];
  const empty = () => new BigInt64Array(sequences.length * length);
  const [ids, mask, segments] = [empty(), empty(), empty()];
  sequences.forEach((sequence, row) => {
    sequence.ids.forEach((id, i) => {
      const at = row * length + i;
      ids[at] = BigInt(id);
      mask[at] = 1n;
      if (i >= sequence.second) segments[at] = 1n;
    });
  });
  return {
    [`${prefix}input_ids`]: whole(ids, shape),
    [`${prefix}attention_mask`]: whole(mask, shape),
    [`${prefix}token_type_ids`]: whole(segments, shape),
  };
}

/** What goes through the loss graph in one run. `stepRows`: how many rows the mean is over. */
export function encoderFeeds(
  rows: readonly EncodedRow[],
  objective: EncoderObjective,
  stepRows: number,
): Record<string, Feed> {
  // The texts of a row lie one after the other, the right one first.
  const texts = objective.name === 'contrastive' ? 1 + objective.negatives : 0;
  const targets = rows.map((row, i) => (objective.name === 'contrastive' ? i * texts : row.target));
  const queries = rows.flatMap(({ query }) => (query === undefined ? [] : [query]));
  return {
    ...sequenceFeeds(
      rows.flatMap(({ sequences }) => sequences),
      '',
    ),
    ...(queries.length === 0 ? {} : sequenceFeeds(queries, 'query_')),
    targets: whole(BigInt64Array.from(targets, BigInt), [rows.length]),
    share: { type: 'float32', data: Float32Array.of(1 / stepRows), shape: [] },
  };
}
