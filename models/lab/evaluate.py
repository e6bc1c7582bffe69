"""Greedy answers of the PyTorch model on the committed test rows: a quick look while it trains. The card's figures come from llama.cpp."""
import ast
import json
import math
import operator
import pathlib
import re

import torch
from tokenizers import Tokenizer

BOS, EOS = 0, 1
DATA = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "lab-world"
TOOLS = "Tools: calculator, search\n"
STEPS = "\nLet's think step by step."


def read_jsonl(name: str, count: int | None = None):
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()][:count]


@torch.no_grad()
def generate(model, tokenizer: Tokenizer, prompts: list[str], new_tokens: int = 90, stop: str = "Observation:") -> list[str]:
    """Greedy continuations up to the end token or `stop`; prompts are padded on the left."""
    encoded = [[BOS, *tokenizer.encode(prompt, add_special_tokens=False).ids] for prompt in prompts]
    longest = max(map(len, encoded))
    pads = torch.tensor([longest - len(ids) for ids in encoded])
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in encoded])
    columns = torch.arange(longest + new_tokens)
    visible = columns[None] >= pads[:, None]
    causal = (columns[None, :longest] <= columns[:longest, None])[None] & visible[:, None, :longest]
    causal |= torch.eye(longest, dtype=torch.bool)[None]
    caches = [{} for _ in model.layers]
    positions = (columns[None, :longest] - pads[:, None]).clamp(min=0)
    written, done = [[] for _ in prompts], [False] * len(prompts)
    mask = causal[:, None]
    for length in range(longest, longest + new_tokens):
        last = torch.arange(len(prompts)) * ids.shape[1] + ids.shape[1] - 1
        following = model(ids, last, positions, mask, caches).argmax(-1)
        for row, token in enumerate(following.tolist()):
            if not done[row]:
                if token == EOS:
                    done[row] = True
                    continue
                written[row].append(token)
                done[row] = tokenizer.decode(written[row][-6:]).endswith(stop)
        if all(done) or length + 1 >= model.shape.context:
            break
        ids, positions = following[:, None], (length - pads)[:, None]
        mask = visible[:, None, None, : length + 1]
    return [tokenizer.decode(row) for row in written]


def calculate(expression: str) -> str:
    operations = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}

    def value(node):
        if isinstance(node, ast.BinOp):
            return operations[type(node.op)](value(node.left), value(node.right))
        return node.value
    try:
        result = value(ast.parse(expression, mode="eval").body)
        return str(int(result)) if result == int(result) else str(result)
    except Exception:  # noqa: BLE001 - whatever is wrong with the input, the model is told so
        return "error: the input cannot be read"


class Search:
    """BM25 over the corpus."""

    def __init__(self):
        self.texts = [document["text"] for document in read_jsonl("corpus.jsonl")]
        self.bags = [re.findall(r"\w+", text.lower()) for text in self.texts]
        self.mean = sum(map(len, self.bags)) / len(self.bags)

    def __call__(self, query: str, count: int = 3) -> str:
        scores = [0.0] * len(self.bags)
        for word in set(re.findall(r"\w+", query.lower())):
            holders = sum(word in bag for bag in self.bags)
            weight = math.log(1 + (len(self.bags) - holders + 0.5) / (holders + 0.5))
            for index, bag in enumerate(self.bags):
                frequency = bag.count(word)
                scores[index] += weight * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * len(bag) / self.mean))
        best = sorted(range(len(scores)), key=lambda index: -scores[index])[:count]
        return "\n".join(f"[{rank + 1}] {self.texts[index]}" for rank, index in enumerate(best))


def react(model, tokenizer, questions: list[str], search: Search, turns: int = 5) -> tuple[list[str], float]:
    """Answers, and the share of actions that name a tool in the right form."""
    texts = [f"{TOOLS}Question: {question}" for question in questions]
    waiting, valid, actions = list(range(len(texts))), 0, 0
    for _ in range(turns):
        parts = generate(model, tokenizer, [texts[index] for index in waiting])
        still = []
        for index, part in zip(waiting, parts):
            texts[index] += part
            if not part.endswith("Observation:"):
                continue
            actions += 1
            call = re.search(r"\nAction: (calculator|search)\[([^\]\n]+)\]\nObservation:$", part)
            valid += call is not None
            observed = "error: no such tool" if call is None else calculate(call[2]) if call[1] == "calculator" else search(call[2])
            texts[index] += f" {observed}"
            still.append(index)
        waiting = still
        if not waiting:
            break
    return texts, valid / max(actions, 1)


def answer_of(text: str) -> str:
    found = text.rsplit("Answer:", 1)
    return found[1].strip().split("\n")[0] if len(found) == 2 else ""


def evaluate(model, tokenizer, count: int = 80) -> dict[str, float]:
    search, scores = Search(), {}

    def share(name, rows, prompts, prefix=""):
        texts = generate(model, tokenizer, prompts)
        right = [answer_of(prefix + text) in row["answer"] for text, row in zip(texts, rows)]
        scores[name] = sum(right) / len(right)

    rows = read_jsonl("arithmetic.test.jsonl", count)
    share("arith-naive", rows, [f"Question: {r['question']}\nAnswer:" for r in rows], "Answer:")
    share("arith-cot", rows, [f"Question: {r['question']}{STEPS}" for r in rows])
    rows = read_jsonl("known-facts.test.jsonl", count)
    share("known", rows, [f"Question: {r['question']}\nAnswer:" for r in rows], "Answer:")
    rows = read_jsonl("reading.test.jsonl", count)
    share("read-naive", rows, [f"{r['context']}\nQuestion: {r['question']}\nAnswer:" for r in rows], "Answer:")
    share("read-cot", rows, [f"{r['context']}\nQuestion: {r['question']}{STEPS}" for r in rows])
    for name in ("calculator", "documents", "multi-hop"):
        rows = read_jsonl(f"{name}.test.jsonl", count // 2)
        texts, valid = react(model, tokenizer, [r["question"] for r in rows], search)
        scores[f"react-{name}"] = sum(answer_of(text) in r["answer"] for text, r in zip(texts, rows)) / len(rows)
        scores[f"valid-{name}"] = valid
    return scores
