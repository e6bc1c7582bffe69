"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) for the matrices of the blocks, AdamW for the rest."""
import torch


def orthogonalise(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """The nearest semi-orthogonal matrices of a stack [n, rows, columns], by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16()
    flipped = x.shape[1] > x.shape[2]
    if flipped:
        x = x.transpose(1, 2)
    x = x / (x.float().norm(dim=(1, 2), keepdim=True).bfloat16() + 1e-7)
    for _ in range(steps):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.transpose(1, 2) if flipped else x).float()


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(list(parameters), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes: dict[torch.Size, list[torch.Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in shapes.items():
                self.update(group, shape, parameters)

    def update(self, group, shape, parameters):
        directions = []
        for parameter in parameters:
            state = self.state[parameter]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(parameter)
            momentum = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
            directions.append(parameter.grad.lerp(momentum, group["momentum"]))
        scale = max(1, shape[0] / shape[1]) ** 0.5
        for parameter, update in zip(parameters, orthogonalise(torch.stack(directions))):
            parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"] * scale)


def create_optimizers(model, muon_lr: float, adam_lr: float):
    """Queries and keys get a third of the rate and more decay: at the full rate the attention scores grew past 80, attention became hard
    and nothing new could be learnt by it. (Normalised queries and keys, the usual remedy, are not part of the Llama architecture.)"""
    matrices = {name: p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name}
    pointing = [p for name, p in matrices.items() if "q_proj" in name or "k_proj" in name]
    others = [p for name, p in matrices.items() if not ("q_proj" in name or "k_proj" in name)]
    rest = [p for name, p in model.named_parameters() if name not in matrices]
    muon = Muon(
        [{"params": others, "peak": muon_lr}, {"params": pointing, "peak": muon_lr / 3, "weight_decay": 0.1}], lr=muon_lr
    )
    adam = torch.optim.AdamW([{"params": rest, "peak": adam_lr}], lr=adam_lr, betas=(0.9, 0.95), weight_decay=0.0)
    return [muon, adam]
