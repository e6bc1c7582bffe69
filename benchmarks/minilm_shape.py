"""
Writes an encoder of MiniLM's shape (6 layers, width 384) with random weights, where the hub cannot be reached: speed does not depend
on the weights. `python benchmarks/minilm_shape.py FOLDER`; needs torch, transformers, onnx and onnxscript.
"""
import json
import pathlib
import shutil
import sys

import torch
from transformers import BertConfig, BertModel

root = pathlib.Path(__file__).parent.parent
out = pathlib.Path(sys.argv[1])
(out / "onnx").mkdir(parents=True, exist_ok=True)
config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, attn_implementation="eager")


class LastHiddenState(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


torch.manual_seed(1)
names = ["input_ids", "attention_mask", "token_type_ids"]
inputs = tuple(torch.ones(2, 16, dtype=torch.long) for _ in names)
batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=512)
program = torch.onnx.export(
    LastHiddenState().eval(), inputs, input_names=names, output_names=["last_hidden_state"], dynamo=True, opset_version=18,
    dynamic_shapes=[{0: batch, 1: length}] * 3,
)
program.optimize()
program.save(str(out / "onnx" / "model.onnx"), include_initializers=True)
(out / "config.json").write_text(json.dumps({**config.to_dict(), "model_type": "bert", "architectures": ["BertModel"]}, indent=2))
for name in ("tokenizer.json", "tokenizer_config.json"):
    shutil.copy(root / "models" / "lab-encoders" / "embedder" / name, out / name)
