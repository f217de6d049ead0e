"""Convolutional models and layers: they learn, keep the order of memory, and run on a student's functions."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn
from tinynn import Tensor, memory, nn, ops, optim
from tinynn import functional as F
from tinynn.backends import has_numba
from tinynn.models import DigitCNN, LeNet, ResNet

needs_numba = pytest.mark.skipif(not has_numba(), reason="no Numba here")
MODELS = {
    "LeNet": (LeNet, (1, 28, 28), 61706),
    "DigitCNN": (DigitCNN, (1, 28, 28), 93322),
    "DigitCNN, photographs": (lambda: DigitCNN(3, 10, 32), (3, 32, 32), 122570),
    "ResNet": (ResNet, (3, 32, 32), 78042),
    "ResNet, digits": (lambda: ResNet(1, 10, (8, 16), 2), (1, 28, 28), 10978),
}
each_model = pytest.mark.parametrize("name", MODELS)


pytestmark = pytest.mark.usefixtures("seeded")


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def last(x: np.ndarray) -> np.ndarray:
    """The same image with its channels last in memory."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def lies_last(x: np.ndarray) -> bool:
    return x.transpose(0, 2, 3, 1).flags.c_contiguous and not x.flags.c_contiguous


# -- models ----------------------------------------------------------------------------------------------


@each_model
def test_a_model_overfits_one_batch(name):
    build, shape, _ = MODELS[name]
    model, x, t = build(), images(16, *shape), np.arange(16) % 10
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    first = F.cross_entropy(model(x), t).item()
    for _ in range(120):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        if loss.item() < 0.05:
            break
    assert first > 1.5 and loss.item() < 0.05, f"{loss.item():.3f}"
    assert (model(x).argmax(dim=1) == t).mean() > 0.9


@each_model
def test_summary_and_config_of_a_model(name):
    build, shape, parameters = MODELS[name]
    model = build()
    table = nn.summary(model, (4, *shape))
    assert (table.output, table.parameters) == ((4, 10), parameters)
    assert table.flops == sum(row.flops for row in table.rows) > 4 * parameters
    again = type(model)(**model.config)
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in model.state_dict().items()
    }
    again.load_state_dict(model.state_dict())
    model.eval(), again.eval()
    np.testing.assert_array_equal(model(images(2, *shape)).data, again(images(2, *shape)).data)


@needs_numba
@each_model
def test_training_on_both_backends_agrees(name):
    build, shape, _ = MODELS[name]
    losses = {}
    for backend in ("numpy", "numba"):
        with tinynn.backend(backend):
            tinynn.manual_seed(1)
            model, losses[backend] = build(), []
            optimizer = optim.SGD(model.parameters(), lr=0.05)
            for _ in range(3):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(images(8, *shape)), np.arange(8))
                loss.backward()
                optimizer.step()
                losses[backend].append(loss.item())
    np.testing.assert_allclose(losses["numba"], losses["numpy"], rtol=2e-3)


# -- the order in memory -----------------------------------------------------------------------------------

ELEMENTWISE = ["relu", "leaky_relu", "sigmoid", "tanh", "gelu", "silu", "softplus", "dropout"]


@needs_numba
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_what_lies_channels_last_stays_so_and_has_the_same_numbers(name):
    x, dy = images(5, 7, 9, 11), images(5, 7, 9, 11)[::-1].copy()
    params = {"p": 0.3, "seed": 7} if name == "dropout" else {}
    pair = ops.catalogue[name].pair("numba")
    y, cache = pair.forward(x, **params)
    (dx,) = pair.backward(dy, cache)
    z, cache = pair.forward(last(x), **params)
    (dz,) = pair.backward(last(dy), cache)
    assert lies_last(z) and lies_last(dz)
    np.testing.assert_allclose(z, y, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(dz, dx, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(pair.backward(dy, cache)[0], dz)  # an upstream in the other order


@needs_numba
def test_a_network_keeps_channels_last_up_to_flatten_whose_order_is_that_of_the_shape():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 2), nn.AvgPool2d(2)
    )
    with tinynn.backend("numba"):
        x = images(2, 3, 12, 12)
        for layer in net:
            x = layer(x)
            assert lies_last(x.data), layer
        flat = nn.Flatten()(x)
    np.testing.assert_array_equal(flat.data, np.ascontiguousarray(x.data).reshape(2, -1))
    flat.sum().backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 3, 1, 5), (2, 1, 4, 1), (1, 1, 1, 1), (64, 32, 9, 11)])
