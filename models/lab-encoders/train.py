"""
Trains one lab encoder: `python train.py --task embedder --rows FOLDER --out FOLDER --minutes 12`. Tasks: embedder, cross-encoder, nli.
`--start` begins with the weights of another run. The learning rate is warmed up, held, and brought to zero over the last third.
"""
import argparse
import json
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from encoder import Encoder, Shape, mean_pooled
from optimizer import create_optimizers

LABELS = ["contradiction", "entailment", "neutral"]
CLASSES = {"embedder": 0, "cross-encoder": 1, "nli": 3}
LAYERS = {"embedder": 3, "cross-encoder": 4, "nli": 4}
BATCH = {"embedder": 96, "cross-encoder": 32, "nli": 128}
TEMPERATURE = 0.05
WARM_UP_STEPS = 60
DECAY_SHARE = 0.33


def build_tokenizer(rows: pathlib.Path) -> Tokenizer:
    """WordPiece over the words of the world; any other ASCII word falls apart into letters."""
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    words = json.loads((rows / "vocabulary.json").read_text())
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters, *(f"##{letter}" for letter in letters if letter.isalnum())]
    tokenizer = Tokenizer(models.WordPiece({token: i for i, token in enumerate(dict.fromkeys(tokens))}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def encode(tokenizer: Tokenizer, texts):
    """Texts or pairs as the three inputs [batch, longest]."""
    rows = tokenizer.encode_batch(texts)
    longest = max(len(row.ids) for row in rows)
    inputs = torch.zeros(3, len(rows), longest, dtype=torch.long)
    for i, row in enumerate(rows):
        inputs[:, i, : len(row.ids)] = torch.tensor([row.ids, [1] * len(row.ids), row.type_ids])
    return tuple(inputs)


def loss_of(task, model, tokenizer, rows):
    if task == "nli":
        logits = model(*encode(tokenizer, [(row["premise"], row["claim"]) for row in rows]))
        wanted = torch.tensor([LABELS.index(row["label"]) for row in rows])
        return F.cross_entropy(logits.float(), wanted), (logits.argmax(-1) == wanted).float().mean()
    passages = [[row["positive"], *row["negatives"][:3]] for row in rows]
    if task == "cross-encoder":
        rows = [(row, texts) for row, texts in zip(rows, passages) if len(texts) == 4]
        pairs = [(row["query"], text) for row, texts in rows for text in texts]
        scores = model(*encode(tokenizer, pairs)).view(-1, 4).float()
        # Listwise for the order, pointwise so that scores of different queries can be compared.
        first = torch.zeros(len(rows), dtype=torch.long)
        wanted = F.one_hot(first, 4).float()
        loss = F.cross_entropy(scores, first) + 0.3 * F.binary_cross_entropy_with_logits(scores, wanted)
        return loss, (scores.argmax(-1) == 0).float().mean()
    texts = [text for group in passages for text in group[:2]]
    inputs = encode(tokenizer, [row["query"] for row in rows])
    queries = mean_pooled(model(*inputs), inputs[1])
    inputs = encode(tokenizer, texts)
    documents = mean_pooled(model(*inputs), inputs[1])
    scores = (queries @ documents.T).float() / TEMPERATURE
    wanted = torch.arange(len(rows)) * 2
    return F.cross_entropy(scores, wanted), (scores.argmax(-1) == wanted).float().mean()


def lines_from(path: pathlib.Path):
    """Rows in the order of the file; from the start again after the last."""
    while True:
        with path.open() as file:
            for line in file:
                yield json.loads(line)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--task", "--rows", "--out"):
        parser.add_argument(name, required=True)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--stream", default="retrieval", help="retrieval, or claims-short, claims-passage, claims-passages in turn")
    parser.add_argument("--start", help="begin with these weights")
    parser.add_argument("--muon-lr", type=float, default=0.012)
    parser.add_argument("--adam-lr", type=float, default=0.003)
    options = parser.parse_args()
    torch.manual_seed(1)
    task, rows, out = options.task, pathlib.Path(options.rows), pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(rows)
    tokenizer.save(str(out / "tokenizer.json"))
    shape = Shape(vocabulary=tokenizer.get_vocab_size(), width=128, layers=LAYERS[task], heads=4, feed_forward=384, context=512)
    model = Encoder(shape, CLASSES[task])
    if options.start:
        before = torch.load(options.start)
        model.load_state_dict({name: value for name, value in before.items() if not name.startswith("head")}, strict=False)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    optimizers = create_optimizers(model, options.muon_lr, options.adam_lr)
    source = lines_from(rows / f"{options.stream}.jsonl")
    started, budget, step, report = time.time(), options.minutes * 60, 0, []
    while time.time() - started < budget:
        progress = (time.time() - started) / budget
        share = min(1.0, (step + 1) / WARM_UP_STEPS, max(0.0, (1 - progress) / DECAY_SHARE))
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share
        with torch.autocast("cpu", torch.bfloat16):
            loss, right = loss_of(task, model, tokenizer, [next(source) for _ in range(BATCH[task])])
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        report.append((loss.item(), right.item()))
        if step % 25 == 0:
            mean = np.mean(report, axis=0)
            print(json.dumps({"step": step, "seconds": round(time.time() - started), "loss": round(mean[0], 4), "right": round(mean[1], 4)}), flush=True)
            report = []
            torch.save(model.state_dict(), out / "last.pt")
    torch.save(model.state_dict(), out / "last.pt")


if __name__ == "__main__":
    main()
