"""
Writes a trained encoder as a folder that transformers.js and Hugging Face tokenizers read:
`python export_onnx.py --task embedder --from RUN_FOLDER --out models/lab-encoders/embedder`. Checks ONNX Runtime against PyTorch.
"""
import argparse
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
import torch
from tokenizers import Tokenizer

from encoder import Encoder, Shape
from train import CLASSES, LABELS, LAYERS, encode

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


def config_of(task: str, shape: Shape) -> dict:
    """`bert` names what goes in and comes out; the blocks inside are those of encoder.py."""
    labels = {} if task == "embedder" else dict(enumerate(LABELS if task == "nli" else ["LABEL_0"]))
    return {
        "model_type": "bert",
        "architectures": ["BertModel" if task == "embedder" else "BertForSequenceClassification"],
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "max_position_embeddings": shape.context,
        "type_vocab_size": 2,
        "pad_token_id": 0,
        **({"id2label": labels, "label2id": {label: i for i, label in labels.items()}} if labels else {}),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", required=True)
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    source, out = pathlib.Path(options.source), pathlib.Path(options.out)
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    shape = Shape(vocabulary=tokenizer.get_vocab_size(), width=128, layers=LAYERS[options.task], heads=4, feed_forward=384, context=512)
    model = Encoder(shape, CLASSES[options.task])
    model.load_state_dict(torch.load(source / "last.pt"))
    model.eval()
    tokenizer.save(str(out / "tokenizer.json"))
    words = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": shape.context}
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    (out / "tokenizer_config.json").write_text(json.dumps({**words, **special}, indent=2) + "\n")
    (out / "config.json").write_text(json.dumps(config_of(options.task, shape), indent=2) + "\n")
    texts = [("What is the job of Olga Lund?", "The job of Olga Lund is baker."), ("Mira Tolan city", "The city of Nils Kelm is Pelport.")]
    inputs = encode(tokenizer, texts)
    output = "last_hidden_state" if options.task == "embedder" else "logits"
    file = out / "onnx" / "model.onnx"
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=shape.context)
    program = torch.onnx.export(
        model, inputs, input_names=INPUTS, output_names=[output], dynamo=True, opset_version=18,
        dynamic_shapes=[{0: batch, 1: length}] * 3,
    )
    program.optimize()
    program.save(str(file), include_initializers=True)
    onnx.checker.check_model(str(file))
    session = onnxruntime.InferenceSession(str(file))
    for count in (1, 2):
        some = encode(tokenizer, [(first, second * (3 - count)) for first, second in texts[:count]])
        got = session.run([output], dict(zip(INPUTS, (one.numpy() for one in some))))[0]
        with torch.no_grad():
            difference = float(np.abs(got - model(*some).numpy()).max())
        assert difference < 1e-4, difference
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB, largest difference to PyTorch {difference:.1e}")


if __name__ == "__main__":
    main()
