import { gradients } from '../../autodiff/gradients.ts';
import { createGraph, type Dim, type Graph, input, output, scalar, type Tensor } from '../../autodiff/graph.ts';
import { add, mul, neg, scale, softplus, square, sub } from '../../autodiff/operations/elementwise.ts';
import { linear, matmul } from '../../autodiff/operations/matmul.ts';
import { targetLogprobs } from '../../autodiff/operations/normalize.ts';
import { reduceSum } from '../../autodiff/operations/reduce.ts';
import { concat, reshape, slice } from '../../autodiff/operations/shape.ts';
import {
  type AdamSettings,
  adamw,
  clipped,
  declareRates,
  declareState,
  type MatrixGroup,
  muon,
} from '../../autodiff/optimizers.ts';
import type { ModelConfig } from '../../lib/model-config.ts';
import type { LoraSettings, TrainingSettings } from '../../training-settings.ts';
import { declareBatch, hiddenStates } from './llama.ts';
import { elementsOf, type Layout, pointing } from './parameters.ts';

type Objective = TrainingSettings['objective'];

export interface GraphParts {
  readonly shape: ModelConfig;
  /** What is trained. */
  readonly layout: Layout;
  readonly lora: LoraSettings | false;
  readonly objective: Objective;
  /** Positions at most. */
  readonly maxLength: number;
  /** A weight that stays as it is. */
  frozen(graph: Graph, name: string): Tensor;
}

/** The trained weights as tensors, cut from the one vector that holds them; each can have a gradient. */
function cut(layout: Layout, weights: Tensor): Map<string, Tensor> {
  return new Map(
    layout.parameters.map(({ name, shape, offset }) => {
      const flat = slice(weights, 0, offset, offset + elementsOf(shape));
      return [name, { ...reshape(flat, shape), differentiable: true }];
    }),
  );
}

/** Natural-log probabilities of the wanted tokens, [M], from the model with the weights of the vector. */
function logprobs(graph: Graph, parts: GraphParts, trained: Map<string, Tensor>): Tensor {
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
  objective: Objective & { name: 'dpo' },
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
function addLoss(graph: Graph, parts: GraphParts, trained: Map<string, Tensor>): Tensor {
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

/** Inputs: a batch, `weights` and `sum` [size]. Outputs: `loss`, `total` = sum + gradient [size]; dpo: `chosen`, `rejected` [P]. */
export function backwardGraph(parts: GraphParts): Graph {
  const graph = createGraph();
  const { layout } = parts;
  const trained = cut(layout, input(graph, 'weights', [layout.size]));
  const loss = addLoss(graph, parts, trained);
  output('loss', loss);
  const wanted = layout.parameters.map(({ name }) => trained.get(name) as Tensor);
  const found = gradients(loss, wanted).map((gradient, i) => {
    const { name, shape } = layout.parameters[i] as Layout['parameters'][number];
    if (gradient === null) throw new Error(`the loss does not depend on ${name}`);
    return reshape(gradient, [elementsOf(shape)]);
  });
  output('total', add(input(graph, 'sum', [layout.size]), concat(found, 0)));
  return graph;
}

/** As `backwardGraph`, without the way back: `loss`; dpo: `chosen`, `rejected`. No dropout. */
export function forwardGraph(parts: GraphParts): Graph {
  const graph = createGraph();
  const { layout, lora } = parts;
  const still = lora === false ? lora : { ...lora, dropout: 0 };
  const trained = cut(layout, input(graph, 'weights', [layout.size]));
  output('loss', addLoss(graph, { ...parts, lora: still }, trained));
  return graph;
}

/** dpo: `chosen` and `rejected` [P] of the model without its adapter: the reference. */
export function referenceGraph(parts: GraphParts): Graph {
  const graph = createGraph();
  const answers = answerLogprobs(graph, logprobs(graph, { ...parts, lora: false }, new Map()));
  output('chosen', answers.chosen);
  output('rejected', answers.rejected);
  return graph;
}

/**
 * Matrices of one shape together. Queries and keys get a third of the rate and ten times the decay: at the full rate attention
 * scores grew until attention was hard and nothing new was learnt by it (docs/lab-log.md).
 */
function muonGroups(layout: Layout, weightDecay: number): MatrixGroup[] {
  const groups: MatrixGroup[] = [];
  for (const one of layout.parameters) {
    if (one.kind !== 'matrix') break;
    const [rows, columns] = one.shape as readonly [number, number];
    const [rateFactor, decay] = pointing(one) ? [1 / 3, 10 * weightDecay] : [1, weightDecay];
    const last = groups.at(-1);
    if (last?.rows === rows && last.columns === columns && last.rateFactor === rateFactor)
      groups[groups.length - 1] = { ...last, count: last.count + 1 };
    else groups.push({ offset: one.offset, count: 1, rows, columns, rateFactor, weightDecay: decay });
  }
  return groups;
}

/** Inputs: the state and the rates of the step. Outputs: `norm` before clipping, `newWeights`, `newFirst`, `newSecond`. */
export function updateGraph(layout: Layout, settings: TrainingSettings['optimizer']): Graph {
  const graph = createGraph();
  const state = declareState(graph, layout.size);
  const rates = declareRates(graph);
  const limited = clipped(state.gradient, settings.maxGradientNorm);
  const adam: AdamSettings = { ...settings, decayed: layout.decayed };
  const clippedState = { ...state, gradient: limited.gradient };
  const updated =
    settings.name === 'adamw'
      ? adamw(clippedState, rates, adam)
      : muon(clippedState, muonGroups(layout, settings.weightDecay), input(graph, 'muonRate', []), rates, adam);
  output('norm', limited.norm);
  output('newWeights', updated.weights);
  output('newFirst', updated.first);
  output('newSecond', updated.second);
  return graph;
}
