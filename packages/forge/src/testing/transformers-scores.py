"""
Log-probabilities by transformers and PEFT, float32, on the CPU: `python transformers-scores.py MODEL_FOLDER [ADAPTER_FOLDER]`.
Reads a JSON list of {prompt, continuation} from stdin, writes {"versions": ..., "totals": [nats], "tokens": [[token]]} to stdout.
The begin token comes first; prompt and continuation are tokenised together.
"""
import json
import sys

import torch
import transformers
from tokenizers import Tokenizer

model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
versions = {"torch": torch.__version__, "transformers": transformers.__version__}
if len(sys.argv) > 2:
    import peft

    model = peft.PeftModel.from_pretrained(model, sys.argv[2])
    versions["peft"] = peft.__version__
model.eval()
tokenizer = Tokenizer.from_file(f"{sys.argv[1]}/tokenizer.json")
totals, tokens = [], []
for item in json.load(sys.stdin):
    before = [0, *tokenizer.encode(item["prompt"], add_special_tokens=False).ids]
    encoded = tokenizer.encode(item["prompt"] + item["continuation"], add_special_tokens=False)
    whole = [0, *encoded.ids]
    start = next((i for i, (a, b) in enumerate(zip(before, whole)) if a != b), len(before))
    with torch.no_grad():
        logprobs = model(torch.tensor([whole])).logits[0, :-1].double().log_softmax(-1)
    totals.append(sum(logprobs[i - 1, whole[i]].item() for i in range(start, len(whole))))
    tokens.append([tokenizer.decode([token], skip_special_tokens=False) for token in whole[start:]])
json.dump({"versions": versions, "totals": totals, "tokens": tokens}, sys.stdout)
