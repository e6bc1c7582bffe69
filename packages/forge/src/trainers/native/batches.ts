import type { Feed } from '../../autodiff/session.ts';
import type { EncodedPair, EncodedRow, EncodedText } from './encode-rows.ts';

/**
 * A line of tokens that goes through the model at once. `texts` and `branches` say who may see whom: a token sees those
 * before it of its own text that are of its own branch or of branch 0.
 */
interface Line {
  readonly ids: number[];
  readonly positions: number[];
  readonly texts: number[];
  readonly branches: number[];
}

/** A token whose probability is wanted: after the token at `column` of a line should come `target`. */
interface Wanted {
  readonly line: number;
  readonly column: number;
  readonly target: number;
  readonly weight: number;
  /** Index of the pair, and which of its answers. */
  readonly pair: number;
  readonly side: 'chosen' | 'rejected' | 'text';
}

/** What goes through a graph in one run. `indices`: its rows, in the order of P. */
export interface MicroBatch {
  readonly indices: readonly number[];
  readonly feeds: Readonly<Record<string, Feed>>;
  /** B x T, padding included. */
  readonly size: number;
}

export interface Reference {
  readonly chosen: Float32Array;
  readonly rejected: Float32Array;
}

const hiddenScore = -1e30;

/**
 * A pair on one line: the prompt once, then both answers as branches that do not see each other (prefix sharing, Wang and
 * Hegde 2024): the same numbers as two texts, and the prompt is computed once. An answer's last token is predicted, not read.
 */
function addPair(
  row: EncodedPair,
  pair: number,
  place: { line: Line; index: number; text: number },
  wanted: Wanted[],
): void {
  const { line, index, text } = place;
  const start = line.ids.length;
  const push = (id: number, position: number, branch: number) => {
    line.ids.push(id);
    line.positions.push(position);
    line.texts.push(text);
    line.branches.push(branch);
  };
  for (const [i, id] of row.prompt.entries()) push(id, i, 0);
  const last = start + row.prompt.length - 1;
  for (const [branch, side] of [
    [1, 'chosen'],
    [2, 'rejected'],
  ] as const) {
    const answer = row[side];
    answer.forEach((target, i) => {
      const column = i === 0 ? last : line.ids.length - 1;
      wanted.push({ line: index, column, target, weight: side === 'chosen' ? 1 : 0, pair, side });
      if (i < answer.length - 1) push(target, row.prompt.length + i, branch);
    });
  }
}

function addText(
  row: EncodedText,
  pair: number,
  place: { line: Line; index: number; text: number },
  wanted: Wanted[],
): void {
  const { line, index, text } = place;
  row.ids.forEach((id, i) => {
    const weight = row.weights[i] as number;
    if (weight > 0)
      wanted.push({
        line: index,
        column: line.ids.length,
        target: row.targets[i] as number,
        weight,
        pair,
        side: 'text',
      });
    line.ids.push(id);
    line.positions.push(i);
    line.texts.push(text);
    line.branches.push(0);
  });
}

/** Tokens that a row takes up on a line. */
export const lineLength = (row: EncodedRow): number =>
  row.kind === 'text' ? row.ids.length : row.prompt.length + row.chosen.length + row.rejected.length - 2;

/** First fit, longest first: rows of a micro-batch on lines of `capacity`. */
function fitted(rows: readonly number[], lengthOf: (row: number) => number, capacity: number): number[][] {
  const lines: { rows: number[]; left: number }[] = [];
  for (const row of [...rows].sort((a, b) => lengthOf(b) - lengthOf(a))) {
    const line = lines.find((one) => one.left >= lengthOf(row));
    if (line === undefined) lines.push({ rows: [row], left: capacity - lengthOf(row) });
    else {
      line.rows.push(row);
      line.left -= lengthOf(row);
    }
  }
  return lines.map((line) => line.rows);
}

/** [1, 1, T, T] where every line is one plain text, else [B, 1, T, T]. */
function maskOf(lines: readonly Line[], length: number): Feed {
  const plain = lines.every(
    (line) => line.branches.every((b) => b === 0) && line.texts.every((t) => t === line.texts[0]),
  );
  const rows = plain ? 1 : lines.length;
  const data = new Float32Array(rows * length * length).fill(hiddenScore);
  for (let row = 0; row < rows; row++) {
    const line = lines[row] as Line;
    const known = plain ? length : line.ids.length;
    for (let i = 0; i < length; i++) {
      const at = (row * length + i) * length;
      // Padding sees itself: a softmax over nothing is not a number.
      data[at + i] = 0;
      if (i >= known) continue;
      for (let j = 0; j < i; j++) {
        const visible =
          plain ||
          (line.texts[j] === line.texts[i] && (line.branches[j] === 0 || line.branches[j] === line.branches[i]));
        if (visible) data[at + j] = 0;
      }
    }
  }
  return { type: 'float32', data, shape: [rows, 1, length, length] };
}

