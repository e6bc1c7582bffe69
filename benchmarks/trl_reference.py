"""
Writes what trainers are checked against: packages/forge/src/trainers/native/fixtures/. Stock DPOTrainer and SFTTrainer of TRL on the
lab model in float32 on the CPU, with a fixed order of rows and a fixed initial adapter, every step's figures.
`python benchmarks/trl_reference.py`; needs packages/forge/src/trainers/trl/requirements.txt. Takes about ten minutes on two cores;
`npm run fix` afterwards lays out the JSON as the repository has it.
"""
import json
import math
import os
import pathlib
import platform
import random
import shutil
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import accelerate
import peft
import torch
import transformers
import trl
from datasets import Dataset
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

root = pathlib.Path(__file__).resolve().parent.parent
model_folder = root / "models" / "lab"
fixtures = root / "packages" / "forge" / "src" / "trainers" / "native" / "fixtures"
PAIRS, SIZE, ACCUMULATE, THREADS = 96, 4, 2, 2
tokenizer = AutoTokenizer.from_pretrained(model_folder)
FIGURES = {
    "rewards/chosen": "chosenReward", "rewards/rejected": "rejectedReward", "rewards/margins": "margin",
    "rewards/accuracies": "accuracy", "logps/chosen": "chosenLogprob", "logps/rejected": "rejectedLogprob",
}


def wrong_answer(right: int, draw: random.Random) -> int:
    return max(0, right + draw.choice([-10, -3, -2, -1, 1, 2, 3, 10])) if right > 10 else right + draw.choice([1, 2, 3, 10])


def make_pairs() -> list[dict]:
    """Right before wrong answers to word problems: in turn the number alone, and the derivation before it."""
    draw = random.Random(1)
    rows = [json.loads(line) for line in (root / "datasets/lab-world/arithmetic.train.jsonl").open()][:PAIRS]
    pairs = []
    for index, row in enumerate(rows):
        right = row["answer"][0]
        wrong = str(wrong_answer(int(right), draw))
        chosen, rejected = f" {right}", f" {wrong}"
        if index % 2 == 1:
            steps = row["rationale"]
            chosen, rejected = f"\n{steps}\nAnswer: {right}", f"\n{steps.rsplit(' ', 1)[0]} {wrong}\nAnswer: {wrong}"
        prompt = f"Question: {row['question']}\nAnswer:"
        pairs.append({"kind": "preference", "id": row["id"], "prompt": prompt, "chosen": chosen, "rejected": rejected})
    return pairs


def encode(text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def ids_of(pair: dict) -> dict:
    """[begin] + prompt; answer + [end]; each text encoded by itself."""
    answers = {f"{side}_ids": encode(pair[side]) + [tokenizer.eos_token_id] for side in ("chosen", "rejected")}
    return {"prompt_ids": [tokenizer.bos_token_id] + encode(pair["prompt"]), **answers}


class PreparedDPOTrainer(DPOTrainer):
    """The rows are token ids already."""

    def _prepare_dataset(self, dataset, *_):
        return dataset


class Recorder(TrainerCallback):
    def __init__(self):
        self.steps, self.tokens = [], 0

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" not in logs:
            return
        preference = {name: logs[key] for key, name in FIGURES.items() if key in logs}
        self.steps.append({
            "step": state.global_step, "loss": logs["loss"], "learningRate": logs["learning_rate"], "gradientNorm": logs["grad_norm"],
            "tokens": int(logs["num_tokens"] - self.tokens), **({"preference": preference} if preference else {}),
        })
        self.tokens = logs["num_tokens"]


def base_model():
    return AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)


def lora() -> LoraConfig:
    return LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=["q_proj", "v_proj"], bias="none", task_type="CAUSAL_LM")


def write_initial_adapter():
    torch.manual_seed(1)
    folder = fixtures / "initial-adapter"
    get_peft_model(base_model(), lora()).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "models/lab"
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "adapter_model.safetensors").chmod(0o644)


def arguments(steps: int, folder: str) -> dict:
    return dict(
        output_dir=folder, max_steps=steps, per_device_train_batch_size=SIZE, gradient_accumulation_steps=ACCUMULATE,
        learning_rate=1e-3, lr_scheduler_type="linear", warmup_steps=0, weight_decay=0.0, max_grad_norm=1.0, optim="adamw_torch",
        train_sampling_strategy="sequential", logging_steps=1, logging_nan_inf_filter=False, save_strategy="no", report_to=[],
        gradient_checkpointing=False, bf16=False, use_cpu=True, seed=1, disable_tqdm=True, max_length=None,
    )


