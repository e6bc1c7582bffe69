"""The lab model: a small Llama (RMSNorm, rotary positions, SwiGLU, tied embeddings), with the parameter names of Hugging Face."""
import dataclasses

import torch
import torch.nn.functional as F
from torch import nn


@dataclasses.dataclass(frozen=True)
class Shape:
    vocabulary: int = 1536
    width: int = 192
    layers: int = 5
    heads: int = 6
    feed_forward: int = 512
    context: int = 1024
    rope_theta: float = 10000.0
    norm_epsilon: float = 1e-5


class RMSNorm(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.width))
        self.epsilon = shape.norm_epsilon

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.epsilon)


def rotate(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def causal_attention(q, k, v):
    """Plain matrix products: on a CPU and for a few hundred tokens twice as fast, forth and back, as the fused kernel."""
    length = q.shape[2]
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(2, 3)
    hidden = torch.full((length, length), float("-inf"), dtype=scores.dtype).triu(1)
    return (scores + hidden).softmax(-1, dtype=scores.dtype) @ v


class Attention(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.heads = shape.heads
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(shape.width, shape.width, bias=False))

    def forward(self, x, cos, sin, mask, cache):
        batch, length, width = x.shape
        q, k, v = (p(x).view(batch, length, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            if "k" in cache:
                k, v = torch.cat([cache["k"], k], 2), torch.cat([cache["v"], v], 2)
            cache["k"], cache["v"] = k, v
        if mask is None and cache is None:
            out = causal_attention(q, k, v)
        else:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down_proj = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.input_layernorm, self.self_attn = RMSNorm(shape), Attention(shape)
        self.post_attention_layernorm, self.mlp = RMSNorm(shape), FeedForward(shape)

    def forward(self, x, cos, sin, mask, cache):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class LabModel(nn.Module):
    def __init__(self, shape: Shape = Shape()):
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape)
        head = shape.width // shape.heads
        angles = torch.outer(torch.arange(shape.context).float(), 1.0 / shape.rope_theta ** (torch.arange(0, head, 2).float() / head))
        self.register_buffer("cos", torch.cat([angles, angles], -1).cos(), persistent=False)
        self.register_buffer("sin", torch.cat([angles, angles], -1).sin(), persistent=False)
        self.initialise()

    def initialise(self):
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                deviation = 0.02 if "embed" in name else parameter.shape[1] ** -0.5
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    deviation /= (2 * self.shape.layers) ** 0.5
                nn.init.normal_(parameter, std=deviation)

    def forward(self, ids, selected=None, positions=None, mask=None, caches=None, dtype=torch.float32):
        """ids: [batch, length]; selected: flat indices of the positions whose logits are wanted; returns logits [n, vocabulary]."""
        x = self.embed_tokens(ids).to(dtype)
        if positions is None:
            cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        else:
            cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        cos, sin = cos.to(dtype), sin.to(dtype)
        for index, layer in enumerate(self.layers):
            x = layer(x, cos, sin, mask, None if caches is None else caches[index])
        x = self.norm(x)
        if selected is not None:
            x = x.flatten(0, 1)[selected]
        return F.linear(x, self.embed_tokens.weight)
