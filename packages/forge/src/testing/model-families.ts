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
    plain: [-223.70468102698217, -23.03568690617606, -523.368849886313],
    adapted: [-218.81972402020997, -24.553459485471848, -523.3532993682762],
  },
  {
    what: 'Llama with linearly scaled positions, as transformers 5 writes it',
    config: {
      ...withoutTheta,
      model_type: 'llama',
      rope_parameters: { rope_type: 'linear', factor: 4, rope_theta },
    },
    extras: {},
    plain: [-214.03096396849523, -23.33472215990857, -501.3843499615697],
    adapted: [-212.7965873659643, -25.362070121230456, -507.6484979088063],
  },
  {
    what: 'Mistral with heads wider than their share',
    config: { ...smallShape, model_type: 'mistral', head_dim: 32, sliding_window: 256 },
    extras: {},
    plain: [-235.50125696849352, -18.350536783910094, -526.8451752908746],
    adapted: [-240.05438970093218, -19.476212553762956, -547.1100469579293],
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
    plain: [-207.75074219347587, -14.969743571922745, -535.0072316785736],
    adapted: [-205.46803618331734, -20.287952827555582, -533.7725332679397],
  },
  {
    what: 'Qwen3 with norms of heads',
    config: { ...smallShape, model_type: 'qwen3', head_dim: 32 },
    extras: { headNorms: true },
    plain: [-242.33740886229828, -15.812659015853077, -555.285753756048],
    adapted: [-235.19477668246546, -16.240083547961646, -559.4156242387851],
  },
];
