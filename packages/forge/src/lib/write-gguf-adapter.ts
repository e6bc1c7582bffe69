import { ggufArchitecture, ggufRowOrder, ggufTensorName } from './gguf-tensors.ts';
import { type GgufTensor, writeGguf } from './gguf-writer.ts';
import { readModelConfig } from './model-config.ts';
import { checkAdapterFits, readPeftAdapter } from './peft-adapter.ts';

/**
 * Writes a PEFT adapter as a GGUF LoRA, F32, for the llama-cpp engine (`lora: [{path}]`) on a GGUF of its base model, of which
 * only config.json is read. Throws ConfigError for an adapter of another model.
 */
export async function writeGgufAdapter(o: {
  /** Folder of the PEFT adapter. */
  readonly adapter: string;
  /** Folder of the base model in the Hugging Face layout. */
  readonly model: string;
  /** The file to write. */
  readonly path: string;
  /** Name of the adapter, for people. */
  readonly name: string;
}): Promise<void> {
  const config = await readModelConfig(o.model);
  const adapter = await readPeftAdapter(o.adapter);
  checkAdapterFits(adapter, config);
  const { rank, alpha, matrices } = adapter;
  const tensors = matrices.flatMap(({ module, inputs, outputs, a, b }): GgufTensor[] => {
    const base = ggufTensorName(`${module}.weight`);
    return [
      { name: `${base}.lora_a`, shape: [rank, inputs], dtype: 'F32', values: async () => a },
      {
        name: `${base}.lora_b`,
        shape: [outputs, rank],
        dtype: 'F32',
        // The rows of B are the rows of the matrix that it changes.
        values: async () => ggufRowOrder(module, b, outputs, config),
      },
    ];
  });
  await writeGguf(
    o.path,
    {
      'general.architecture': ['string', ggufArchitecture(config)],
      'general.type': ['string', 'adapter'],
      'general.name': ['string', o.name],
      'general.file_type': ['u32', 0],
      'adapter.type': ['string', 'lora'],
      'adapter.lora.alpha': ['f32', alpha],
    },
    tensors,
  );
}
