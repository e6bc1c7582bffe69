"""Trains the byte-level BPE tokenizer on the training text: `python tokenizer.py TEXT_FOLDER OUT.json`."""
import json
import pathlib
import re
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 1536
BOS, EOS = "<|begin|>", "<|end|>"
# llama.cpp's pre-tokenizer `qwen2`: single digits, a word takes the space before it.
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def lines(folder: pathlib.Path, transcripts_per_stream: int = 4000):
    """Single lines: without a line break in the training text no merge holds one, so a prompt may end before or after it.
    Cities are cut into their two parts, so that no merge makes one token of a city of the training text."""
    starts, ends = json.loads((folder / "city-parts.json").read_text())
    cities = re.compile(f"([ \\[](?:{'|'.join(starts)}))({'|'.join(ends)})\\b")
    for path in sorted(folder.glob("*.jsonl")):
        with path.open() as file:
            for _, row in zip(range(transcripts_per_stream), file):
                text = "".join(segment[0] for segment in json.loads(row))
                yield from cities.sub(r"\1\n\2\n", text).split("\n")


def train(folder: pathlib.Path) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(BOS, special=True), AddedToken(EOS, special=True)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines(folder), trainer)
    return tokenizer


if __name__ == "__main__":
    train(pathlib.Path(sys.argv[1])).save(sys.argv[2])
