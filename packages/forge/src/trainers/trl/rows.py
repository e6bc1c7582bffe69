"""Rows in token ids. The trainer `native` does exactly the same: trainers/native/encode-rows.ts."""
import json
import pathlib

from huggingface_hub import hf_hub_download
from transformers import AutoTokenizer

from protocol import ConfigProblem


class Encoder:
    """`chat`: prompts are a user's message in the model's chat template."""

    def __init__(self, tokenizer, begin: bool, chat: bool, prompt_weight: float, max_length: int):
        if tokenizer.eos_token_id is None:
            raise ConfigProblem("model: tokenizer_config.json names no eos_token")
        if chat and not tokenizer.chat_template:
            raise ConfigProblem("chat: true, but the model has no chat template; set it to false")
        self.tokenizer = tokenizer
        self.begin = [tokenizer.bos_token_id] if begin and tokenizer.bos_token_id is not None else []
        self.end = tokenizer.eos_token_id
        self.chat, self.prompt_weight, self.max_length = chat, prompt_weight, max_length

    def text(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def message(self, text: str) -> list[int]:
        messages = [{"role": "user", "content": text}]
        return self.text(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def pair(self, row: dict) -> dict:
        prompt = self.message(row["prompt"]) if self.chat else self.begin + self.text(row["prompt"])
        answers = {f"{side}_ids": self.text(row[side]) + [self.end] for side in ("chosen", "rejected")}
        return {"prompt_ids": prompt, **answers}

    def segments(self, row: dict) -> dict:
        """Where a text should stop, the end token is the target of its last token and is not read: what follows, follows at once."""
        ids, own, stops = list(self.begin), [0.0] * len(self.begin), []
        for index, segment in enumerate(row["segments"]):
            given_first = self.chat and index == 0 and segment["weight"] == 0
            tokens = self.message(segment["text"]) if given_first else self.text(segment["text"])
            if given_first:
                ids, own = [], []
            ids += tokens
            own += [float(segment["weight"] or self.prompt_weight)] * len(tokens)
            if segment.get("stop"):
                stops.append(len(ids) - 1)
        targets, weights = [*ids[1:], self.end], [*own[1:], 0.0]
        for position in stops:
            targets[position], weights[position] = self.end, 1.0
        return {"input_ids": ids, "targets": targets, "weights": weights}

    def encode(self, row: dict) -> dict | None:
        """None where it is longer than allowed."""
        if row["kind"] == "preference":
            encoded = self.pair(row)
            length = len(encoded["prompt_ids"]) + max(len(encoded["chosen_ids"]), len(encoded["rejected_ids"]))
            empty = not encoded["prompt_ids"]
        else:
            encoded = self.segments(row)
            length = len(encoded["input_ids"])
            empty = length == 0
        if empty:
            raise ConfigProblem(f"row {row['id']} has no prompt: nothing predicts its answer")
        return encoded if length <= self.max_length else None


def expects_begin(source: str, revision: str | None) -> bool:
    """Whether a text starts with the begin token: unless the tokenizer says otherwise."""
    path = pathlib.Path(source) / "tokenizer_config.json"
    if not pathlib.Path(source).is_dir():
        path = pathlib.Path(hf_hub_download(source, "tokenizer_config.json", revision=revision))
    config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return config.get("add_bos_token") is not False


def encoder_of(job: dict, source: str) -> Encoder:
    """`source`: a folder, or a repository of the hub."""
    settings, revision = job["settings"], job["model"].get("revision")
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
        begin = expects_begin(source, revision)
    except Exception as error:
        raise ConfigProblem(f"model {job['model']['reference']}: its tokenizer cannot be read: {error}") from error
    return Encoder(tokenizer, begin, settings["chat"], settings["objective"].get("promptWeight", 0), settings["maxLength"])
