"""TRL's trainers as jobs of the laboratory want them: rows are token ids, order and learning rates are given, events go out."""
import json
import os
import pathlib
import time

import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback
from trl import DPOTrainer, SFTTrainer
from trl.trainer.utils import selective_log_softmax

from protocol import COMPLETE, finite

FIGURES = {
    "rewards/chosen": "chosenReward", "rewards/rejected": "rejectedReward", "rewards/margins": "margin",
    "rewards/accuracies": "accuracy", "logps/chosen": "chosenLogprob", "logps/rejected": "rejectedLogprob",
}


def sync(folder: pathlib.Path):
    """What is in it is on the disk."""
    for path in [*folder.iterdir(), folder]:
        number = os.open(path, os.O_RDONLY)
        os.fsync(number)
        os.close(number)


def preference_of(metrics: dict) -> dict:
    found = {name: finite(name, metrics[key]) for key, name in FIGURES.items() if key in metrics}
    return {"preference": found} if found else {}


class JobTrainer:
    """What both trainers do alike; comes first among the bases."""

    factors: list[float] = [1.0]
    step_tokens = 0

    def create_scheduler(self, num_training_steps, optimizer=None):
        last = len(self.factors) - 1
        self.lr_scheduler = LambdaLR(optimizer or self.optimizer, lambda step: self.factors[min(step, last)])
        return self.lr_scheduler

    def training_step(self, model, inputs, *rest):
        self.step_tokens += int(inputs["attention_mask"].sum())
        return super().training_step(model, inputs, *rest)

    def create_model_card(self, *_, **__):
        """The laboratory writes its own."""

    def validate(self) -> dict:
        """Means over the validation rows, or over their tokens: how rows are batched makes no difference, as it does in TRL."""
        rows, size = self.eval_dataset, self.args.per_device_eval_batch_size
        self.model.eval()
        sums, weights = {}, 0.0
        for start in range(0, len(rows), size):
            batch = self.data_collator([rows[index] for index in range(start, min(start + size, len(rows)))])
            inputs = self._prepare_inputs(batch)
            weight = self.weight_of(inputs)
            with torch.no_grad(), self.compute_loss_context_manager():
                loss = self.compute_loss(self.model, inputs).item()
            figures = {"loss": loss, **{key: values[-1] for key, values in self._metrics["eval"].items()}}
            for key, value in figures.items():
                sums[key] = sums.get(key, 0.0) + value * weight
            weights += weight
        self._metrics["eval"].clear()
        self.model.train()
        means = {key: value / weights for key, value in sums.items()}
        return {"n": len(rows), "loss": finite("the validation loss", means["loss"]), **preference_of(means)}


class PreferenceTrainer(JobTrainer, DPOTrainer):
    sft_weight = 0.0
    chosen_tokens = None
    on_reference = None

    def _prepare_dataset(self, dataset, *_):
        return dataset

    def compute_ref_log_probs(self, model, inputs):
        result = super().compute_ref_log_probs(model, inputs)
        if self.on_reference is not None:
            self.on_reference(self, len(inputs["input_ids"]) // 2)
        return result

    def weight_of(self, inputs) -> float:
        return len(inputs["input_ids"]) / 2

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        self.chosen_tokens = sum(int(b["completion_mask"].chunk(2)[0].sum()) for b in batches) / max(1, len(batches))
        return batches, items

    def _compute_loss(self, model, inputs, return_outputs):
        if self.sft_weight == 0:
            return super()._compute_loss(model, inputs, return_outputs)
        loss, outputs = super()._compute_loss(model, inputs, True)
        # TRL's own "sft" term is a mean over the tokens of a micro-batch, which depends on how a step is cut.
        ids, mask = inputs["input_ids"].chunk(2)[0], inputs["completion_mask"].chunk(2)[0][:, 1:]
        logprobs = selective_log_softmax(outputs.logits[: len(ids), :-1], ids[:, 1:]) * mask
        tokens = self.chosen_tokens if model.training else int(mask.sum())
        loss = loss - self.sft_weight * logprobs.sum() / tokens
        return (loss, outputs) if return_outputs else loss


class TextTrainer(JobTrainer, SFTTrainer):
    """Tokens have weights; the loss is the weighted mean over all tokens of a step."""

    def weight_of(self, inputs) -> float:
        return float(inputs["weights"].sum())

    def _get_num_items_in_batch(self, batch_samples, device):
        return sum(batch["weights"].sum() for batch in batch_samples).to(device)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)
        losses = F.cross_entropy(outputs.logits.float().transpose(1, 2), inputs["targets"], reduction="none")
        total = inputs["weights"].sum() if num_items_in_batch is None else num_items_in_batch
        loss = (losses * inputs["weights"]).sum() / total
        return (loss, outputs) if return_outputs else loss