def test_empty_like_keeps_the_order_of_any_array_without_gaps(axes, shape):
    inverse = sorted(range(4), key=axes.__getitem__)
    x = np.empty([shape[a] for a in axes], np.float32).transpose(inverse)
    y = memory.empty_like(x)
    assert y.shape == x.shape and y.dtype == np.float32
    assert np.shares_memory(y.ravel("K"), y)
    x[...] = np.arange(x.size).reshape(x.shape)
    y.ravel("K")[...] = x.ravel("K")
    np.testing.assert_array_equal(x, y)


# -- functions of one's own ----------------------------------------------------------------------------------


def my_forward(x, w, b):
    """A student's first convolution: no settings at all."""
    n, _, height, width = x.shape
    out, _, kh, kw = w.shape
    y = np.zeros((n, out, height - kh + 1, width - kw + 1), x.dtype)
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            window = x[:, :, i : i + kh, j : j + kw]
            y[:, :, i, j] = np.tensordot(window, w, ((1, 2, 3), (1, 2, 3))) + b
    return y, (x, w)


def my_backward(dy, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    kh, kw = w.shape[2:]
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            window, d = x[:, :, i : i + kh, j : j + kw], dy[:, :, i, j]
            dw += np.tensordot(d, window, ((0,), (0,)))
            dx[:, :, i : i + kh, j : j + kw] += np.tensordot(d, w, ((1,), (0,)))
    return dx, dw, dy.sum(axis=(0, 2, 3))


def test_a_network_runs_and_trains_on_a_convolution_of_one_s_own():
    """Settings left at their defaults are not passed on, so that a function without them will do."""
    model, x, t = DigitCNN(size=18), images(4, 1, 18, 18), np.arange(4)
    F.cross_entropy(model(x), t).backward()
    wanted = [p.grad.data for p in model.parameters()]
    model.zero_grad()
    with ops.conv2d.using(my_forward, my_backward) as mine:
        F.cross_entropy(model(x), t).backward()
    assert mine.calls == {"forward": 3, "backward": 3}
    for p, grad in zip(model.parameters(), wanted):
        np.testing.assert_allclose(p.grad.data, grad, rtol=1e-3, atol=1e-6)


def test_equal_numbers_go_as_one_and_others_as_a_pair():
    seen = []

    def forward(x, w, **settings):
        seen.append(settings)
        return ops.conv2d.pairs["numpy"].forward(x, w, **settings)

    x, w = images(1, 2, 7, 7), images(2, 2, 3, 3)
    with ops.conv2d.using(forward, lambda dy, cache: (None, None)):
        F.conv2d(Tensor(x), w, None, 2, (1, 1))
        F.conv2d(Tensor(x), w, stride=[1, 2], padding="valid", dilation=(np.int64(2), 2))
        F.conv2d(Tensor(x), w, padding="same")
        nn.Conv2d(2, 2, 3, bias=False)(x)
    assert seen == [
        {"stride": 2, "padding": 1},
        {"stride": (1, 2), "padding": "valid", "dilation": 2},
        {"padding": "same"},
        {},
    ]


def test_the_first_convolution_s_image_gets_no_gradient(monkeypatch):
    """The work for it is not done: `needs` reaches the pair."""
    asked = []
    for backend in ("numpy", "numba") if has_numba() else ("numpy",):
        pair = ops.conv2d.pair(backend)
        _, cache = pair.forward(images(1, 1, 4, 4), images(2, 1, 3, 3))
        dx, dw = pair.pull(images(1, 2, 2, 2), cache, (False, True))
        asked.append((dx is None, dw is not None))
    assert set(asked) == {(True, True)}


def test_repr_reads_like_pytorch_s():
    assert repr(nn.Conv2d(3, 8, 3, 2, 1, bias=False)) == (
        "Conv2d(3, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)"
    )
    assert repr(nn.Conv1d(3, 8, 3, padding="same")) == (
        "Conv1d(3, 8, kernel_size=(3,), stride=(1,), padding='same')"
    )
    assert "output_padding=(1, 1)" in repr(nn.ConvTranspose2d(4, 4, 3, 2, 1, 1))
    assert repr(nn.MaxPool2d(2)) == "MaxPool2d(kernel_size=2, stride=2, padding=0)"
    assert repr(nn.AdaptiveAvgPool2d((1, 2))) == "AdaptiveAvgPool2d(output_size=(1, 2))"
