"""A small text encoder: blocks of the lab model (RMSNorm, rotary positions, SwiGLU) that look both ways, and one of three ends."""
import pathlib
import sys

import torch
from torch import nn

sys.path.append(str(pathlib.Path(__file__).parent.parent / "lab"))
from model import FeedForward, RMSNorm, Shape, rotate  # noqa: E402


class Attention(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.heads = shape.heads
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(shape.width, shape.width, bias=False))

    def forward(self, x, cos, sin, bias):
        batch, length, width = x.shape
        q, k, v = (p(x).view(batch, length, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(2, 3) + bias
        out = scores.softmax(-1, dtype=scores.dtype) @ v
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.input_layernorm, self.self_attn = RMSNorm(shape), Attention(shape)
        self.post_attention_layernorm, self.mlp = RMSNorm(shape), FeedForward(shape)

    def forward(self, x, cos, sin, bias):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, bias)
        return x + self.mlp(self.post_attention_layernorm(x))


class Encoder(nn.Module):
    """classes: 0 for hidden states of all tokens, else so many logits from the first token."""

    def __init__(self, shape: Shape, classes: int):
        super().__init__()
        self.shape, self.classes = shape, classes
        self.embed_tokens, self.embed_segments = nn.Embedding(shape.vocabulary, shape.width), nn.Embedding(2, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape)
        if classes > 0:
            self.head_embed = nn.Linear(shape.width, classes)
        head = shape.width // shape.heads
        angles = torch.outer(torch.arange(shape.context).float(), 1.0 / shape.rope_theta ** (torch.arange(0, head, 2).float() / head))
        self.register_buffer("cos", torch.cat([angles, angles], -1).cos(), persistent=False)
        self.register_buffer("sin", torch.cat([angles, angles], -1).sin(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                deviation = 0.02 if "embed" in name else parameter.shape[1] ** -0.5
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    deviation /= (2 * shape.layers) ** 0.5
                nn.init.normal_(parameter, std=deviation)

    def forward(self, input_ids, attention_mask, token_type_ids):
        """All [batch, length], integers. Returns [batch, length, width], or [batch, classes]."""
        x = self.embed_tokens(input_ids) + self.embed_segments(token_type_ids)
        length = input_ids.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -1e4
        for layer in self.layers:
            x = layer(x, cos, sin, bias)
        x = self.norm(x)
        return x if self.classes == 0 else self.head_embed(x[:, 0])


def mean_pooled(hidden, attention_mask):
    """Vectors of unit length: the mean over the tokens that are no padding."""
    mask = attention_mask[:, :, None].to(hidden.dtype)
    return nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
