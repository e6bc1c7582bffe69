"""
Writes a checkpoint as `lab-world-2m.gguf` (F16) and in the Hugging Face layout (`model.safetensors` F16, config.json, tokenizer files):
`python export_gguf.py CHECKPOINT.pt TOKENIZER.json OUT_FOLDER`.
"""
import json
import pathlib
import sys

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from model import Shape

NAME = "lab-world-2m"
BLOCK_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def gguf_name(name: str) -> str:
    """`layers.0.self_attn.q_proj.weight` -> `blk.0.attn_q.weight`."""
    if not name.startswith("layers."):
        return {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[name]
    _, index, rest = name.split(".", 2)
    return f"blk.{index}.{BLOCK_NAMES[rest.removesuffix('.weight')]}.weight"


def permuted(matrix: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp rotates neighbouring pairs of rows, the Hugging Face layout the two halves of a head."""
    return matrix.reshape(heads, 2, matrix.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def write_gguf(path: pathlib.Path, weights: dict[str, torch.Tensor], shape: Shape, tokenizer: dict):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_license("apache-2.0")
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    by_id = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([token for token, _ in by_id])
    writer.add_token_types([gguf.TokenType.CONTROL if index < 2 else gguf.TokenType.NORMAL for _, index in by_id])
    writer.add_token_merges([" ".join(merge) if isinstance(merge, list) else merge for merge in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    for name, tensor in weights.items():
        array = tensor.numpy()
        if "q_proj" in name or "k_proj" in name:
            array = permuted(array, shape.heads)
        writer.add_tensor(gguf_name(name), array.astype(np.float32 if array.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_hugging_face(out: pathlib.Path, weights: dict[str, torch.Tensor], shape: Shape, tokenizer_file: str):
    save_file({f"model.{name}": tensor.half().contiguous() for name, tensor in weights.items()}, out / "model.safetensors", {"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": shape.vocabulary, "hidden_size": shape.width,
        "intermediate_size": shape.feed_forward, "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "num_key_value_heads": shape.heads,
        "head_dim": shape.width // shape.heads, "hidden_act": "silu", "max_position_embeddings": shape.context, "rope_theta": shape.rope_theta,
        "rms_norm_eps": shape.norm_epsilon, "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False, "bos_token_id": 0, "eos_token_id": 1,
        "torch_dtype": "float16", "use_cache": True,
    }
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    Tokenizer.from_file(tokenizer_file).save(str(out / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin|>", "eos_token": "<|end|>", "add_bos_token": True, "model_max_length": shape.context}
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def main():
    checkpoint, tokenizer_file, out = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    tokenizer = json.loads(pathlib.Path(tokenizer_file).read_text())
    weights = {name: tensor.float() for name, tensor in torch.load(checkpoint, map_location="cpu")["model"].items()}
    shape = Shape(vocabulary=weights["embed_tokens.weight"].shape[0])
    write_gguf(out / f"{NAME}.gguf", weights, shape, tokenizer)
    write_hugging_face(out, weights, shape, tokenizer_file)


if __name__ == "__main__":
    main()
