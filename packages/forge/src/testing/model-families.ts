import golden from './golden-scores.json' with { type: 'json' };
import { smallShape } from './random-model.ts';

const problem =
  "Question: Vera has 58 stones. Vera buys 13. Vera sells 9. How many stones does Vera have now?\nLet's think step by step.";
/** What the reference implementations were asked: short, a number, and much that is outside the vocabulary. */
export const texts = [
  { prompt: problem, continuation: '\n58 + 13 = 71\n71 - 9 = 62\nAnswer: 62' },
  {
    prompt: 'Question: Vera has 58 stones. Vera sells 13. How many stones does Vera have now?\nAnswer:',
    continuation: ' 45',
  },
  {
    prompt: "Zürich — 東京 don't WE'LL 12345  \n\n x",
    continuation:
      " y\t{z}  🙂 ok. It is what it is, and Vera's brother Urban sells 12 of 300 books to Judith in the long summer of 1999.",
  },
];

const projections = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'];
const { rope_theta, ...withoutTheta } = smallShape;

const stepwise =
  "Question: Vera has 58 stones. Vera sells 13. How many stones does Vera have now?\nLet's think step by step.\n58 - 13 =";
/** A text and one that begins with it, without and with the end after it. */
export const endingTexts = ['', '<|end|>'].flatMap((end) =>
  [' 45', ' 45\nAnswer: 45'].map((text) => ({ prompt: stepwise, continuation: `${text}${end}` })),
);

/** Summed log-probabilities, nats, of the texts without and with a random adapter; of the ending texts, `ends`. */
interface Scores {
  readonly plain: readonly number[];
  readonly adapted: readonly number[];
}
export interface GoldenScores {
  readonly versions: Readonly<Record<string, string>>;
  readonly lab: Scores & { readonly ends: readonly number[] };
  /** As familyShapes. */
  readonly families: readonly Scores[];
}
/** By transformers, PEFT and torch on the CPU: `npm run golden-scores`. */
export const goldenScores: GoldenScores = golden;

/** Random models of every family. */
export const familyShapes = [
  {
    what: 'Llama 3.1 with scaled positions, shared keys and biases',
    config: {
      ...smallShape,
      model_type: 'llama',
      attention_bias: true,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
    },
    extras: { biases: [...projections, 'self_attn.o_proj'] },
  },
  {
    what: 'Llama with linearly scaled positions, as transformers 5 writes it',
    config: {
      ...withoutTheta,
      model_type: 'llama',
      rope_parameters: { rope_type: 'linear', factor: 4, rope_theta },
    },
    extras: {},
  },
  {
    what: 'Mistral with heads wider than their share',
    config: { ...smallShape, model_type: 'mistral', head_dim: 32, sliding_window: 256 },
    extras: {},
  },
  {
    what: 'Qwen2, tied, with biases',
    config: {
      ...smallShape,
      model_type: 'qwen2',
      tie_word_embeddings: true,
      sliding_window: 32,
      use_sliding_window: false,
    },
    extras: { biases: projections },
  },
  {
    what: 'Qwen3 with norms of heads',
    config: { ...smallShape, model_type: 'qwen3', head_dim: 32 },
    extras: { headNorms: true },
  },
];

export const families = familyShapes.map((shape, i) => ({ ...shape, ...(goldenScores.families[i] as Scores) }));
