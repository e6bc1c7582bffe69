"""
Trains the lab model on the training text: `python train.py --text FOLDER --tokenizer FILE --out FOLDER --hours 1.25`.
Resumes from the newest checkpoint of --out. The learning rate is warmed up, held, and brought to zero over the last quarter of the time.
"""
import argparse
import json
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from evaluate import evaluate
from model import LabModel, Shape
from optimizer import create_optimizers
from transcripts import draw_step, load_streams

STEP_TOKENS = 6000
WARM_UP_STEPS = 60
DECAY_SHARE = 0.25
MUON_LR, ADAM_LR = 0.012, 0.003


def mix_at(progress: float) -> dict[str, float]:
    """The shares of the streams at this point of the training; the file is read anew each time, so that it can be changed on the way."""
    phases = json.loads((pathlib.Path(__file__).parent / "mix.json").read_text())
    return next(phase["shares"] for phase in phases if progress < phase["until"])


def learning_share(step: int, progress: float) -> float:
    return min(1.0, (step + 1) / WARM_UP_STEPS, max(0.0, (1 - progress) / DECAY_SHARE))


def train_step(model, optimizers, batches, share: float) -> float:
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
    total = sum(float(weights.sum()) for *_, weights in batches)
    loss_sum = 0.0
    for ids, selected, targets, weights in batches:
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(ids, selected, dtype=torch.bfloat16)
        loss = (F.cross_entropy(logits.float(), targets, reduction="none") * weights).sum() / total
        loss.backward()
        loss_sum += loss.item()
    for optimizer in optimizers:
        optimizer.step()
    return loss_sum


def save(path: pathlib.Path, model, optimizers, state: dict):
    partial = path.with_suffix(".partial")
    torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "state": state}, partial)
    partial.replace(path)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--text", "--tokenizer", "--out"):
        parser.add_argument(name, required=True)
    parser.add_argument("--hours", type=float, default=1.25)
    parser.add_argument("--minutes-between-checks", type=float, default=5)
    parser.add_argument("--longest", type=int, default=800, help="transcripts with more tokens are left out")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(2)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(options.tokenizer)
    model = LabModel(Shape(vocabulary=tokenizer.get_vocab_size()))
    optimizers = create_optimizers(model, MUON_LR, ADAM_LR)
    streams = load_streams(options.text, options.tokenizer)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    state = {"step": 0, "tokens": 0, "supervised": 0, "seconds": 0.0}
    if (out / "last.pt").exists():
        saved = torch.load(out / "last.pt")
        model.load_state_dict(saved["model"])
        if saved["optimizers"]:
            for optimizer, values in zip(optimizers, saved["optimizers"]):
                optimizer.load_state_dict(values)
        state = saved["state"]
    loop(options, out, model, optimizers, streams, tokenizer, state)


def loop(options, out, model, optimizers, streams, tokenizer, state):
    random = np.random.default_rng([options.seed, state["step"]])
    budget = options.hours * 3600
    check_every = options.minutes_between_checks * 60
    next_check, losses, before = state["seconds"] + check_every / 2, [], time.time()
    while state["seconds"] < budget:
        progress = state["seconds"] / budget
        mix = mix_at(progress)
        batches, tokens = draw_step(streams, mix, STEP_TOKENS, random, options.longest)
        losses.append(train_step(model, optimizers, batches, learning_share(state["step"], progress)))
        state["step"] += 1
        state["tokens"] += tokens
        state["supervised"] += sum(int((weights > 0).sum()) for *_, weights in batches)
        state["seconds"] += time.time() - before
        before = time.time()
        if state["step"] % 50 == 0:
            line = {**state, "seconds": round(state["seconds"]), "loss": round(float(np.mean(losses)), 4)}
            print(json.dumps(line), flush=True)
            losses = []
        if state["seconds"] >= next_check:
            save(out / "last.pt", model, optimizers, state)
            print(json.dumps({"step": state["step"], **{k: round(v, 3) for k, v in evaluate(model, tokenizer).items()}}), flush=True)
            next_check = state["seconds"] + check_every
            before = time.time()
    save(out / "last.pt", model, optimizers, state)
    print(json.dumps({"step": state["step"], **{k: round(v, 3) for k, v in evaluate(model, tokenizer, 200).items()}}), flush=True)


if __name__ == "__main__":
    main()
