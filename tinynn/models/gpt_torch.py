"""The GPT of `gpt.py` written in PyTorch, which loads it: the same names, so that the same weights fit."""

from __future__ import annotations

import contextlib
import importlib
import math
from typing import Any

from .gpt import GPT as OurGPT

torch: Any = None
F: Any = None
with contextlib.suppress(ImportError):  # it can be read without PyTorch; `to_torch` says what to install
    torch = importlib.import_module("torch")
    F = torch.nn.functional
Module: Any = object if torch is None else torch.nn.Module


def rotary(x: Any, base: float) -> Any:
    """(N, H, T, E), halves paired, row t turned by t base^(-2 e / E)."""
    half = x.shape[-1] // 2
    frequencies = base ** (-torch.arange(half, device=x.device, dtype=torch.float64) / half)
    angles = torch.arange(x.shape[-2], device=x.device)[:, None] * frequencies  # (T, E / 2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Attention(Module):
    def __init__(self, ours: Any, width: int, bias: bool) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.rotary, self.p = ours.heads, ours.kv_heads, ours.rotary, ours.dropout
        self.sizes = list(ours.sizes)
        self.qkv = torch.nn.Linear(width, sum(self.sizes), bias)
        self.proj = torch.nn.Linear(width, width, bias)

    def forward(self, x: Any) -> Any:
        n, t, width = x.shape
        q, k, v = self.qkv(x).split(self.sizes, -1)
        heads = (self.heads, self.kv_heads, self.kv_heads)
        q, k, v = (a.view(n, t, h, width // self.heads).transpose(1, 2) for a, h in zip((q, k, v), heads))
        if self.rotary is not None:
            q, k = rotary(q, self.rotary), rotary(k, self.rotary)
        k, v = (a.repeat_interleave(self.heads // self.kv_heads, 1) for a in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.p * self.training, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(n, t, width))


class GELUNet(Module):
    def __init__(self, width: int, bias: bool) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(width, 4 * width, bias)
        self.proj = torch.nn.Linear(4 * width, width, bias)

    def forward(self, x: Any) -> Any:
        return self.proj(F.gelu(self.fc(x)))


class SwiGLUNet(Module):
    def __init__(self, width: int, bias: bool) -> None:
        super().__init__()
        hidden = 8 * math.ceil(8 * width / 3 / 8)
        self.gate, self.up = (torch.nn.Linear(width, hidden, bias) for _ in range(2))
        self.proj = torch.nn.Linear(hidden, width, bias)

    def forward(self, x: Any) -> Any:
        return self.proj(F.silu(self.gate(x)) * self.up(x))


class Block(Module):
    def __init__(self, ours: Any, config: dict[str, Any]) -> None:
        super().__init__()
        width, bias = config["width"], config["bias"]
        norm: Any = {"layer": torch.nn.LayerNorm, "rms": torch.nn.RMSNorm}[config["norm"]]
        net: Any = {"gelu": GELUNet, "swiglu": SwiGLUNet}[config["mlp"]]
        self.norm1, self.attention = norm(width), Attention(ours.attention, width, bias)
        self.norm2, self.mlp = norm(width), net(width, bias)
        self.dropout = torch.nn.Dropout(config["dropout"])

    def forward(self, x: Any) -> Any:
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.mlp(self.norm2(x)))


class GPT(Module):
    """tokens (N, T) -> logits (N, T, V), with the names and shapes of `tinynn.models.GPT`."""

    def __init__(self, ours: OurGPT) -> None:
        super().__init__()
        config: dict[str, Any] = dict(ours.config)
        width = config["width"]
        self.embed = torch.nn.Embedding(config["vocabulary"], width)
        self._positions(config)
        self.dropout = torch.nn.Dropout(config["dropout"])
        self.blocks = torch.nn.ModuleList(Block(block, config) for block in ours.blocks)
        self.norm: Any = {"layer": torch.nn.LayerNorm, "rms": torch.nn.RMSNorm}[config["norm"]](width)
        self.out = torch.nn.Linear(width, config["vocabulary"], bias=False)
        if config["tied"]:
            self.out.weight = self.embed.weight

    def _positions(self, config: dict[str, Any]) -> None:
        from ..nn.positions import sinusoids

        self.positions = None
        if config["positions"] == "learned":
            self.positions = torch.nn.Embedding(config["context"], config["width"])
        waves = config["positions"] == "sinusoidal"
        table = torch.from_numpy(sinusoids(config["context"], config["width"])) if waves else None
        self.register_buffer("waves", table, persistent=False)

    def forward(self, tokens: Any) -> Any:
        x, t = self.embed(tokens), tokens.shape[1]
        if self.positions is not None:
            x = x + self.positions.weight[:t]
        if self.waves is not None:
            x = x + self.waves[:t]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x))
