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

/** Random models of every family with golden summed log-probabilities of the texts, nats: testing/transformers-scores.py, transformers 5.18, PEFT 0.21, torch 2.13; without the random adapter, and with it. */
export const families = [
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
    plain: [-276.36071727509716, -30.228817815646725, -598.1996860378065],
    adapted: [-279.40819011352204, -32.82902703474766, -588.3260661059334],
  },
  {
    what: 'Llama with linearly scaled positions, as transformers 5 writes it',
    config: {
      ...withoutTheta,
      model_type: 'llama',
      rope_parameters: { rope_type: 'linear', factor: 4, rope_theta },
    },
    extras: {},
    plain: [-269.5363005874668, -28.284657626605807, -579.1900916074229],
    adapted: [-265.18644689619794, -33.298505690286916, -591.7085965093684],
  },
  {
    what: 'Mistral with heads wider than their share',
    config: { ...smallShape, model_type: 'mistral', head_dim: 32, sliding_window: 256 },
    extras: {},
    plain: [-275.4397017586001, -29.98612610944815, -559.3921480843749],
    adapted: [-268.91380858641145, -30.857381451186942, -562.3108158261192],
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
    plain: [-246.36527572740735, -26.489306416503098, -558.5049650069893],
    adapted: [-255.14983592132836, -29.10924383093589, -546.6698699985544],
  },
  {
    what: 'Qwen3 with norms of heads',
    config: { ...smallShape, model_type: 'qwen3', head_dim: 32 },
    extras: { headNorms: true },
    plain: [-265.39380488392703, -24.249530704856845, -549.5187045732102],
    adapted: [-272.82692727367777, -26.237595842545836, -556.4353245573864],
  },
];
