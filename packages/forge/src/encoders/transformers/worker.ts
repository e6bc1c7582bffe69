import { basename, dirname } from 'node:path';
import { workerData } from 'node:worker_threads';
import {
  AutoModel,
  AutoModelForSequenceClassification,
  AutoTokenizer,
  env,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  type Tensor,
} from '@huggingface/transformers';

/** What one worker loads: ONNX Runtime computes on the thread that asks, so that models live on threads of their own. */
export interface WorkerModel {
  readonly task: 'embedding' | 'classification';
  /** Holds config.json, tokenizer.json and onnx/. */
  readonly folder: string;
  readonly dtype: 'fp32' | 'fp16' | 'q8';
  /** Of ONNX Runtime, in one operation. */
  readonly threads: number;
  readonly pooling: 'mean' | 'cls';
}

const given = (workerData as { readonly workerModel: WorkerModel }).workerModel;

// What is fetched is fetched before, with checksums and through the configured hub.
env.allowRemoteModels = false;
env.localModelPath = dirname(given.folder);
const name = basename(given.folder);

async function load(): Promise<{ tokenizer: PreTrainedTokenizer; model: PreTrainedModel }> {
  const Model = given.task === 'embedding' ? AutoModel : AutoModelForSequenceClassification;
  const session = { intraOpNumThreads: given.threads, interOpNumThreads: 1 };
  const [tokenizer, model] = await Promise.all([
    loadTokenizer(),
    Model.from_pretrained(name, { dtype: given.dtype, session_options: session }),
  ]);
  return { tokenizer, model };
}

let loadingTokenizer: Promise<PreTrainedTokenizer> | undefined;
function loadTokenizer(): Promise<PreTrainedTokenizer> {
  loadingTokenizer ??= AutoTokenizer.from_pretrained(name);
  return loadingTokenizer;
}

let loading: ReturnType<typeof load> | undefined;
const loaded = () => {
  loading ??= load();
  return loading;
};

/** What callers need to know of a model, as its files say. */
export async function describe(): Promise<{ dimension: number; maxTokens: number; labels: Record<string, string> }> {
  const { tokenizer, model } = await loaded();
  const config = model.config as unknown as {
    hidden_size?: number;
    max_position_embeddings?: number;
    id2label?: Record<string, string>;
  };
  const limits = [tokenizer.model_max_length, config.max_position_embeddings ?? 512];
  const maxTokens = Math.min(...limits.filter((limit) => Number.isFinite(limit) && limit > 0));
  return { dimension: config.hidden_size ?? 0, maxTokens, labels: config.id2label ?? {} };
}

/** Tokens of each text, without special ones. */
export async function countTokens(texts: readonly string[]): Promise<number[]> {
  const tokenizer = await loadTokenizer();
  return texts.map((text) => tokenizer.encode(text, { add_special_tokens: false }).length);
}

/** Sums the vectors of the tokens that are no padding (or takes the first), and brings them to length 1. */
function pool(hidden: Tensor, mask: Tensor): Float32Array[] {
  const [count, length, width] = hidden.dims as [number, number, number];
  const values = hidden.data as Float32Array;
  const kept = mask.data as BigInt64Array;
  return Array.from({ length: count }, (_, row) => {
    const vector = new Float32Array(width);
    const last = given.pooling === 'cls' ? 1 : length;
    for (let token = 0; token < last; token++) {
      if (kept[row * length + token] === 0n) continue;
      const at = (row * length + token) * width;
      for (let i = 0; i < width; i++) vector[i] = (vector[i] as number) + (values[at + i] as number);
    }
    let norm = 0;
    for (const value of vector) norm += value * value;
    norm = Math.sqrt(norm) || 1;
    return vector.map((value) => value / norm);
  });
}

/** One vector of unit length for each text. */
export async function embed({
  texts,
  maxTokens,
}: {
  texts: readonly string[];
  maxTokens: number;
}): Promise<Float32Array[]> {
  const { tokenizer, model } = await loaded();
  const inputs = tokenizer([...texts], { padding: true, truncation: true, max_length: maxTokens });
  const { last_hidden_state: hidden } = (await model(inputs)) as { last_hidden_state: Tensor };
  return pool(hidden, inputs.attention_mask as Tensor);
}

/** The logits of each pair of texts. */
export async function classify({
  pairs,
  maxTokens,
}: {
  pairs: readonly (readonly [string, string])[];
  maxTokens: number;
}): Promise<number[][]> {
  const { tokenizer, model } = await loaded();
  const inputs = tokenizer(
    pairs.map(([first]) => first),
    { text_pair: pairs.map(([, second]) => second), padding: true, truncation: true, max_length: maxTokens },
  );
  const { logits } = (await model(inputs)) as { logits: Tensor };
  const [count, width] = logits.dims as [number, number];
  const values = logits.data as Float32Array;
  return Array.from({ length: count }, (_, row) => [...values.subarray(row * width, (row + 1) * width)]);
}
