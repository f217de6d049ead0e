"""A model in PyTorch: the same names, the same weights, the same logits; without PyTorch, a sentence."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn
from tinynn import interop, nn
from tinynn.errors import ArgumentError, DeviceError
from tinynn.interop import to_torch
from tinynn.models import GPT, MLP

pytestmark = pytest.mark.usefixtures("seeded")

GPTS = [
    {},
    {"norm": "rms", "positions": "rotary", "mlp": "swiglu", "kv_heads": 2, "bias": False, "dropout": 0.1},
    {"positions": "sinusoidal", "tied": False, "kv_heads": 1},
]
each_gpt = pytest.mark.parametrize("options", GPTS, ids=lambda o: "-".join(map(str, o.values())) or "plain")


def test_without_pytorch_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(interop, "has_torch", lambda: False)
    with pytest.raises(DeviceError, match=r"to_torch.*PyTorch.*pip install torch"):
        to_torch(nn.Linear(2, 3))


def test_tinynn_does_without_pytorch_and_can_still_be_read():
    import inspect

    from tinynn.models import gpt_torch

    assert "scaled_dot_product_attention" in inspect.getsource(gpt_torch.Attention)


@pytest.mark.torch
@each_gpt
def test_a_gpt_has_the_same_logits(options):
    import torch

    ours = GPT(20, 12, 2, 4, 32, **options).eval()
    for p in ours.parameters():  # zeros and ones would hide a mistake
        p.data += np.random.default_rng(p.size).normal(0, 0.1, p.shape).astype(np.float32)
    tokens = np.random.default_rng(0).integers(0, 20, (3, 9))
    theirs = to_torch(ours)
    with torch.no_grad(), tinynn.no_grad():
        np.testing.assert_allclose(theirs(torch.from_numpy(tokens)), ours(tokens).data, atol=2e-5)
    assert not theirs.training
    assert sum(p.numel() for p in theirs.parameters()) == sum(p.size for p in ours.parameters())


@pytest.mark.torch
def test_weights_are_copies_and_dtypes_stay():
    ours = nn.Linear(2, 3)
    ours.weight.data = ours.weight.data.astype(np.float64)
    ours.bias.data = ours.bias.data.astype(np.float64)
    before, theirs = ours.weight.data.copy(), to_torch(ours)
    theirs.weight.data.zero_()
    np.testing.assert_array_equal(ours.weight.data, before)
    assert str(theirs.weight.dtype) == "torch.float64"


@pytest.mark.torch
def test_layers_in_a_row_have_the_same_outputs():
    import torch

    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
    rows = [nn.Flatten(), nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.RMSNorm(8), nn.Dropout(0.5)]
    activations = [nn.ReLU(), nn.LeakyReLU(0.2), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.Identity()]
    ours = nn.Sequential(*rows, nn.Sequential(*activations, nn.Linear(8, 2, bias=False))).eval()
    for model in (ours, MLP(6, 5, 2).eval()):
        np.testing.assert_allclose(
            to_torch(model)(torch.from_numpy(x)).detach(), model(x).data, rtol=1e-5, atol=1e-6
        )


@pytest.mark.torch
def test_what_has_no_counterpart_is_named():
    with pytest.raises(ArgumentError, match="SelfAttention"):
        to_torch(nn.Sequential(nn.Linear(4, 4), nn.SelfAttention(4, 2)))
