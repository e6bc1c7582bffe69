import { z } from 'zod';

/** How a model is trained: what all trainers understand. */

const start = z
  .enum(['model', 'random'])
  .default('model')
  .describe('Weights to begin with: those of the model folder, a head for other labels excepted, or random ones.');

const objective = z.discriminatedUnion('name', [
  z
    .strictObject({
      name: z.literal('dpo'),
      loss: z
        .enum(['sigmoid', 'ipo'])
        .default('sigmoid')
        .describe('sigmoid: DPO (Rafailov et al. 2023); ipo: identity preference optimisation (Azar et al. 2024).'),
      beta: z.number().gt(0).max(100).default(0.1).describe('How strongly the model is held to the reference model.'),
      labelSmoothing: z
        .number()
        .min(0)
        .lt(0.5)
        .default(0)
        .describe('Assumed share of pairs whose label is wrong (conservative DPO); sigmoid only.'),
      sftWeight: z
        .number()
        .min(0)
        .max(100)
        .default(0)
        .describe(
          'Weight of the mean negative log-likelihood of the chosen answer, added to the loss (RPO, Pang et al. 2024).',
        ),
    })
    .describe('Direct preference optimisation: rows are preference pairs.'),
  z
    .strictObject({
      name: z.literal('sft'),
      promptWeight: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe('Weight of tokens that are given rather than written (segments of weight 0).'),
    })
    .describe('Supervised fine-tuning: next-token loss on what the model should write.'),
  z
    .strictObject({
      name: z.literal('pretrain'),
      promptWeight: z.number().min(0).max(1).default(1).describe('As for sft.'),
    })
    .describe('As sft, from random weights: the model folder gives shape and tokenizer only.'),
  z
    .strictObject({
      name: z.literal('contrastive'),
      temperature: z.number().gt(0).max(10).default(0.05).describe('Cosines are divided by it.'),
      negatives: z
        .int()
        .min(0)
        .max(100)
        .default(1)
        .describe('Of each row, so many negatives besides the texts of the other rows; a row with fewer is left out.'),
      start,
    })
    .describe('Encoders: InfoNCE (van den Oord et al. 2018) over the texts of a step: rows are retrieval rows.'),
  z
    .strictObject({
      name: z.literal('listwise'),
      negatives: z.int().min(1).max(100).default(3).describe('Of each row; a row with fewer is left out.'),
      pointwise: z
        .number()
        .min(0)
        .max(100)
        .default(0.3)
        .describe('Weight of the binary cross-entropy of each score, so that scores of two queries can be compared.'),
      start,
    })
    .describe('Encoders: the answer is scored above its negatives (softmax over them): rows are retrieval rows.'),
  z
    .strictObject({
      name: z.literal('classification'),
      labels: z
        .array(z.string().min(1))
        .min(2)
        .max(1000)
        .refine((labels) => new Set(labels).size === labels.length, 'names a label twice')
        .describe('In the order of the model’s logits.'),
      start,
    })
    .describe('Encoders: cross-entropy over the labels of two texts: rows are classification rows.'),
]);

const lora = z
  .strictObject({
    rank: z.int().min(1).max(1024).default(16).describe('Rank of the update.'),
    alpha: z.number().gt(0).default(32).describe('Scale: the update counts alpha / rank.'),
    targets: z
      .array(z.enum(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']))
      .min(1)
      .default(['q_proj', 'v_proj'])
      .describe('Which matrices of every layer get an adapter.'),
    dropout: z.number().min(0).lt(1).default(0).describe('Of what goes into the adapter, while training.'),
  })
  .describe('Low-rank adapters (Hu et al. 2021): only they are trained. false trains all weights.');

export const trainingSettings = z.strictObject({
  objective,
  lora: z
    .union([lora, z.literal(false)])
    .prefault({})
    .describe(lora.description ?? ''),
  optimizer: z
    .strictObject({
      name: z
        .enum(['adamw', 'muon'])
        .default('adamw')
        .describe('muon: Muon for the matrices, AdamW for embeddings and norms (Jordan et al. 2024).'),
      learningRate: z.number().gt(0).max(10).default(5e-5).describe('Its peak.'),
      muonLearningRate: z.number().gt(0).max(10).default(0.02).describe('muon: the peak for the matrices.'),
      betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.999]),
      epsilon: z.number().gt(0).default(1e-8),
      weightDecay: z.number().min(0).default(0).describe('Decoupled weight decay.'),
      maxGradientNorm: z.number().gt(0).default(1).describe('Gradients are scaled down to this norm.'),
      schedule: z
        .enum(['linear', 'cosine', 'constant', 'warmup-stable-decay'])
        .default('linear')
        .describe('After the warm-up. warmup-stable-decay holds and falls to 0 over the last quarter.'),
      warmup: z
        .number()
        .min(0)
        .default(0.1)
        .describe('Steps over which the rate rises; under 1: this share of all steps.'),
    })
    .prefault({}),
  batch: z
    .strictObject({
      size: z.int().min(1).max(4096).default(4).describe('Rows computed together.'),
      accumulate: z.int().min(1).max(4096).default(4).describe('So many of them make one step.'),
      packTokens: z
        .int()
        .min(16)
        .optional()
        .describe('sft, pretrain: instead of size, so many tokens together, rows packed without padding across them.'),
    })
    .prefault({}),
  epochs: z.number().gt(0).max(1000).default(1).describe('Passes over the training rows.'),
  maxSteps: z.int().min(1).optional().describe('Steps at most, whatever epochs says.'),
  maxLength: z
    .int()
    .min(8)
    .max(131_072)
    .default(1024)
    .describe('Tokens of prompt and answer at most: a longer row is left out and counted, never cut.'),
  chat: z.boolean().default(false).describe('Prompts are put into the model’s own chat template, as a user’s message.'),
  shuffle: z.boolean().default(true).describe('Rows in an order drawn from the seed, anew in every epoch.'),
  evaluateEvery: z
    .int()
    .min(1)
    .optional()
    .describe('Steps between looks at the validation rows; only at the end when left out.'),
  checkpointEvery: z.int().min(1).default(100).describe('Steps between checkpoints.'),
  earlyStop: z
    .strictObject({
      patience: z.int().min(1).default(3).describe('Looks at the validation rows without an improvement.'),
      minDelta: z.number().min(0).default(0).describe('A fall of the validation loss that counts.'),
    })
    .optional(),
  seed: z.int().min(0).default(1).describe('Of initial weights, order of rows and dropout.'),
});

export type TrainingSettings = z.infer<typeof trainingSettings>;
/** What encoders learn by; language models learn by the others. */
export type EncoderObjective = Extract<
  TrainingSettings['objective'],
  { name: 'contrastive' | 'listwise' | 'classification' }
>;
export type LanguageObjective = Exclude<TrainingSettings['objective'], EncoderObjective>;
export type LoraSettings = Exclude<TrainingSettings['lora'], false>;
