import { gradients } from '../../autodiff/gradients.ts';
import { createGraph, type Graph, input, output, type Tensor } from '../../autodiff/graph.ts';
import { add } from '../../autodiff/operations/elementwise.ts';
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
import type { TrainingSettings } from '../../training-settings.ts';
import { elementsOf, type Layout, pointing } from './parameters.ts';

/** What a model computes, as graphs over the one vector of trained weights. */
export interface ModelGraphs {
  /** What is trained. */
  readonly layout: Layout;
  /** Whether `chosen` and `rejected` are outputs besides the loss. */
  readonly isPreference: boolean;
  /** Adds the loss to a graph: a sum over the batch that its inputs make a mean over the step. `training`: with dropout. */
  loss(graph: Graph, trained: ReadonlyMap<string, Tensor>, training: boolean): Tensor;
  /** dpo: of the model without its adapter. */
  reference(): Graph;
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

/** Inputs: a batch, `weights` and `sum` [size]. Outputs: `loss`, `total` = sum + gradient [size], and those of the model. */
export function backwardGraph({ layout, loss: lossOf }: ModelGraphs): Graph {
  const graph = createGraph();
  const trained = cut(layout, input(graph, 'weights', [layout.size]));
  const loss = lossOf(graph, trained, true);
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

/** As `backwardGraph`, without the way back. */
export function forwardGraph({ layout, loss }: ModelGraphs): Graph {
  const graph = createGraph();
  output('loss', loss(graph, cut(layout, input(graph, 'weights', [layout.size])), false));
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
