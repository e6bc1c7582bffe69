"""Compares the GGUF through llama.cpp (the output of compare.ts) with the Hugging Face files beside this one: `python compare.py FILE`."""
import json
import pathlib
import sys

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

here = pathlib.Path(__file__).parent
tokenizer = Tokenizer.from_file(str(here / "tokenizer.json"))
model = LlamaForCausalLM.from_pretrained(here, dtype=torch.float32).eval()


@torch.no_grad()
def main():
    same, difference, lines = 0, 0.0, [json.loads(line) for line in open(sys.argv[1])]
    for line in lines:
        ids = torch.tensor([[0, *tokenizer.encode(line["stepwise"], add_special_tokens=False).ids]])
        new = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=60, do_sample=False, pad_token_id=1)[0, ids.shape[1]:]
        text = tokenizer.decode(new.tolist(), skip_special_tokens=True)
        same += text.split("\n\n")[0] == line["text"].split("\n\n")[0]
        before = [0, *tokenizer.encode(line["direct"], add_special_tokens=False).ids]
        after = tokenizer.encode(line["target"], add_special_tokens=False).ids
        logits = model(torch.tensor([before + after])).logits[0, len(before) - 1 : -1].log_softmax(-1)
        likelihood = -logits[range(len(after)), after].sum().item()
        assert len(after) == line["tokens"], "the two tokenizers disagree"
        difference = max(difference, abs(likelihood - line["sum"]))
    print(f"greedy texts equal: {same} of {len(lines)}; largest difference of a negative log-likelihood: {difference:.4f} nats")


main()