def collate_texts(rows: list[dict]) -> dict:
    length = max(len(row["input_ids"]) for row in rows)

    def padded(key, kind):
        return torch.tensor([row[key] + [0] * (length - len(row[key])) for row in rows], dtype=kind)

    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (length - len(row["input_ids"])) for row in rows])
    return {
        "input_ids": padded("input_ids", torch.long), "targets": padded("targets", torch.long),
        "weights": padded("weights", torch.float32), "attention_mask": mask,
    }


class Events(TrainerCallback):
    """Sends the events, looks at the validation rows, stops early or when asked to."""

    def __init__(self, channel, settings: dict, rows: int, progress: dict):
        self.channel, self.settings, self.rows = channel, settings, rows
        # Of early stopping; goes into every checkpoint.
        self.progress = progress
        self.reason, self.began, self.trainer = "completed", 0.0, None
        self.validated = -1

    def on_train_begin(self, args, state, control, **_):
        if state.global_step == 0 and self.settings.get("evaluateEvery"):
            self.validate(0)

    def on_step_begin(self, args, state, control, **_):
        self.began = time.perf_counter()

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" not in logs:
            return
        per_step = self.settings["batch"]["size"] * self.settings["batch"]["accumulate"]
        self.channel.send({
            "type": "step", "step": state.global_step, "epoch": state.global_step * per_step / self.rows,
            "loss": finite("the loss", logs["loss"]), "learningRate": logs["learning_rate"],
            "gradientNorm": finite("the gradient's norm", logs["grad_norm"]), "tokens": self.trainer.step_tokens,
            "tookMs": (time.perf_counter() - self.began) * 1000, **preference_of(logs),
        })
        self.trainer.step_tokens = 0
        every = self.settings.get("evaluateEvery")
        if every and state.global_step % every == 0 and state.global_step < state.max_steps:
            self.validate(state.global_step)
            if self.should_stop():
                self.reason, control.should_training_stop, control.should_save = "early-stop", True, True
        if self.channel.cancelled.is_set() and state.global_step < state.max_steps:
            self.reason, control.should_training_stop, control.should_save = "cancelled", True, True

    def on_save(self, args, state, control, **_):
        path = pathlib.Path(args.output_dir) / f"checkpoint-{state.global_step}"
        sync(path)
        # Written last: without it the checkpoint counts as incomplete.
        (path / COMPLETE).write_text(json.dumps(self.progress))
        sync(path)
        self.channel.send({"type": "checkpoint", "step": state.global_step})

    def validate(self, step: int):
        if self.trainer.eval_dataset is None or step == self.validated:
            return
        found = self.trainer.validate()
        self.validated = step
        self.channel.send({"type": "validation", "step": step, **found})
        best, least = self.progress.get("best"), (self.settings.get("earlyStop") or {}).get("minDelta", 0)
        if best is None or found["loss"] < best - least:
            self.progress.update(best=found["loss"], stale=0)
        else:
            self.progress["stale"] += 1

    def should_stop(self) -> bool:
        early = self.settings.get("earlyStop")
        return early is not None and self.progress.get("stale", 0) >= early["patience"]
