import { type Graph, input, type Tensor } from '../../autodiff/graph.ts';
import { add, mul, neg, scale, softplus, sub } from '../../autodiff/operations/elementwise.ts';
import { matmul } from '../../autodiff/operations/matmul.ts';
import { targetLogprobs } from '../../autodiff/operations/normalize.ts';
import { reduceSum } from '../../autodiff/operations/reduce.ts';
import { reshape, slice, transpose } from '../../autodiff/operations/shape.ts';
import type { EncoderObjective } from '../../training-settings.ts';
import { declareSequences, type EncoderParts, logits, textVectors } from './encoder.ts';

/**
 * InfoNCE (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748): each query chooses among the texts of all rows of the
 * batch. `targets` [query_batch] are the places of the right ones.
 */
function contrastive(graph: Graph, parts: EncoderParts, temperature: number): Tensor {
  const queries = textVectors(graph, parts, declareSequences(graph, 'query_'));
  const documents = textVectors(graph, parts, declareSequences(graph, ''));
  const scores = scale(matmul(queries, transpose(documents, [1, 0])), 1 / temperature);
  return neg(reduceSum(targetLogprobs(scores, input(graph, 'targets', ['query_batch'], { type: 'int64' }))));
}

/**
 * Softmax over the texts of a row, the first of which is right (Cao et al. 2007), and `pointwise` times the mean binary
 * cross-entropy of their scores. Rows of a list lie one after the other in the batch; `targets` [P] are zeros.
 */
function listwise(graph: Graph, parts: EncoderParts, objective: EncoderObjective & { name: 'listwise' }): Tensor {
  const size = 1 + objective.negatives;
  const targets = input(graph, 'targets', ['P'], { type: 'int64' });
  const scores = reshape(logits(graph, parts, declareSequences(graph, '')), ['P', size]);
  const lists = neg(reduceSum(targetLogprobs(scores, targets)));
  // -log sigmoid(x) = softplus(x) - x, and -log(1 - sigmoid(x)) = softplus(x)
  const single = sub(reduceSum(softplus(scores)), reduceSum(slice(scores, 1, 0, 1)));
  return add(lists, scale(single, objective.pointwise / size));
}

/** Cross-entropy over the labels; `targets` [batch] are their places. */
const classification = (graph: Graph, parts: EncoderParts): Tensor =>
  neg(
    reduceSum(
      targetLogprobs(
        logits(graph, parts, declareSequences(graph, '')),
        input(graph, 'targets', ['batch'], { type: 'int64' }),
      ),
    ),
  );

/** The loss: a sum over the rows of a batch times the input `share`, 1 / rows of the step. */
export function encoderLoss(graph: Graph, parts: EncoderParts, objective: EncoderObjective): Tensor {
  const sum =
    objective.name === 'contrastive'
      ? contrastive(graph, parts, objective.temperature)
      : objective.name === 'listwise'
        ? listwise(graph, parts, objective)
        : classification(graph, parts);
  return mul(sum, input(graph, 'share', []));
}
