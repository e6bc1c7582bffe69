import { createGraph, type Dim, type Graph, input, output, scalar, type Tensor } from '../../autodiff/graph.ts';
import { add, mul, neg, scale, softplus, square, sub } from '../../autodiff/operations/elementwise.ts';
import { linear, matmul } from '../../autodiff/operations/matmul.ts';
import { targetLogprobs } from '../../autodiff/operations/normalize.ts';
import { reduceSum } from '../../autodiff/operations/reduce.ts';
import { reshape } from '../../autodiff/operations/shape.ts';
import type { ModelConfig } from '../../lib/model-config.ts';
import type { LanguageObjective, LoraSettings } from '../../training-settings.ts';
import { declareBatch, hiddenStates } from './llama.ts';
import type { Layout } from './parameters.ts';
import type { ModelGraphs } from './training-graphs.ts';

export interface GraphParts {
  readonly shape: ModelConfig;
  /** What is trained. */
  readonly layout: Layout;
  readonly lora: LoraSettings | false;
  readonly objective: LanguageObjective;
  /** Positions at most. */
  readonly maxLength: number;
  /** A weight that stays as it is. */
  frozen(graph: Graph, name: string): Tensor;
}

/** Natural-log probabilities of the wanted tokens, [M], from the model with the weights of the vector. */
function logprobs(graph: Graph, parts: GraphParts, trained: ReadonlyMap<string, Tensor>): Tensor {
  const { shape, lora, maxLength } = parts;
  const known = new Map<string, Tensor>();
  const weight = (name: string): Tensor => {
    const found = trained.get(name) ?? known.get(name) ?? parts.frozen(graph, name);
    if (!trained.has(name)) known.set(name, found);
    return found;
  };
  const dropout = (module: string, width: Dim) => input(graph, `dropout.${module}`, ['B*T', width]);
  const weights = { weight, lora, ...(lora !== false && lora.dropout > 0 ? { dropout } : {}) };
  const hidden = hiddenStates(graph, shape, weights, declareBatch(graph), maxLength);
  const head = weight(shape.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
  return targetLogprobs(linear(hidden, head), input(graph, 'targets', ['M'], { type: 'int64' }));
}

/**
 * Sums over the texts of a batch, [P] each: `chosen` and `rejected`. `ownChosen` and `ownRejected` [P, M] say which of the
 * wanted tokens belong to which answer: 1 where they do.
 */
function answerLogprobs(graph: Graph, tokens: Tensor) {
  const column = reshape(tokens, ['M', 1]);
  const sumOf = (name: string) => reshape(matmul(input(graph, name, ['P', 'M']), column), ['P']);
  return { chosen: sumOf('ownChosen'), rejected: sumOf('ownRejected') };
}

/**
 * The loss of each pair, [P]. sigmoid: DPO (Rafailov et al. 2023, eq. 7), with label smoothing (Mitchell 2023, conservative
 * DPO). ipo: eq. 17 of Azar et al. 2024 on means per token, as TRL does it: `perChosen` and `perRejected` are 1 / tokens.
 */
function preferenceLoss(
  graph: Graph,
  answers: { chosen: Tensor; rejected: Tensor },
  objective: LanguageObjective & { name: 'dpo' },
) {
  const ratio = (side: 'chosen' | 'rejected') =>
    sub(answers[side], input(graph, side === 'chosen' ? 'referenceChosen' : 'referenceRejected', ['P']));
  const { beta, labelSmoothing } = objective;
  if (objective.loss === 'ipo') {
    const mean = (side: 'chosen' | 'rejected') =>
      mul(ratio(side), input(graph, side === 'chosen' ? 'perChosen' : 'perRejected', ['P']));
    return square(sub(sub(mean('chosen'), mean('rejected')), scalar(graph, 1 / (2 * beta))));
  }
  const difference = scale(sub(ratio('chosen'), ratio('rejected')), beta);
  // -log sigmoid(x) = softplus(-x)
  const wanted = softplus(neg(difference));
  if (labelSmoothing === 0) return wanted;
  return add(scale(wanted, 1 - labelSmoothing), scale(softplus(difference), labelSmoothing));
}

/**
 * Adds the loss to the graph: a sum over the batch that the inputs `share` (dpo: 1 / pairs of the step) and `tokenWeights`
 * [M] (already divided by what the step has in all) make a mean over the step, however it is cut into batches.
 */
function addLoss(graph: Graph, parts: GraphParts, trained: ReadonlyMap<string, Tensor>): Tensor {
  const tokens = logprobs(graph, parts, trained);
  const { objective } = parts;
  const weighted = () => neg(reduceSum(mul(tokens, input(graph, 'tokenWeights', ['M']))));
  if (objective.name !== 'dpo') return weighted();
  const answers = answerLogprobs(graph, tokens);
  output('chosen', answers.chosen);
  output('rejected', answers.rejected);
  const pairs = mul(reduceSum(preferenceLoss(graph, answers, objective)), input(graph, 'share', []));
  return objective.sftWeight > 0 ? add(pairs, weighted()) : pairs;
}

/** dpo: `chosen` and `rejected` [P] of the model without its adapter: the reference. */
function referenceGraph(parts: GraphParts): Graph {
  const graph = createGraph();
  const answers = answerLogprobs(graph, logprobs(graph, { ...parts, lora: false }, new Map()));
  output('chosen', answers.chosen);
  output('rejected', answers.rejected);
  return graph;
}

/** The graphs of a language model: `chosen` and `rejected` [P] are outputs besides the loss for dpo. No dropout but in training. */
export function languageGraphs(parts: GraphParts): ModelGraphs {
  const { layout, lora } = parts;
  const still = lora === false ? lora : { ...lora, dropout: 0 };
  return {
    layout,
    isPreference: parts.objective.name === 'dpo',
    loss: (graph, trained, training) => addLoss(graph, training ? parts : { ...parts, lora: still }, trained),
    reference: () => referenceGraph(parts),
  };
}
