"""Greedy generation with Hugging Face transformers on the CPU: the peer of evaluation-speed.ts. Reads a job (JSON) from standard input,
writes one JSON line: {"seconds", "tokens", "texts"}. Prompts are padded on the left; a row is done at the end token or at a stop string."""
import json
import sys
import time

import torch
import transformers

job = json.load(sys.stdin)
torch.set_num_threads(job["threads"])
transformers.utils.logging.set_verbosity_error()
model = transformers.AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(job["model"])
bos, eos = model.config.bos_token_id, model.config.eos_token_id
tail = 12


class StopStrings(transformers.StoppingCriteria):
    def __init__(self, stop: list[str]):
        self.stop = stop

    def __call__(self, ids, scores, **_):
        ends = tokenizer.batch_decode(ids[:, -tail:])
        return torch.tensor([any(one in end[-len(one) - 4 :] for one in self.stop) for end in ends])


@torch.inference_mode()
def answer(prompts: list[str], stop: list[str]) -> list[list[int]]:
    rows = [[bos, *tokenizer(prompt, add_special_tokens=False)["input_ids"]] for prompt in prompts]
    longest = max(map(len, rows))
    ids = torch.tensor([[eos] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    written = model.generate(
        input_ids=ids,
        attention_mask=mask,
        do_sample=False,
        max_new_tokens=job["maxTokens"],
        eos_token_id=eos,
        pad_token_id=eos,
        stopping_criteria=transformers.StoppingCriteriaList([StopStrings(stop)]),
    )[:, longest:].tolist()
    return [row[: row.index(eos)] if eos in row else row for row in written]


def text_of(tokens: list[int], stop: list[str]) -> str:
    text = tokenizer.decode(tokens)
    return text[: min([text.find(one) for one in stop if one in text], default=len(text))]


requests = job["requests"]
answer([requests[0]["prompt"]], requests[0]["stop"])
started = time.perf_counter()
texts, tokens = [], 0
for start in range(0, len(requests), job["batch"]):
    batch = requests[start : start + job["batch"]]
    for tokens_of_row in answer([one["prompt"] for one in batch], batch[0]["stop"]):
        tokens += len(tokens_of_row)
        texts.append(text_of(tokens_of_row, batch[0]["stop"]))
print(json.dumps({"seconds": time.perf_counter() - started, "tokens": tokens, "texts": texts}))
