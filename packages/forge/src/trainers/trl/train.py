"""
One training with TRL: started by trl.ts, which gives the job on standard input; see protocol.py. Checkpoints are those of Hugging
Face's Trainer, complete where they hold `forge.json`.
"""
import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import time

try:
    import resource
except ImportError:  # Windows
    resource = None

from protocol import COMPLETE, Channel, ConfigProblem, Files, TrainingProblem

os.environ.update(TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1", HF_HUB_DISABLE_TELEMETRY="1")


def folder_of(job: dict) -> pathlib.Path:
    """The job's own, or on another machine one that the same job finds again."""
    if job["folder"] is not None:
        return pathlib.Path(job["folder"])
    home = os.environ.get("FORGE_TRAIN_HOME") or pathlib.Path.home() / ".cache" / "llm-forge" / "trainings"
    return pathlib.Path(home) / job["id"]


def newest_checkpoint(folder: pathlib.Path) -> tuple[pathlib.Path | None, int]:
    """Removes those that a sudden end left incomplete."""
    found = [(int(match[1]), path) for path in folder.glob("checkpoint-*") if (match := re.fullmatch(r"checkpoint-(\d+)", path.name))]
    for _, path in found:
        if not (path / COMPLETE).is_file():
            shutil.rmtree(path)
    step, path = max(((step, path) for step, path in found if path.is_dir()), default=(0, None))
    return path, step


def receive_files(channel, folder: pathlib.Path):
    files = Files(folder)
    while (message := channel.read())["type"] != "files-end":
        files.add(message)


def read_rows(channel, encoder) -> tuple[dict[str, list], int]:
    """And how many of the training rows are too long."""
    rows, left_out = {"train": [], "validation": []}, 0
    while (message := channel.read())["type"] != "rows-end":
        encoded = encoder.encode(message["row"])
        if encoded is not None:
            rows[message["split"]].append(encoded)
        elif message["split"] == "train":
            left_out += 1
    return rows, left_out


def peak_memory(device: str) -> int:
    import torch

    if device == "cuda":
        return torch.cuda.max_memory_reserved()
    if resource is None:
        import psutil

        return psutil.Process().memory_info().peak_wset
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def save_result(trainer, job, folder: pathlib.Path, source: str) -> pathlib.Path:
    """Written beside and renamed: it is there whole or not at all."""
    result = folder / ("adapter" if job["settings"]["lora"] else "model")
    partial = folder / f"{result.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    trainer.model.save_pretrained(partial)
    (partial / "README.md").unlink(missing_ok=True)
    if job["settings"]["lora"]:
        path = partial / "adapter_config.json"
        config = {**json.loads(path.read_text("utf-8")), "base_model_name_or_path": job["model"]["reference"], "revision": job["model"].get("revision")}
        path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    else:
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.model", "chat_template.jinja"):
            if (pathlib.Path(source) / name).is_file():
                shutil.copy(pathlib.Path(source) / name, partial / name)
    shutil.rmtree(result, ignore_errors=True)
    partial.rename(result)
    return result


class Start:
    """Says that the training starts, once the model is there, and how far its preparation is."""

    def __init__(self, channel, started: dict, total: int):
        self.channel, self.started, self.total = channel, started, total
        self.said, self.done, self.told = False, 0, 0.0

    def say(self, trainer):
        import prepare

        if not self.said:
            self.channel.send({"type": "started", **self.started, "parameters": prepare.parameters_of(trainer), "memoryBytes": None})
        self.said = True

    def on_reference(self, trainer, pairs: int):
        self.say(trainer)
        self.done += pairs
        if time.perf_counter() - self.told > 1 or self.done == self.total:
            self.channel.send({"type": "preparing", "stage": "reference log-probabilities", "done": self.done, "total": self.total})
            self.told = time.perf_counter()


def train_steps(trainer, events, channel, checkpoint, done: int, total: int) -> int:
    """The steps that are left; the last step that was done."""
    # From here on the end of a step is waited for.
    channel.on_cancel = None
    if channel.cancelled.is_set():
        events.reason = "cancelled"
    elif events.should_stop():
        events.reason = "early-stop"
    elif done < total:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        return trainer.state.global_step
    if checkpoint:
        trainer._load_from_checkpoint(str(checkpoint), trainer.model)
    return done


def other_versions(pinned: dict) -> str:
    found = {name: importlib.metadata.version(name) for name in pinned}
    return ", ".join(f"{name} {found[name]} (tested: {wanted})" for name, wanted in pinned.items() if found[name].split("+")[0] != wanted)


def run(channel: Channel):
    began = time.perf_counter()
    job = channel.read()
    folder = folder_of(job)
    folder.mkdir(parents=True, exist_ok=True)
    receive_files(channel, folder)
    source = job["model"].get("hub") or job["model"].get("path") or str(folder / "base-model")
    if not job["model"].get("hub"):
        os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers

    import prepare
    from rows import encoder_of
    from training import Events

    if others := other_versions(job["pinned"]):
        channel.send({"type": "warning", "message": f"other versions than this trainer was tested with: {others}"})
    device, dtype = prepare.device_and_dtype(job["options"])
    encoder = encoder_of(job, source)
    rows, left_out = read_rows(channel, encoder)
    channel.send({"type": "rows", "train": len(rows["train"])})
    plan = channel.read()
    channel.watch()
    total = len(plan["factors"])
    checkpoint, done = newest_checkpoint(folder / "checkpoints")
    events = Events(channel, job["settings"], len(rows["train"]), json.loads((checkpoint / COMPLETE).read_text()) if checkpoint else {})
    start = Start(channel, {
        "totalSteps": total, "doneSteps": done, "rows": len(rows["train"]), "leftOut": left_out,
        "environment": prepare.environment_of(job, device, dtype),
    }, len(rows["train"]) + len(rows["validation"]))
    transformers.set_seed(job["settings"]["seed"])
    arguments = prepare.arguments_of(job, folder, total, device, dtype)
    trainer = prepare.create_trainer(job, rows, encoder.tokenizer, source, arguments, dtype, events, start.on_reference)
    start.say(trainer)
    prepare.complete(trainer, job, folder, plan, dtype)
    events.trainer = trainer
    step = train_steps(trainer, events, channel, checkpoint, done, total)
    if events.reason != "cancelled":
        events.validate(step)
        result = save_result(trainer, job, folder, source)
        if job["folder"] is None:
            channel.send_files(folder, result)
    channel.send({
        "type": "finished", "step": step, "reason": events.reason, "wallMs": (time.perf_counter() - began) * 1000,
        "peakMemoryBytes": peak_memory(device),
    })
    if job["folder"] is None and events.reason != "cancelled":
        channel.received.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    channel = Channel()
    signal.signal(signal.SIGTERM, lambda *_: channel.cancelled.set())
    try:
        run(channel)
    except ImportError as error:
        report(channel, "config", f"{sys.executable} lacks a package ({error}); install what packages/forge/src/trainers/trl/requirements.txt lists into it")
    except ConfigProblem as error:
        report(channel, "config", str(error))
    except TrainingProblem as error:
        report(channel, "trainer", str(error))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "allocate memory" in str(error):
            advice = "lower batch.size (and raise batch.accumulate), lower maxLength, or set quantization: 4bit"
            report(channel, "config", f"the training does not fit into memory: {advice} ({str(error)[:300]})")
        else:
            raise


def report(channel: Channel, kind: str, message: str):
    channel.send({"type": "error", "kind": kind, "message": message})
    os._exit(1)


if __name__ == "__main__":
    main()
