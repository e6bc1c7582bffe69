"""
Tokens per second and peak memory of TRL's training steps on a job of the laboratory: `python benchmarks/trl_dpo_speed.py JOB.json`, where
JOB.json is a TrainJob (packages/forge/src/trainer.ts), settings complete; `-` reads it from standard input. Prints one JSON line. Needs
packages/forge/src/trainers/trl/requirements.txt. The trainer is the one that packages/forge/src/trainers/trl/train.py uses.

Tokens are those of prompts and answers, padding not counted; the first WARM_UP steps and the reference model's are not timed.
"""
import argparse
import itertools
import json
import os
import pathlib
import sys
import tempfile
import threading

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "packages" / "forge" / "src" / "trainers" / "trl"))

import transformers

import prepare
import train
import training
from rows import encoder_of

WARM_UP = 3


class Collected:
    """In place of the process that reads the events."""

    def __init__(self):
        self.steps, self.cancelled = [], threading.Event()

    def send(self, message: dict):
        if message["type"] == "step":
            self.steps.append(message)


def measure(job: dict, steps: int) -> dict:
    source, settings = job["model"]["path"], job["settings"]
    device, dtype = prepare.device_and_dtype(job["options"])
    encoder = encoder_of(job, source)
    with open(job["rows"]["train"], encoding="utf-8") as file:
        encoded = (encoder.encode(json.loads(line)) for line in file if line.strip())
        rows = {"train": [row for row in encoded if row is not None], "validation": []}
    per_step = settings["batch"]["size"] * settings["batch"]["accumulate"]
    order = list(itertools.islice(itertools.cycle(range(len(rows["train"]))), steps * per_step))
    collected = Collected()
    events = training.Events(collected, settings, len(rows["train"]), {})
    transformers.set_seed(settings["seed"])
    with tempfile.TemporaryDirectory() as folder:
        arguments = prepare.arguments_of(job, pathlib.Path(folder), steps, device, dtype)
        trainer = prepare.create_trainer(job, rows, encoder.tokenizer, source, arguments, dtype, events, lambda *_: None)
        prepare.complete(trainer, job, pathlib.Path(job["folder"]), {"order": order, "factors": [1.0] * steps}, dtype)
        events.trainer = trainer
        trainer.train()
    timed = collected.steps[WARM_UP:]
    tokens, seconds = sum(step["tokens"] for step in timed), sum(step["tookMs"] for step in timed) / 1000
    return {
        "tokensPerSecond": tokens / seconds, "tokens": tokens, "seconds": seconds, "steps": len(timed),
        "peakMemoryBytes": train.peak_memory(device), "environment": prepare.environment_of(job, device, dtype),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("job", help="a file, or - for standard input")
    parser.add_argument("--steps", type=int, default=13, help=f"{WARM_UP} of them are not timed")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    job = json.load(sys.stdin if given.job == "-" else open(given.job, encoding="utf-8"))
    defaults = {"device": "cpu", "quantization": "none", "dtype": "auto", "precomputeReference": True}
    job["options"] = {**defaults, **job.get("options", {}), "threads": given.threads}
    # Events go nowhere; what the libraries print goes to standard error.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps(measure(job, given.steps)), file=out)


main()
