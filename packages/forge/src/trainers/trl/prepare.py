"""From a job to one of TRL's trainers, ready to train."""
import pathlib
import platform

import accelerate
import peft
import torch
import transformers
import trl
from datasets import Dataset
from peft import LoraConfig, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, PrinterCallback
from trl import DPOConfig, SFTConfig
from trl.trainer.utils import disable_dropout_in_model

from protocol import ConfigProblem
from training import PreferenceTrainer, TextTrainer, collate_texts


def device_and_dtype(options: dict) -> tuple[str, torch.dtype]:
    if options["threads"]:
        torch.set_num_threads(options["threads"])
    cuda = torch.cuda.is_available()
    if options["device"] == "cuda" and not cuda:
        raise ConfigProblem(
            f"device: cuda, but PyTorch {torch.__version__} sees no CUDA device; install a CUDA build of torch and a driver, or set device: auto"
        )
    device = "cuda" if cuda and options["device"] != "cpu" else "cpu"
    if options["quantization"] == "4bit" and device != "cuda":
        raise ConfigProblem("quantization: 4bit needs an NVIDIA GPU, and there is none; set it to none, or give command: a machine with a GPU")
    if options["dtype"] != "auto":
        return device, getattr(torch, options["dtype"])
    if device == "cpu":
        return device, torch.float32
    return device, torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def load_model(job: dict, source: str, dtype):
    revision = job["model"].get("revision")
    # Trained weights are kept in float32: small updates vanish in fewer bits.
    loaded = dtype if job["settings"]["lora"] else "float32"
    arguments = {"dtype": loaded, "revision": revision}
    if job["options"]["quantization"] == "4bit":
        arguments["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
        arguments["device_map"] = {"": 0}
    try:
        if job["settings"]["objective"]["name"] == "pretrain":
            return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source, revision=revision), dtype=loaded)
        # Never a pickle, which runs programs as it is loaded.
        return AutoModelForCausalLM.from_pretrained(source, use_safetensors=True, **arguments)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ConfigProblem(f"model {job['model']['reference']}: cannot be loaded: {error}") from error


def arguments_of(job: dict, folder: pathlib.Path, steps: int, device: str, dtype) -> dict:
    settings, optimizer, batch = job["settings"], job["settings"]["optimizer"], job["settings"]["batch"]
    small = job["options"]["quantization"] == "4bit"
    return dict(
        output_dir=str(folder / "checkpoints"), max_steps=steps, per_device_train_batch_size=batch["size"],
        per_device_eval_batch_size=batch["size"], gradient_accumulation_steps=batch["accumulate"],
        learning_rate=optimizer["learningRate"], adam_beta1=optimizer["betas"][0], adam_beta2=optimizer["betas"][1],
        adam_epsilon=optimizer["epsilon"], weight_decay=optimizer["weightDecay"], max_grad_norm=optimizer["maxGradientNorm"],
        optim="paged_adamw_8bit" if small else "adamw_torch", train_sampling_strategy="sequential", seed=settings["seed"],
        data_seed=settings["seed"], logging_steps=1, logging_nan_inf_filter=False, save_strategy="steps",
        save_steps=settings["checkpointEvery"], save_total_limit=2, eval_strategy="no", report_to=[], disable_tqdm=True,
        gradient_checkpointing=small, bf16=dtype == torch.bfloat16, fp16=dtype == torch.float16, use_cpu=device == "cpu",
        max_length=None, remove_unused_columns=False,
    )


def loss_arguments(objective: dict) -> dict:
    """TRL's name and numbers for a loss."""
    smoothing = objective["labelSmoothing"]
    if objective["loss"] == "ipo" or smoothing == 0:
        return {"loss_type": [objective["loss"]], "beta": objective["beta"]}
    # "robust" is ((1-e) a - e b) / (1-2e); with e = -s/(1-2s) that is (1-s) a + s b, the conservative loss, which TRL does not have.
    return {"loss_type": ["robust"], "label_smoothing": -smoothing / (1 - 2 * smoothing), "beta": objective["beta"]}


def create_trainer(job, rows, tokenizer, source, arguments, dtype, events, on_reference):
    settings, objective = job["settings"], job["settings"]["objective"]
    lora = settings["lora"] and LoraConfig(
        r=settings["lora"]["rank"], lora_alpha=settings["lora"]["alpha"], lora_dropout=settings["lora"]["dropout"],
        target_modules=settings["lora"]["targets"], bias="none", task_type="CAUSAL_LM",
    )
    model = load_model(job, source, dtype)
    # Of the model itself; that of the adapter stays.
    disable_dropout_in_model(model)
    model.config.attention_dropout = 0.0
    common = dict(
        model=model, train_dataset=Dataset.from_list(rows["train"]), eval_dataset=Dataset.from_list(rows["validation"]) if rows["validation"] else None,
        processing_class=tokenizer, callbacks=[events], peft_config=lora or None,
    )
    if objective["name"] != "dpo":
        config = SFTConfig(**arguments, loss_type="nll", dataset_kwargs={"skip_prepare_dataset": True})
        return TextTrainer(**common, args=config, data_collator=collate_texts)
    precompute = job["options"]["precomputeReference"]
    config = DPOConfig(**arguments, **loss_arguments(objective), precompute_ref_log_probs=precompute, disable_dropout=False)
    reference = None if lora or precompute else load_model(job, source, dtype)
    PreferenceTrainer.on_reference = staticmethod(on_reference)
    trainer = PreferenceTrainer(**common, args=config, ref_model=reference)
    trainer.sft_weight = objective["sftWeight"]
    return trainer


def complete(trainer, job, folder, plan, dtype):
    trainer.train_dataset = trainer.train_dataset.select(plan["order"])
    trainer.factors = plan["factors"]
    # What is logged goes out as events already.
    trainer.remove_callback(PrinterCallback)
    if job["options"]["quantization"] == "4bit" and dtype == torch.float16:
        # TRL leaves the adapter in bfloat16, which the gradient scaler of float16 cannot have.
        for parameter in trainer.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    initial = folder / "initial-adapter" / "adapter_model.safetensors"
    if job["settings"]["lora"] and initial.is_file():
        found = set_peft_model_state_dict(trainer.model, load_file(initial))
        if found.unexpected_keys:
            raise ConfigProblem(f"initial-adapter: has {found.unexpected_keys[0]}, which the settings of lora do not")


def parameters_of(trainer) -> dict:
    if hasattr(trainer.model, "get_nb_trainable_parameters"):
        trained, total = trainer.model.get_nb_trainable_parameters()
        return {"trained": trained, "total": total}
    counts = [(p.numel(), p.requires_grad) for p in trainer.model.parameters()]
    return {"trained": sum(n for n, yes in counts if yes), "total": sum(n for n, _ in counts)}


def environment_of(job, device, dtype) -> dict:
    name = torch.cuda.get_device_name(0) if device == "cuda" else "cpu"
    versions = {module.__name__: module.__version__ for module in (torch, transformers, trl, peft, accelerate)}
    return {
        "trainer": "trl", "python": platform.python_version(), **versions, "device": name, "threads": torch.get_num_threads(),
        "dtype": str(dtype).removeprefix("torch."), "quantization": job["options"]["quantization"], "system": platform.system(),
    }
