"""Reads the training text into token arrays and draws batches from it."""
import json
import pathlib

import numpy as np
import torch
from tokenizers import Tokenizer

BOS, EOS = 0, 1
# Few different shapes: a kernel is prepared for each new one, which cost a quarter of the time.
MICRO_BATCH_TOKENS = 2048


class Stream:
    """The transcripts of one file: token ids, and for each token which id should follow it and how much that counts."""

    def __init__(self, ids, targets, weights, starts):
        self.ids, self.targets, self.weights, self.starts = ids, targets, weights, starts
        self.mean_length = len(ids) / (len(starts) - 1)

    def draw(self, random: np.random.Generator):
        index = random.integers(len(self.starts) - 1)
        # One in eight goes without the begin token: callers that do not send it get the same model.
        part = slice(self.starts[index] + int(random.random() < 0.125), self.starts[index + 1])
        return self.ids[part], self.targets[part], self.weights[part]


def encode_file(path: pathlib.Path, tokenizer: Tokenizer) -> Stream:
    rows = [json.loads(line) for line in path.open()]
    encoded = iter(tokenizer.encode_batch([segment[0] for row in rows for segment in row], add_special_tokens=False))
    ids, targets, weights, starts = [], [], [], [0]
    for row in rows:
        row_ids, row_weights, stops = [BOS], [0.0], []
        for text, weight, stop in row:
            tokens = next(encoded).ids
            row_ids += tokens
            # A direct answer is a token or two against a chain's dozens: it counts twice.
            row_weights += [float(weight) * (2.0 if text.startswith(" ") else 1.0)] * len(tokens)
            if stop:
                stops.append(len(row_ids) - 1)
        row_targets = [*row_ids[1:], EOS]
        shifted = [*row_weights[1:], 0.0]
        for position in stops:
            row_targets[position], shifted[position] = EOS, 1.0
        ids += row_ids
        targets += row_targets
        weights += shifted
        starts.append(len(ids))
    return Stream(np.array(ids, np.uint16), np.array(targets, np.uint16), np.array(weights, np.float32), np.array(starts))


def load_streams(folder: str, tokenizer_file: str) -> dict[str, Stream]:
    tokenizer = Tokenizer.from_file(tokenizer_file)
    streams = {}
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
        cache = path.with_suffix(".npz")
        if not cache.exists():
            stream = encode_file(path, tokenizer)
            np.savez(cache, ids=stream.ids, targets=stream.targets, weights=stream.weights, starts=stream.starts)
        loaded = np.load(cache)
        streams[path.stem] = Stream(loaded["ids"], loaded["targets"], loaded["weights"], loaded["starts"])
        print(f"{path.stem}: {len(streams[path.stem].starts) - 1} transcripts, mean length {streams[path.stem].mean_length:.0f}", flush=True)
    return streams


def draw_step(streams: dict[str, Stream], mix: dict[str, float], tokens: int, random: np.random.Generator, longest: int):
    """About `tokens` tokens of transcripts, each stream with its share of the tokens, as micro-batches of similar length."""
    names = [name for name in mix if mix[name] > 0]
    chances = np.array([mix[name] / streams[name].mean_length for name in names])
    chances /= chances.sum()
    drawn, total = [], 0
    while total < tokens:
        item = streams[names[random.choice(len(names), p=chances)]].draw(random)
        if len(item[0]) <= longest:
            drawn.append(item)
            total += len(item[0])
    drawn.sort(key=lambda item: -len(item[0]))
    batches = []
    while drawn:
        length = round_up(len(drawn[0][0]), 16)
        rows = min(max(1, MICRO_BATCH_TOKENS // length), round_up(len(drawn), 4))
        batches.append(pad(drawn[:rows], rows, length))
        drawn = drawn[rows:]
    return batches, total


def round_up(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def pad(batch, rows: int, length: int):
    """ids [batch, length], and of the positions that count: flat index, target, weight. Padding follows, so a causal mask hides it."""
    arrays = [np.zeros((rows, length), dtype) for dtype in (np.int64, np.int64, np.float32)]
    for row, item in enumerate(batch):
        for array, values in zip(arrays, item):
            array[row, : len(values)] = values
    ids, targets, weights = (torch.from_numpy(array) for array in arrays)
    counted = weights.flatten().nonzero()[:, 0]
    selected = torch.zeros(round_up(len(counted), 256), dtype=torch.int64)
    selected[: len(counted)] = counted
    return ids, selected, targets.flatten()[selected], weights.flatten()[selected] * (torch.arange(len(selected)) < len(counted))
