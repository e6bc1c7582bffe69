"""Scores of fixed texts by the trained PyTorch models, as JSON: the golden values of the encoders' tests. `python score.py RUNS_FOLDER`."""
import json
import pathlib
import sys

import torch
from tokenizers import Tokenizer

from encoder import Encoder, Shape, mean_pooled
from train import CLASSES, LABELS, LAYERS, encode

QUERY = "What is the job of Vera Harker?"
PASSAGES = [
    "Vera Harker\nThe job of Vera Harker is hunter. The city of Vera Harker is Lamdale.",
    "Vera Selby\nThe boss of Vera Selby is Vera Harker. The job of Vera Selby is baker.",
    "Lamdale\nThe river of Lamdale is Osk.",
]
PREMISE = "The job of Vera Harker is hunter. The city of Vera Harker is Lamdale."
CLAIMS = [
    "The job of Vera Harker is hunter.",
    'The answer to "What is the job of Vera Harker?" is baker.',
    "The pet of Vera Harker is dog.",
]


def load(runs: pathlib.Path, task: str):
    tokenizer = Tokenizer.from_file(str(runs / task / "tokenizer.json"))
    shape = Shape(vocabulary=tokenizer.get_vocab_size(), width=128, layers=LAYERS[task], heads=4, feed_forward=384, context=512)
    model = Encoder(shape, CLASSES[task])
    model.load_state_dict(torch.load(runs / task / "last.pt"))
    return tokenizer, model.eval()


@torch.no_grad()
def main():
    runs = pathlib.Path(sys.argv[1])
    tokenizer, model = load(runs, "embedder")
    inputs = encode(tokenizer, [QUERY, *PASSAGES])
    vectors = mean_pooled(model(*inputs), inputs[1])
    tokenizer, model = load(runs, "cross-encoder")
    scores = model(*encode(tokenizer, [(QUERY, passage) for passage in PASSAGES]))[:, 0]
    tokenizer, model = load(runs, "nli")
    judged = model(*encode(tokenizer, [(PREMISE, claim) for claim in CLAIMS])).softmax(-1)
    rounded = lambda values: [round(float(value), 6) for value in values]  # noqa: E731
    print(json.dumps({
        "vector": rounded(vectors[0][:4]), "cosines": rounded(vectors[1:] @ vectors[0]), "scores": rounded(scores),
        "claims": [dict(zip(LABELS, rounded(row))) for row in judged],
    }, indent=2))


if __name__ == "__main__":
    main()