const whole = (values: readonly number[], shape: readonly number[]): Feed => ({
  type: 'int64',
  data: BigInt64Array.from(values, BigInt),
  shape,
});

const real = (values: ArrayLike<number>, shape: readonly number[]): Feed => ({
  type: 'float32',
  data: Float32Array.from(values),
  shape,
});

/** For dpo: which wanted tokens belong to which answer, what the reference says, what a pair counts. */
function pairFeeds(wanted: readonly Wanted[], rows: readonly EncodedPair[], reference: Reference, share: number) {
  const [pairs, m] = [rows.length, wanted.length];
  const own = { chosen: new Float32Array(pairs * m), rejected: new Float32Array(pairs * m) };
  wanted.forEach(({ pair, side }, i) => {
    if (side !== 'text') own[side][pair * m + i] = 1;
  });
  return {
    ownChosen: real(own.chosen, [pairs, m]),
    ownRejected: real(own.rejected, [pairs, m]),
    referenceChosen: real(reference.chosen, [pairs]),
    referenceRejected: real(reference.rejected, [pairs]),
    perChosen: real(
      rows.map((row) => 1 / row.chosen.length),
      [pairs],
    ),
    perRejected: real(
      rows.map((row) => 1 / row.rejected.length),
      [pairs],
    ),
    share: real([share], []),
  };
}

/** What a step has in all: makes sums over micro-batches a mean over the step. */
export interface StepTotals {
  readonly pairs: number;
  /** Sum of the weights of wanted tokens; dpo: tokens of chosen answers. */
  readonly tokenWeight: number;
}

/** What the losses of a step are divided by: its rows, and the weights of their tokens. */
export function totalsOf(rows: readonly EncodedRow[]): StepTotals {
  let tokenWeight = 0;
  for (const row of rows)
    tokenWeight += row.kind === 'pair' ? row.chosen.length : row.weights.reduce((a, b) => a + b, 0);
  return { pairs: rows.length, tokenWeight };
}

export interface BatchSettings {
  /** Whether several rows share a line. */
  readonly packed: boolean;
  /** dpo: of the loss term on chosen answers. */
  readonly sftWeight: number;
}

/** The feeds of some rows. `reference` is in their order; not looked at for text. */
export function microBatch(
  indices: readonly number[],
  rowsByIndex: readonly EncodedRow[],
  reference: Reference,
  totals: StepTotals,
  settings: BatchSettings,
): MicroBatch {
  const rows = indices.map((index) => rowsByIndex[index] as EncodedRow);
  const order = rows.map((_, i) => i);
  const lengthOf = (i: number) => lineLength(rows[i] as EncodedRow);
  const longest = Math.max(...order.map(lengthOf));
  const placed = settings.packed ? fitted(order, lengthOf, longest) : order.map((i) => [i]);
  const wanted: Wanted[] = [];
  const lines = placed.map((members, index): Line => {
    const line: Line = { ids: [], positions: [], texts: [], branches: [] };
    members.forEach((member, text) => {
      const row = rows[member] as EncodedRow;
      if (row.kind === 'pair') addPair(row, member, { line, index, text }, wanted);
      else addText(row, member, { line, index, text }, wanted);
    });
    return line;
  });
  const padded = (pick: (line: Line) => readonly number[]) =>
    lines.flatMap((line) => [...pick(line), ...new Array<number>(longest - line.ids.length).fill(0)]);
  const [first] = rows;
  const weightOfToken = (first?.kind === 'pair' ? settings.sftWeight : 1) / totals.tokenWeight;
  return {
    indices,
    size: lines.length * longest,
    feeds: {
      ids: whole(
        padded((line) => line.ids),
        [lines.length, longest],
      ),
      positions: whole(
        padded((line) => line.positions),
        [lines.length, longest],
      ),
      mask: maskOf(lines, longest),
      selected: whole(
        wanted.map(({ line, column }) => line * longest + column),
        [wanted.length],
      ),
      targets: whole(
        wanted.map(({ target }) => target),
        [wanted.length],
      ),
      tokenWeights: real(
        wanted.map(({ weight }) => weight * weightOfToken),
        [wanted.length],
      ),
      ...(first?.kind === 'pair' ? pairFeeds(wanted, rows as EncodedPair[], reference, 1 / totals.pairs) : {}),
    },
  };
}