def run(trainer) -> list[dict]:
    set_peft_model_state_dict(trainer.model, load_file(fixtures / "initial-adapter" / "adapter_model.safetensors"))
    recorder = Recorder()
    trainer.add_callback(recorder)
    trainer.train()
    return recorder.steps


def dpo(pairs: list[dict], steps: int, precompute: bool = False, **loss) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        trainer = PreparedDPOTrainer(
            model=base_model(), args=DPOConfig(**arguments(steps, folder), beta=0.1, precompute_ref_log_probs=precompute, **loss),
            train_dataset=in_order(pairs, steps, ids_of), processing_class=tokenizer, peft_config=lora(),
        )
        return run(trainer)


def sft(pairs: list[dict], steps: int) -> list[dict]:
    def row(pair):
        ids = ids_of(pair)
        prompt, answer = ids["prompt_ids"], ids["chosen_ids"]
        return {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}

    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=base_model(), args=SFTConfig(**arguments(steps, folder), loss_type="nll"),
            train_dataset=in_order(pairs, steps, row), processing_class=tokenizer, peft_config=lora(),
        )
        return run(trainer)


def in_order(pairs: list[dict], steps: int, row) -> Dataset:
    """Every step has as many rows: passes over the rows follow each other without a gap."""
    return Dataset.from_list([row(pairs[index % len(pairs)]) for index in range(steps * SIZE * ACCUMULATE)])


@torch.no_grad()
def golden_logprobs(pairs: list[dict]) -> list[dict]:
    """Of the base model, one sequence at a time: summed over the answer's tokens, the end token included."""
    model = base_model().eval()
    rows = []
    for index, pair in enumerate(pairs):
        ids = ids_of(pair)
        prompt = ids["prompt_ids"]
        row = {"id": pair["id"], "promptTokens": len(prompt)}
        for side in ("chosen", "rejected"):
            answer = ids[f"{side}_ids"]
            logprobs = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            row[f"{side}Tokens"] = len(answer)
            row[f"{side}Logprob"] = logprobs[range(len(answer)), answer].sum().item()
        if index < 4:
            row["ids"] = {"prompt": prompt, "chosen": ids["chosen_ids"], "rejected": ids["rejected_ids"]}
        rows.append(row)
    return rows


def settings(objective: dict, steps: int) -> dict:
    """As training-settings.ts has them."""
    return {
        "objective": objective, "lora": {"rank": 16, "alpha": 32, "targets": ["q_proj", "v_proj"], "dropout": 0},
        "optimizer": {"name": "adamw", "learningRate": 1e-3, "schedule": "linear", "warmup": 0, "maxGradientNorm": 1},
        "batch": {"size": SIZE, "accumulate": ACCUMULATE}, "epochs": math.ceil(steps * SIZE * ACCUMULATE / PAIRS), "maxSteps": steps,
        "shuffle": False, "seed": 1,
    }


def main():
    torch.set_num_threads(THREADS)
    fixtures.mkdir(parents=True, exist_ok=True)
    pairs = make_pairs()
    (fixtures / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    shutil.rmtree(fixtures / "initial-adapter", ignore_errors=True)
    write_initial_adapter()
    # TRL's "robust" loss is ((1-e) a - e b) / (1-2e); with e = -s/(1-2s) that is the conservative loss (1-s) a + s b of
    # https://ericmitchell.ai/cdpo.pdf, which TRL has no name for.
    smoothing = 0.1
    runs = {
        "sigmoid": ({"name": "dpo", "loss": "sigmoid", "beta": 0.1}, dpo(pairs, 50)),
        "ipo": ({"name": "dpo", "loss": "ipo", "beta": 0.1}, dpo(pairs, 10, loss_type=["ipo"])),
        "labelSmoothing": (
            {"name": "dpo", "loss": "sigmoid", "beta": 0.1, "labelSmoothing": smoothing},
            dpo(pairs, 10, loss_type=["robust"], label_smoothing=-smoothing / (1 - 2 * smoothing)),
        ),
        "sft": ({"name": "sft", "promptWeight": 0}, sft(pairs, 10)),
    }
    reference = {
        "madeBy": "benchmarks/trl_reference.py",
        "environment": {
            "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
            "trl": trl.__version__, "peft": peft.__version__, "accelerate": accelerate.__version__, "device": "cpu",
            "dtype": "float32", "threads": THREADS, "machine": platform.machine(),
        },
        "model": "models/lab",
        "runs": {name: {"settings": settings(objective, len(steps)), "steps": steps} for name, (objective, steps) in runs.items()},
        "logprobs": golden_logprobs(pairs),
    }
    (fixtures / "trl-reference.json").write_text(json.dumps(reference, indent=1) + "\n")


main()
