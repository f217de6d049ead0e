"""Wrong calls: each gives one message of one template, and following its hint works.

Every line of the table is a wrong call, the error it raises, a part of what the message must say and,
where the message ends in a hint, the call that follows it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from cases import CASES

import tinynn
from tinynn import Tensor, gradcheck, nn, no_grad, ops, optim, tensor
from tinynn import functional as F
from tinynn.errors import (
    ArgumentError,
    DeviceError,
    DtypeError,
    FileError,
    KeysError,
    NonFiniteError,
    RangeError,
    ShapeError,
    StateError,
    TinynnError,
)
from tinynn.models import BERT, GPT, CharRNN, Seq2Seq, TextClassifier, sample


class Wrong(NamedTuple):
    call: Callable[[], Any]
    error: type[TinynnError]
    says: str
    followed: Callable[[], Any] | None = None


def zeros(*shape: int, dtype: Any = np.float32) -> Tensor:
    return Tensor(np.zeros(shape, dtype))


def leaf(*shape: int) -> Tensor:
    return Tensor(np.ones(shape, np.float32), requires_grad=True)


def labels(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def used_loss() -> Tensor:
    loss = (leaf(2) * 2).sum()
    loss.backward()
    return loss


x23, x34, x3 = zeros(2, 3), zeros(3, 4), zeros(3)
images = zeros(2, 1, 4, 4)
a23 = np.zeros((2, 3), np.float32)

# -- tensors ---------------------------------------------------------------------------------------

TENSOR = [
    Wrong(lambda: tensor("abc"), DtypeError, "Tensor: got data of dtype <U3"),
    Wrong(lambda: tensor([[1.0, 2.0], [3.0]]), ShapeError, "rows of different lengths"),
    Wrong(lambda: tensor([1.0, None]), DtypeError, "object",
          lambda: tensor(np.asarray([1.0, None], np.float32))),
    Wrong(lambda: tensor(1j), DtypeError, "complex128"),
    Wrong(lambda: Tensor(zeros(2)), DtypeError, "a Tensor", lambda: Tensor(zeros(2).detach().data)),
    Wrong(lambda: tensor([1.0], dtype="float33"), DtypeError, "'float33'",
          lambda: tensor([1.0], dtype=np.float32)),
    Wrong(lambda: tensor([1, 2], requires_grad=True), DtypeError, "int64",
          lambda: tensor([1, 2]).to(np.float32).requires_grad_()),
    Wrong(lambda: x23.item(), ShapeError, "6 elements", lambda: x23.mean().item()),
    Wrong(lambda: bool(x3), ShapeError, "one element", lambda: bool(x3.mean())),
    Wrong(lambda: leaf(2).numpy(), StateError, "requires grad", lambda: leaf(2).detach().numpy()),
    Wrong(lambda: len(tensor(1.0)), DtypeError, "without dimensions", lambda: tensor(1.0).item()),
    Wrong(lambda: x3.T, ShapeError, "(3,)", lambda: x3.reshape(1, -1).T),
    Wrong(lambda: x23.to("mps:0"), DeviceError, "'mps:0'", lambda: x23.to("cpu")),
    Wrong(lambda: x23.to("cuda:1"), DeviceError, "'cuda:1'", lambda: x23.to("cpu")),
    Wrong(lambda: x23.to("float23"), DtypeError, "'float23'", lambda: x23.to(np.float32)),
    Wrong(lambda: x23.__setitem__(0, 1.0), StateError, "an assignment",
          lambda: F.where(np.array([[True], [False]]), 1.0, x23)),
    Wrong(lambda: x23 + zeros(2, 4), ShapeError, "axis -1 has 3 against 4", lambda: x23 + zeros(2, 1)),
    Wrong(lambda: x23 * zeros(2), ShapeError, "axis -1 has 3 against 2", lambda: x23 * zeros(2)[:, None]),
    Wrong(lambda: x23 + np.zeros(3), DtypeError, "x float32, y float64",
          lambda: x23 + np.zeros(3).astype(np.float32)),
    Wrong(lambda: tensor([1, 2]) * 0.5, DtypeError, "x int64, y float32",
          lambda: tensor([1, 2]).to(np.float32) * 0.5),
    Wrong(lambda: tensor([1, 2]) / tensor([1, 2]), DtypeError, "int64",
          lambda: tensor([1, 2]).to(np.float32) / tensor([1, 2]).to(np.float32)),
    Wrong(lambda: tensor([True]) + tensor([True]), DtypeError, "bool",
          lambda: tensor([True]).to(np.float32) * 2),
    Wrong(lambda: x23 + "a", DtypeError, "<U1"),
    Wrong(lambda: x23 + None, DtypeError, "object"),
    Wrong(lambda: tensor([1], dtype=np.uint8) + 300, RangeError, "300",
          lambda: tensor([1]).to(np.float32) + 300),
    Wrong(lambda: x23 == zeros(7), ShapeError, "(2, 3)"),
    Wrong(lambda: x23 > "a", ShapeError, "str"),
    Wrong(lambda: x23[2], RangeError, "out of bounds"),
    Wrong(lambda: x23[0, 0, 0], RangeError, "too many indices"),
    Wrong(lambda: x23[0.5], DtypeError, "float64", lambda: x23[np.asarray(0.5).astype(np.int64)]),
    Wrong(lambda: x23[np.array([True])], RangeError, "boolean index"),
    Wrong(lambda: x23["row"], RangeError, "row"),
    Wrong(lambda: x23[::0], RangeError, "step"),
]  # fmt: skip

# -- backward --------------------------------------------------------------------------------------

BACKWARD = [
    Wrong(lambda: leaf(2).exp().backward(), ShapeError, "no upstream gradient",
          lambda: leaf(2).exp().sum().backward()),
    Wrong(lambda: leaf(2).exp().backward(np.ones(3)), ShapeError, "a gradient (3,)"),
    Wrong(lambda: zeros(2).sum().backward(), StateError, "without history",
          lambda: tensor(np.zeros(2), requires_grad=True).sum().backward()),
    Wrong(lambda: used_loss().backward(), StateError, "used before", lambda: (leaf(2) * 2).sum().backward()),
    Wrong(lambda: leaf().backward(create_graph=True), StateError, "create_graph=True"),
    Wrong(lambda: (leaf(2) * 2).requires_grad_(), StateError, "the result of mul",
          lambda: (leaf(2) * 2).detach().requires_grad_()),
    Wrong(lambda: gradcheck(lambda x: x, labels(1)), ArgumentError, "none to check",
          lambda: gradcheck(lambda x: x, np.random.default_rng(0).normal(size=3))),
    Wrong(lambda: gradcheck(lambda x: F.dropout(x), np.ones(30)), ArgumentError, "different results",
          lambda: gradcheck(lambda x: F.dropout(x, 0.5, generator=0), np.ones(30))),
]  # fmt: skip

# -- ops -------------------------------------------------------------------------------------------

OPS = [
    Wrong(lambda: x23 @ zeros(2, 3), ShapeError, "3 columns against 2 rows", lambda: x23 @ zeros(2, 3).T),
    Wrong(lambda: zeros(4, 2) @ zeros(4, 3), ShapeError, "2 columns against 4 rows",
          lambda: zeros(4, 2).T @ zeros(4, 3)),
    Wrong(lambda: zeros(5, 2, 3) @ zeros(4, 3, 2), ShapeError, "batch axes",
          lambda: zeros(5, 2, 3) @ zeros(4, 3, 2)[:1]),
    Wrong(lambda: x23 @ tensor(2.0), ShapeError, "()", lambda: x23 * tensor(2.0)),
    Wrong(lambda: F.linear(x23, zeros(5, 4)), ShapeError, "x (..., 4)", lambda: nn.Linear(3, 5)(x23)),
    Wrong(lambda: F.linear(x23, zeros(3, 5)), ShapeError, "x (..., 5)", lambda: F.linear(x23, zeros(3, 5).T)),
    Wrong(lambda: F.linear(images, zeros(3, 16)), ShapeError, "x (..., 16)",
          lambda: F.linear(images.reshape(2, -1), zeros(3, 16))),
    Wrong(lambda: F.linear(x23, zeros(5, 3), zeros(4)), ShapeError, "bias (4,)"),
    Wrong(lambda: F.linear(x23, zeros(5, 3, dtype=np.float64)), DtypeError, "weight float64",
          lambda: F.linear(x23, zeros(5, 3, dtype=np.float64).to(np.float32))),
    Wrong(lambda: F.linear(labels(1, 2, 3), zeros(5, 3)), DtypeError, "x int64",
          lambda: F.linear(labels(1, 2, 3).astype(np.float32), zeros(5, 3))),
    Wrong(lambda: x23.sum(dim=2), RangeError, "axis 2 of 2 dimensions", lambda: x23.sum(dim=-1)),
    Wrong(lambda: x23.mean(dim=(0, 0)), ArgumentError, "axes (0, 0)", lambda: x23.mean(dim=(0,))),
    Wrong(lambda: x23.sum(dim=1.5), ArgumentError, "1.5"),
    Wrong(lambda: x23.sum(dim="rows"), ArgumentError, "'rows'"),
    Wrong(lambda: x23.sum(0, 1), ArgumentError, "keepdim as int 1", lambda: x23.sum(dim=(0, 1))),
    Wrong(lambda: tensor(1.0).sum(dim=0), RangeError, "a single number",
          lambda: tensor(1.0).reshape(1).sum(dim=0)),
    Wrong(lambda: zeros(0, 3).mean(), ShapeError, "nothing to reduce"),
    Wrong(lambda: zeros(0, 3).max(dim=0), ShapeError, "nothing to reduce"),
    Wrong(lambda: zeros(1).var(), ArgumentError, "correction=1", lambda: zeros(1).var(correction=0)),
    Wrong(lambda: tensor([1, 2]).mean(), DtypeError, "int64", lambda: tensor([1, 2]).to(np.float32).mean()),
    Wrong(lambda: x23.argmax(dim=2), RangeError, "axis 2", lambda: x23.argmax(dim=-1)),
    Wrong(lambda: zeros(0).argmax(), ShapeError, "nothing to choose"),
    Wrong(lambda: x23.reshape(4, 2), ShapeError, "6 elements", lambda: x23.reshape(-1)),
    Wrong(lambda: x23.reshape(-1, -1), ArgumentError, "at most one -1", lambda: x23.reshape(-1)),
    Wrong(lambda: x23.reshape(-1, 4), ShapeError, "a divisor of 6", lambda: x23.reshape(-1)),
    Wrong(lambda: x23.reshape(2.0, 3), ArgumentError, "2.0"),
    Wrong(lambda: x23.flatten(start_dim=3), RangeError, "axis 3", lambda: x23.flatten(start_dim=-1)),
    Wrong(lambda: x23.permute(0), ShapeError, "each of the 2 axes", lambda: x23.permute(1, 0)),
    Wrong(lambda: x23.permute(0, 0), ShapeError, "axes (0, 0)", lambda: x23.permute(1, 0)),
    Wrong(lambda: x23.permute(0, 2), RangeError, "axis 2", lambda: x23.permute(0, -1)),
    Wrong(lambda: x23.transpose(0, 2), RangeError, "axis 2", lambda: x23.transpose(0, -1)),
    Wrong(lambda: x23.broadcast_to(2, 4), ShapeError, "(2, 4)"),
    Wrong(lambda: zeros(1).broadcast_to(-1), ArgumentError, "(-1,)"),
    Wrong(lambda: F.concat([x23, x34]), ShapeError, "except on axis 0"),
    Wrong(lambda: F.concat(x23, x23), DtypeError, "a list of tensors", lambda: F.concat([x23, x23])),
    Wrong(lambda: F.stack(3), DtypeError, "int 3", lambda: F.stack([x23, x23])),
    Wrong(lambda: F.concat([]), ShapeError, "no arrays", lambda: F.concat([x23, x23])),
    Wrong(lambda: F.concat([tensor(1.0)]), ShapeError, "without dimensions", lambda: F.stack([tensor(1.0)])),
    Wrong(lambda: F.concat([x23, x23], dim=None), ArgumentError, "axis None",
          lambda: F.concat([x23, x23], dim=-1)),
    Wrong(lambda: F.stack([x23, x3]), ShapeError, "the same shape",
          lambda: F.concat([x23, x3.reshape(1, 3)])),
    Wrong(lambda: F.pad(x23, 1), ArgumentError, "one pair", lambda: F.pad(x23, [(1, 1), (2, 2)])),
    Wrong(lambda: F.pad(x23, [(1, 1)]), ShapeError, "1 pairs"),
    Wrong(lambda: F.pad(x23, [(-1, 0), (0, 0)]), ArgumentError, "0 or more", lambda: x23[:, 1:-1]),
    Wrong(lambda: x23.softmax(2), RangeError, "axis 2", lambda: x23.softmax(-1)),
    Wrong(lambda: x23.softmax(None), ArgumentError, "axis None", lambda: x23.softmax(-1)),
    Wrong(lambda: zeros(2, 0).softmax(), ShapeError, "nothing along axis -1"),
    Wrong(lambda: x23.clip(), ArgumentError, "neither low nor high", lambda: x23.clip(0.0, 1.0)),
    Wrong(lambda: x23.clip(1.0, 0.0), ArgumentError, "low=1.0 above high=0.0", lambda: x23.clip(0.0, 1.0)),
    Wrong(lambda: x23.clip(low=a23), ArgumentError, "low as an array (2, 3)"),
    Wrong(lambda: x23.clip(low="0"), ArgumentError, "low as str '0'"),
    Wrong(lambda: x23.gelu(approximate="sigmoid"), ArgumentError, "'sigmoid'",
          lambda: x23.gelu(approximate="none")),
    Wrong(lambda: x23.leaky_relu("small"), ArgumentError, "negative_slope as str 'small'"),
    Wrong(lambda: labels(1).astype(np.int64) @ zeros(1, 1), DtypeError, "int64",
          lambda: labels(1).astype(np.float32) @ zeros(1, 1)),
    Wrong(lambda: F.relu(labels(1)), DtypeError, "int64", lambda: F.relu(labels(1).astype(np.float32))),
    Wrong(lambda: F.where(zeros(3), x3, x3), DtypeError, "a condition of dtype float32",
          lambda: F.where(zeros(3) != 0, x3, x3)),
    Wrong(lambda: F.dropout(x23, p=1.5), ArgumentError, "p=1.5", lambda: F.dropout(x23, p=0.5)),
    Wrong(lambda: F.dropout(x23, p=1.0), ArgumentError, "p=1.0", lambda: F.dropout(x23, p=0.5)),
    Wrong(lambda: F.dropout(x23, p=float("nan")), ArgumentError, "p as float nan"),
    Wrong(lambda: F.dropout(x23, p="half", training=False), ArgumentError, "p as str 'half'"),
    Wrong(lambda: F.embedding(labels(0, 5), zeros(5, 2)), RangeError, "index 5 for 5 rows"),
    Wrong(lambda: F.embedding(labels(-1), zeros(5, 2)), RangeError, "index -1"),
    Wrong(lambda: F.embedding(zeros(2), zeros(5, 2)), DtypeError, "indices of dtype float32",
          lambda: F.embedding(zeros(2).to(np.int64), zeros(5, 2))),
    Wrong(lambda: F.embedding(labels(0), zeros(5)), ShapeError, "weight (V, D)"),
    Wrong(lambda: F.layer_norm(x23, 4), ShapeError, "x (..., 4)",
          lambda: F.layer_norm(x23, normalized_shape=(3,))),
    Wrong(lambda: F.layer_norm(x23, 3, zeros(2)), ShapeError, "weight (2,)"),
    Wrong(lambda: F.layer_norm(x23, 3, eps=-1.0), ArgumentError, "eps=-1.0",
          lambda: F.layer_norm(x23, 3, eps=1e-5)),
    Wrong(lambda: F.batch_norm(x3, None, None, training=True), ShapeError, "(N, C)",
          lambda: F.batch_norm(zeros(2, 3), None, None, training=True)),
    Wrong(lambda: F.batch_norm(zeros(1, 3), None, None, training=True), ShapeError, "fewer than two",
          lambda: nn.BatchNorm1d(3).eval()(zeros(1, 3))),
    Wrong(lambda: F.batch_norm(x23, None, None), StateError, "no running statistics",
          lambda: F.batch_norm(x23, None, None, training=True)),
    Wrong(lambda: F.batch_norm(x23, np.zeros(2), np.ones(2)), ShapeError, "statistics as an array (2,)"),
    Wrong(lambda: ops.softmax.forward([1.0, 2.0]), DtypeError, "list [1.0, 2.0]",
          lambda: ops.softmax.forward(np.asarray([1.0, 2.0]), axis=0)),
    Wrong(lambda: ops.softmax.forward(a23, 0), DtypeError, "int 0", lambda: ops.softmax.forward(a23, axis=0)),
    Wrong(lambda: ops.relu.forward(x23), DtypeError, "arrays", lambda: ops.relu.forward(np.asarray(x23))),
    Wrong(lambda: ops.sgd_update.forward(a23, a23[0], lr=0.1), ShapeError, "g (3,)"),
    Wrong(lambda: ops.sgd_update.backward(a23, None), StateError, "this one has none"),
    Wrong(lambda: ops.relu.using(lambda x: (x, None)), StateError, "without a backward",
          lambda: ops.relu.using(lambda x: (x, None), lambda dy, cache: dy).stop()),
    Wrong(lambda: tinynn.backend("cuda"), ArgumentError, "'cuda'",
          lambda: tinynn.backend(tinynn.current_backend())),
]  # fmt: skip

# -- images and signals ----------------------------------------------------------------------------

photo, filters = zeros(2, 3, 8, 8), zeros(5, 3, 3, 3)
signal = zeros(2, 3, 9)
IMAGES = [
    Wrong(lambda: F.conv2d(zeros(3, 8, 8), filters), ShapeError,
          "x (3, 8, 8) with 3 dimensions; expected (N, C, H, W)",
          lambda: F.conv2d(zeros(3, 8, 8)[None], filters)),
    Wrong(lambda: F.conv2d(zeros(8), filters), ShapeError, "x (8,) with 1 dimension;"),
    Wrong(lambda: F.conv2d(zeros(2, 8, 8, 3), filters), ShapeError, "channels come first",
          lambda: F.conv2d(zeros(2, 8, 8, 3).permute(0, 3, 1, 2), filters)),
    Wrong(lambda: F.conv2d(zeros(2, 4, 8, 8), filters), ShapeError, "x with 3 channels, (N, 3, H, W)",
          lambda: nn.Conv2d(4, 5, 3)(zeros(2, 4, 8, 8))),
    Wrong(lambda: F.conv2d(zeros(2, 6, 8, 8), zeros(4, 3, 3, 3)), ShapeError, "6 channels",
          lambda: F.conv2d(zeros(2, 6, 8, 8), zeros(4, 3, 3, 3), groups=2)),
    Wrong(lambda: F.conv2d(photo, zeros(5, 3, 3)), ShapeError, "weight (O, C / groups, KH, KW)"),
    Wrong(lambda: F.conv2d(photo, zeros(5, 3, 0, 3)), ShapeError, "without a size of 0"),
    Wrong(lambda: F.conv2d(photo, filters, zeros(3)), ShapeError,
          "bias (3,) for 5 output channels; expected bias (5,)"),
    Wrong(lambda: F.conv2d(photo, filters, groups=2), ArgumentError, "groups=2 for 5 output channels",
          lambda: F.conv2d(photo, filters, groups=1)),
    Wrong(lambda: F.conv2d(photo, filters, groups=0), ArgumentError, "groups=0",
          lambda: F.conv2d(photo, filters, groups=1)),
    Wrong(lambda: F.conv2d(photo, zeros(5, 3, 9, 3)), ShapeError, "height 8 and a kernel that reaches over 9",
          lambda: F.conv2d(photo, zeros(5, 3, 9, 3), padding=1)),
    Wrong(lambda: F.conv2d(photo, filters, dilation=5, padding=1), ShapeError,
          "height 8 with padding 10 and a kernel that reaches over 11",
          lambda: F.conv2d(photo, filters, dilation=5, padding=2)),
    Wrong(lambda: F.conv2d(photo, filters, stride=0), ArgumentError, "stride=0",
          lambda: F.conv2d(photo, filters, stride=1)),
    Wrong(lambda: F.conv2d(photo, filters, padding=-1), ArgumentError, "padding=-1",
          lambda: F.conv2d(photo, filters, padding=1)),
    Wrong(lambda: F.conv2d(photo, filters, stride=1.5), DtypeError, "stride as float 1.5"),
    Wrong(lambda: F.conv2d(photo, filters, stride=True), DtypeError, "stride as bool True",
          lambda: F.conv2d(photo, filters, stride=1)),
    Wrong(lambda: F.conv2d(photo, filters, stride=(1, 2, 3)), ArgumentError, "3 numbers",
          lambda: F.conv2d(photo, filters, stride=1)),
    Wrong(lambda: F.conv2d(photo, filters, padding="full"), ArgumentError, "'full'",
          lambda: F.conv2d(photo, filters, padding="same")),
    Wrong(lambda: F.conv2d(photo, filters, padding="same", stride=2), ArgumentError,
          "padding='same' with stride=2",
          lambda: F.conv2d(photo, filters, padding=1, stride=2)),
    Wrong(lambda: F.conv2d(zeros(2, 3, 8, 8, dtype=np.int64), filters), DtypeError, "x int64",
          lambda: F.conv2d(zeros(2, 3, 8, 8, dtype=np.int64).to(np.float32), filters)),
    Wrong(lambda: F.conv1d(zeros(3, 9), zeros(4, 3, 2)), ShapeError, "expected (N, C, T)",
          lambda: F.conv1d(zeros(3, 9)[None], zeros(4, 3, 2))),
    Wrong(lambda: F.conv1d(zeros(2, 9, 3), zeros(4, 3, 2)), ShapeError, "x with 3 channels, (N, 3, T)",
          lambda: F.conv1d(zeros(2, 9, 3).permute(0, 2, 1), zeros(4, 3, 2))),
    Wrong(lambda: F.conv1d(signal, zeros(4, 3, 10)), ShapeError, "length 9",
          lambda: F.conv1d(signal, zeros(4, 3, 10), padding=1)),
    Wrong(lambda: F.conv_transpose2d(photo, zeros(4, 3, 2, 2)), ShapeError, "x with 4 channels",
          lambda: nn.ConvTranspose2d(3, 3, 2)(photo)),
    Wrong(lambda: F.conv_transpose2d(zeros(3, 8, 8), zeros(3, 3, 2, 2)), ShapeError, "(N, C, H, W)",
          lambda: F.conv_transpose2d(zeros(3, 8, 8)[None], zeros(3, 3, 2, 2))),
    Wrong(lambda: F.conv_transpose2d(photo, zeros(3, 3, 2, 2), output_padding=1), ArgumentError,
          "output_padding=1", lambda: F.conv_transpose2d(photo, zeros(3, 3, 2, 2), output_padding=0)),
    Wrong(lambda: F.conv_transpose2d(zeros(1, 3, 1, 1), zeros(3, 3, 2, 2), padding=1), ShapeError,
          "leave an image (0, 0)",
          lambda: F.conv_transpose2d(zeros(1, 3, 1, 1), zeros(3, 3, 2, 2), padding=0)),
    Wrong(lambda: F.max_pool2d(zeros(3, 8, 8), 2), ShapeError, "max_pool2d: got x (3, 8, 8)",
          lambda: F.max_pool2d(zeros(3, 8, 8)[None], 2)),
    Wrong(lambda: F.max_pool2d(photo, 9), ShapeError, "smaller than the window",
          lambda: F.max_pool2d(photo, kernel_size=8)),
    Wrong(lambda: F.max_pool2d(photo, 2, padding=2), ArgumentError, "padding=2 for kernel_size=2",
          lambda: F.max_pool2d(photo, 2, padding=1)),
    Wrong(lambda: F.max_pool2d(photo, 0), ArgumentError,
          "kernel_size=0", lambda: F.max_pool2d(photo, kernel_size=1)),
    Wrong(lambda: F.max_pool2d(photo, 2, ceil_mode=1), ArgumentError, "ceil_mode as int 1"),
    Wrong(lambda: F.avg_pool2d(photo, "2"), DtypeError, "kernel_size as str '2'",
          lambda: F.avg_pool2d(photo, kernel_size=1)),
    Wrong(lambda: F.avg_pool2d(zeros(2, 3, 4, 4, dtype=np.int64), 2), DtypeError, "x of dtype int64",
          lambda: F.avg_pool2d(zeros(2, 3, 4, 4, dtype=np.int64).to(np.float32), 2)),
    Wrong(lambda: F.adaptive_avg_pool2d(photo, 0), ArgumentError, "output_size=0",
          lambda: F.adaptive_avg_pool2d(photo, output_size=1)),
    Wrong(lambda: F.adaptive_avg_pool2d(zeros(2, 3, 0, 4), 1), ShapeError, "at least one pixel"),
    Wrong(lambda: F.max_pool1d(zeros(3, 8), 2), ShapeError, "expected (N, C, T)",
          lambda: F.max_pool1d(zeros(3, 8)[None], 2)),
    Wrong(lambda: nn.Conv2d(3, 4, 0), ArgumentError, "Conv2d: got kernel_size=0",
          lambda: nn.Conv2d(3, 4, kernel_size=1)),
    Wrong(lambda: nn.Conv2d(3, 4, 3, groups=2), ArgumentError, "groups=2 for in_channels=3",
          lambda: nn.Conv2d(3, 4, 3, groups=1)),
    Wrong(lambda: nn.Conv2d(3, 4, 3, stride=2, padding="same"), ArgumentError, "stride=(2, 2)",
          lambda: nn.Conv2d(3, 4, 3, stride=1, padding="same")),
    Wrong(lambda: nn.Conv1d(3, 4, (3, 3)), ArgumentError, "2 numbers",
          lambda: nn.Conv1d(3, 4, kernel_size=1)),
    Wrong(lambda: nn.MaxPool2d(-2), ArgumentError, "kernel_size=-2", lambda: nn.MaxPool2d(kernel_size=1)),
]  # fmt: skip

# -- losses ----------------------------------------------------------------------------------------

logits = zeros(4, 3)
LOSSES = [
    Wrong(lambda: F.cross_entropy(logits, labels(0, 1, 2, 3)), RangeError, "label 3 for 3 classes"),
    Wrong(lambda: F.cross_entropy(logits, labels(1, 2, 3, 1)), RangeError, "labels from 0 to 2",
          lambda: F.cross_entropy(logits, labels(1, 2, 3, 1) - 1)),
    Wrong(lambda: F.cross_entropy(logits, labels(0, 1, 2, -1)), RangeError, "label -1"),
    Wrong(lambda: F.cross_entropy(logits, np.full(4, np.nan)), DtypeError, "targets of dtype float64",
          lambda: F.cross_entropy(logits, np.zeros(4).astype(np.int64))),
    Wrong(lambda: F.cross_entropy(logits, np.eye(3)[[0, 1, 2, 0]]), ShapeError, "class indices",
          lambda: F.cross_entropy(logits, np.eye(3)[[0, 1, 2, 0]].argmax(1))),
    Wrong(lambda: F.cross_entropy(logits, np.zeros((4, 1), int)), ShapeError, "targets (4,)",
          lambda: F.cross_entropy(logits, np.zeros((4, 1), int).reshape((4,)))),
    Wrong(lambda: F.cross_entropy(logits, labels(0, 1)), ShapeError, "targets (2,)"),
    Wrong(lambda: F.cross_entropy(zeros(), labels(0)), ShapeError, "input ()"),
    Wrong(lambda: F.cross_entropy(zeros(0, 3), labels()), ShapeError, "no examples"),
    Wrong(lambda: F.cross_entropy(logits, np.full(4, -100)),
          ArgumentError, "only targets equal to ignore_index",
          lambda: F.cross_entropy(logits, np.full(4, -100), reduction="sum")),
    Wrong(lambda: F.cross_entropy(logits, labels(0, 1, 2, 0), "average"), ArgumentError, "'average'",
          lambda: F.cross_entropy(logits, labels(0, 1, 2, 0), reduction="mean")),
    Wrong(lambda: F.cross_entropy(logits, labels(0, 1, 2, 0), label_smoothing=2),
          ArgumentError, "label_smoothing=2",
          lambda: F.cross_entropy(logits, labels(0, 1, 2, 0), label_smoothing=0.1)),
    Wrong(lambda: F.cross_entropy(zeros(4, 3, dtype=np.int64), labels(0, 1, 2, 0)),
          DtypeError, "input of dtype int64",
          lambda: F.cross_entropy(zeros(4, 3, dtype=np.int64).to(np.float32), labels(0, 1, 2, 0))),
    Wrong(lambda: F.nll_loss(logits, labels(0, 1, 9, 0)), RangeError, "nll_loss: got label 9"),
    Wrong(lambda: F.cross_entropy(logits, labels(0, 1, 2, 0), np.ones(3)), ArgumentError,
          "reduction as an array",
          lambda: F.cross_entropy(logits, labels(0, 1, 2, 0), reduction="mean")),
    Wrong(lambda: F.mse_loss(zeros(4, 1), zeros(4)), ShapeError, "without broadcasting",
          lambda: F.mse_loss(zeros(4, 1), zeros(4).reshape((4, 1)))),
    Wrong(lambda: F.mse_loss(zeros(4), zeros(3)), ShapeError, "target (3,)"),
    Wrong(lambda: F.mse_loss(zeros(2), labels(0, 1)), DtypeError, "target int64",
          lambda: F.mse_loss(zeros(2), labels(0, 1).astype(np.float32))),
    Wrong(lambda: F.l1_loss(zeros(0), zeros(0)), ShapeError, "nothing to average"),
    Wrong(lambda: F.huber_loss(zeros(2), zeros(2), delta=0), ArgumentError, "delta=0",
          lambda: F.huber_loss(zeros(2), zeros(2), delta=1.0)),
    Wrong(lambda: F.binary_cross_entropy_with_logits(zeros(2), tensor([-1.0, 1.0])),
          RangeError, "from -1.0 to 1.0",
          lambda: F.binary_cross_entropy_with_logits(zeros(2), (tensor([-1.0, 1.0]) + 1) / 2)),
    Wrong(lambda: F.binary_cross_entropy_with_logits(zeros(2), tensor([np.nan, 1.0])),
          RangeError, "without NaN"),
    Wrong(lambda: F.binary_cross_entropy_with_logits(zeros(2), tensor([0.0, 7.0])), RangeError, "7.0"),
]  # fmt: skip

# -- nn and optim ----------------------------------------------------------------------------------


def state(**changes: Any) -> dict[str, Any]:
    """The state of a Linear(3, 2) with some keys changed; None takes one away."""
    found = {**nn.Linear(3, 2).state_dict(), **changes}
    return {key: value for key, value in found.items() if value is not None}


def sgd(model: nn.Module | None = None, **options: Any) -> optim.Optimizer:
    return optim.SGD((model or nn.Linear(3, 2)).parameters(), **{"lr": 0.1, **options})


NN = [
    Wrong(lambda: nn.Linear(3, 2)(zeros(4, 5)), ShapeError, "x (..., 3)",
          lambda: nn.Linear(5, 2)(zeros(4, 5))),
    Wrong(lambda: nn.Linear(0.5, 2), DtypeError, "in_features=0.5", lambda: nn.Linear(1, 2)),
    Wrong(lambda: nn.Linear(-1, 2), ArgumentError, "-1", lambda: nn.Linear(1, 2)),
    Wrong(lambda: nn.Linear(3, 2).load_state_dict(state(bias=None)), KeysError, "missing bias",
          lambda: nn.Linear(3, 2).load_state_dict(state(bias=None), strict=False)),
    Wrong(lambda: nn.Linear(3, 2).load_state_dict(state(scale=np.ones(2))), KeysError, "unexpected scale",
          lambda: nn.Linear(3, 2).load_state_dict(state(scale=np.ones(2)), strict=False)),
    Wrong(lambda: nn.Linear(3, 2).load_state_dict(state(weight=np.ones((3, 2)))), KeysError, "(3, 2)"),
    Wrong(lambda: nn.Linear(3, 2).load_state_dict([1, 2]), DtypeError, "list",
          lambda: nn.Linear(3, 2).load_state_dict(nn.Linear(3, 2).state_dict())),
    Wrong(lambda: nn.Dropout(2.0), ArgumentError, "p=2.0", lambda: nn.Dropout(0.5)),
    Wrong(lambda: nn.GELU("fast"), ArgumentError, "'fast'", lambda: nn.GELU(approximate="tanh")),
    Wrong(lambda: nn.Sequential(nn.ReLU), DtypeError, "ReLU", lambda: nn.Sequential(nn.ReLU())),
    Wrong(lambda: nn.Sequential(nn.ReLU())[3], RangeError, "index 3 for 1 modules"),
    Wrong(lambda: nn.BatchNorm1d(3)(zeros(4, 5)), ShapeError, "5 channels",
          lambda: nn.BatchNorm1d(5)(zeros(4, 5))),
    Wrong(lambda: nn.Embedding(5, 2)(labels(5)), RangeError, "index 5"),
    Wrong(lambda: nn.Module()(zeros(1)), StateError, "no such method",
          lambda: type("Mine", (nn.Module,), {"forward": lambda self, x: x})()(zeros(1))),
    Wrong(lambda: nn.CrossEntropyLoss()(logits, labels(0, 1, 2, 9)), RangeError, "label 9"),
    Wrong(lambda: nn.Linear(3, 2).train("yes"), DtypeError, "'yes'", lambda: nn.Linear(3, 2).train()),
    Wrong(lambda: optim.SGD([], lr=0.1), ArgumentError, "at least one",
          lambda: optim.SGD(list(nn.Linear(3, 2).parameters()), lr=0.1)),
    Wrong(lambda: optim.SGD(nn.Linear(3, 2), lr=0.1), DtypeError, "Linear",
          lambda: optim.SGD(nn.Linear(3, 2).parameters(), lr=0.1)),
    Wrong(lambda: optim.SGD([zeros(2)], lr=0.1), ArgumentError, "does not require grad",
          lambda: optim.SGD([zeros(2).requires_grad_()], lr=0.1)),
    Wrong(lambda: optim.SGD([leaf(2) * 2], lr=0.1), ArgumentError, "the result of mul",
          lambda: optim.SGD([nn.Parameter((leaf(2) * 2).data)], lr=0.1)),
    Wrong(lambda: sgd(lr=-1.0), ArgumentError, "-1.0", lambda: sgd(lr=0.1)),
    Wrong(lambda: sgd(lr="fast"), DtypeError, "'fast'", lambda: sgd(lr=0.1)),
    Wrong(lambda: sgd(nesterov=True), ArgumentError, "momentum=0", lambda: sgd(nesterov=True, momentum=0.9)),
    Wrong(lambda: optim.Adam(nn.Linear(3, 2).parameters(), betas=(0.9, 1.5)), ArgumentError, "1.5",
          lambda: optim.Adam(nn.Linear(3, 2).parameters(), betas=(0.9, 0.999))),
    Wrong(lambda: sgd().load_state_dict({"nothing": 1}), KeysError, "nothing",
          lambda: sgd().load_state_dict(sgd().state_dict())),
    Wrong(lambda: optim.StepLR("adam", 3), DtypeError, "adam",
          lambda: optim.StepLR(optim.Adam(nn.Linear(3, 2).parameters()), 3)),
    Wrong(lambda: nn.utils.clip_grad_norm_([leaf(2)], -1.0), ArgumentError, "-1.0",
          lambda: nn.utils.clip_grad_norm_([leaf(2)], 1.0)),
]  # fmt: skip


# -- recurrence ------------------------------------------------------------------------------------

sequences = zeros(5, 2, 3)  # T, N, D
lstm_weights, rnn_weights = (zeros(16, 3), zeros(16, 4)), (zeros(4, 3), zeros(4, 4))


def lstm(x: Any = sequences, h0: Any = None, c0: Any = None, *weights: Any, **options: Any) -> Any:
    return F.lstm(x, h0, c0, *(weights or lstm_weights), **options)


RECURRENT = [
    Wrong(lambda: lstm(x23), ShapeError, "lstm: got x (2, 3); expected x (T, N, D)",
          lambda: lstm(x23[:, None])),
    Wrong(lambda: lstm(zeros(0, 2, 3)), ShapeError, "at least one step"),
    Wrong(lambda: lstm(zeros(5, 2, 7)), ShapeError, "x (T, N, 3)", lambda: nn.LSTM(7, 4)(zeros(5, 2, 7))),
    Wrong(lambda: lstm(sequences, None, None, zeros(12, 3), zeros(12, 4)), ShapeError, "16 rows in both"),
    Wrong(lambda: F.gru(sequences, None, *lstm_weights), ShapeError, "12 rows in both"),
    Wrong(lambda: F.rnn(sequences, None, zeros(4), zeros(4, 4)), ShapeError, "weight_ih (H, D)"),
    Wrong(lambda: F.rnn(sequences, None, *rnn_weights, zeros(4)), ShapeError, "got one bias",
          lambda: F.rnn(sequences, None, *rnn_weights, zeros(4), bias_hh=np.zeros_like(zeros(4).data))),
    Wrong(lambda: F.rnn(sequences, None, *rnn_weights, zeros(4), zeros(3)), ShapeError, "bias_hh (3,)"),
    Wrong(lambda: lstm(sequences, zeros(5, 4)), ShapeError, "h0 (5, 4) for x (5, 2, 3)",
          lambda: lstm(sequences.transpose(0, 1), zeros(5, 4))),
    Wrong(lambda: lstm(sequences, None, zeros(2, 3)), ShapeError, "c0 (N, H) = (2, 4)"),
    Wrong(lambda: lstm(lengths=[5, 6]), RangeError, "length 6; expected lengths from 1 to T = 5",
          lambda: lstm(lengths=np.clip([5, 6], 1, 5))),
    Wrong(lambda: lstm(lengths=[0, 2]), RangeError, "length 0", lambda: lstm(lengths=np.clip([0, 2], 1, 5))),
    Wrong(lambda: lstm(lengths=[1.0, 2.0]), DtypeError, "whole numbers",
          lambda: lstm(lengths=np.asarray([1.0, 2.0], np.int64))),
    Wrong(lambda: lstm(lengths=[1, 2, 1, 2, 1]), ShapeError, "lengths (5,) for N = 2",
          lambda: lstm(sequences.transpose(0, 1), lengths=[1, 2, 1, 2, 1])),
    Wrong(lambda: lstm(lengths=3), ShapeError, "lengths () for N = 2"),
    Wrong(lambda: lstm(reverse=1), ArgumentError, "reverse as int 1", lambda: lstm(reverse=True)),
    Wrong(lambda: lstm(sequences.to(np.float64)), DtypeError, "x float64, h0 float32",
          lambda: lstm(sequences.to(np.float64).to(np.float32))),
    Wrong(lambda: lstm(labels(1, 2, 3)[:, None, None]), DtypeError, "int64",
          lambda: lstm(zeros(3, 1, 3))),
    Wrong(lambda: F.rnn(sequences, None, *rnn_weights, nonlinearity="gelu"), ArgumentError, "'gelu'",
          lambda: F.rnn(sequences, None, *rnn_weights, nonlinearity="tanh")),
    Wrong(lambda: F.rnn_cell(x23, zeros(2, 4), zeros(4, 3), zeros(4, 4), nonlinearity="gelu"), ArgumentError,
          "'gelu'", lambda: F.rnn_cell(x23, zeros(2, 4), zeros(4, 3), zeros(4, 4), nonlinearity="tanh")),
    Wrong(lambda: nn.RNN(3, 4, nonlinearity="gelu"), ArgumentError, "RNN: got nonlinearity",
          lambda: nn.RNN(3, 4, nonlinearity="tanh")),
    Wrong(lambda: nn.RNNCell(3, 4, nonlinearity="gelu"), ArgumentError, "RNNCell: got nonlinearity",
          lambda: nn.RNNCell(3, 4, nonlinearity="tanh")),
    Wrong(lambda: nn.LSTM(3, 4, num_layers=0), ArgumentError, "num_layers=0",
          lambda: nn.LSTM(3, 4, num_layers=1)),
    Wrong(lambda: nn.LSTM(3, 4, dropout=1.0), ArgumentError, "dropout=1.0",
          lambda: nn.LSTM(3, 4, dropout=0.2)),
    Wrong(lambda: nn.LSTM(3, 4, 1, True, 1), ArgumentError, "batch_first as int 1",
          lambda: nn.LSTM(3, 4, 1, True, batch_first=True)),
    Wrong(lambda: nn.LSTMCell(3, 4, bias=None), ArgumentError, "bias as NoneType",
          lambda: nn.LSTMCell(3, 4, bias=True)),
    Wrong(lambda: nn.GRU(3, 4)(x23), ShapeError, "GRU: got x (2, 3)", lambda: nn.GRU(3, 4)(x23[:, None])),
    Wrong(lambda: nn.GRU(3, 4, batch_first=True)(x23), ShapeError, "x (N, T, D)",
          lambda: nn.GRU(3, 4, batch_first=True)(x23[None])),
    Wrong(lambda: nn.GRU(7, 4)(sequences), ShapeError, "with D = 7", lambda: nn.GRU(3, 4)(sequences)),
    Wrong(lambda: nn.GRU(3, 4)(sequences, zeros(2, 1, 4)), ShapeError, "h0 (2, 1, 4)",
          lambda: nn.GRU(3, 4)(sequences, zeros(2, 1, 4).transpose(0, 1))),
    Wrong(lambda: nn.GRU(3, 4, 2)(sequences, zeros(1, 2, 4)), ShapeError, "= (2, 2, 4)"),
    Wrong(lambda: nn.LSTM(3, 4)(sequences, zeros(1, 2, 4)), DtypeError, "hx as a Tensor",
          lambda: nn.LSTM(3, 4)(sequences, hx=(zeros(1, 2, 4), zeros(1, 2, 4)))),
    Wrong(lambda: nn.GRU(3, 4)(sequences, (zeros(1, 2, 4), zeros(1, 2, 4))), DtypeError, "hx as a tuple",
          lambda: nn.GRU(3, 4)(sequences, hx=zeros(1, 2, 4))),
    Wrong(lambda: nn.LSTM(3, 4, batch_first=True)(zeros(2, 5, 3), lengths=[5, 9]), RangeError,
          "LSTM: got length 9",
          lambda: nn.LSTM(3, 4, batch_first=True)(zeros(2, 5, 3), lengths=np.clip([5, 9], 1, 5))),
    Wrong(lambda: nn.LSTMCell(3, 4)(zeros(2, 7)), ShapeError, "D = 3",
          lambda: nn.LSTMCell(7, 4)(zeros(2, 7))),
    Wrong(lambda: nn.LSTMCell(3, 4)(sequences), ShapeError, "x (5, 2, 3)", lambda: nn.LSTM(3, 4)(sequences)),
    Wrong(lambda: nn.LSTMCell(3, 4)(x23, zeros(2, 4)), DtypeError, "h and c",
          lambda: nn.LSTMCell(3, 4)(x23, hx=(zeros(2, 4), zeros(2, 4)))),
    Wrong(lambda: nn.GRUCell(3, 4)(x23, zeros(4, 2)), ShapeError, "a state (4, 2)"),
    Wrong(lambda: nn.detached(3), DtypeError, "detached: got int 3",
          lambda: nn.detached(nn.RNN(3, 4)(sequences)[1])),
    Wrong(lambda: nn.Embedding(5, 2, padding_idx=5), RangeError, "padding_idx=5",
          lambda: nn.Embedding(5, 2, padding_idx=0)),
    Wrong(lambda: nn.Embedding(5, 2, padding_idx="<pad>"), ArgumentError, "'<pad>'",
          lambda: nn.Embedding(5, 2, padding_idx=0)),
    Wrong(lambda: F.embedding(labels(0), zeros(5, 2), padding_idx=-6), RangeError, "from -5 to 4",
          lambda: F.embedding(labels(0), zeros(5, 2), padding_idx=0)),
    Wrong(lambda: TextClassifier(9)(labels(1, 2)), ShapeError, "tokens (2,)",
          lambda: TextClassifier(9)(labels(1, 2)[None])),
    Wrong(lambda: CharRNN(9)(np.zeros((2, 0), int)), ShapeError, "T at least 1"),
    Wrong(lambda: CharRNN(9, kind="transformer"), ArgumentError, "'transformer'",
          lambda: CharRNN(9, kind="rnn")),
    Wrong(lambda: CharRNN(9).generate([1], -1), ArgumentError, "length=-1",
          lambda: CharRNN(9).generate([1], length=1)),
    Wrong(lambda: CharRNN(9).generate([], 5), ShapeError, "a prompt (0,)",
          lambda: CharRNN(9).generate(prompt=[0], length=5)),
    Wrong(lambda: CharRNN(9).generate([1], 5, temperature=-1), ArgumentError, "temperature=-1",
          lambda: CharRNN(9).generate([1], 5, temperature=1.0)),
]  # fmt: skip

# -- attention and what is built of it -------------------------------------------------------------


small = Seq2Seq(9, 4, 1, 2, 8)


def attend(q: tuple, k: tuple, *mask: Any, v: Any = None, **options: Any) -> Tensor:
    return F.scaled_dot_product_attention(zeros(*q), zeros(*k), zeros(*(v or k)), *mask, **options)


def gpt(**options: Any) -> Any:
    return GPT(9, **{"context": 8, "layers": 1, "heads": 2, "width": 8} | options)


ids = np.zeros((2, 8), np.int64)
mha = nn.MultiheadAttention(8, 2, batch_first=True)
x248 = zeros(2, 4, 8)
ATTENTION = [
    Wrong(lambda: attend((2, 3, 4), (2, 3, 5)), ShapeError, "width 4 against 5",
          lambda: F.scaled_dot_product_attention(zeros(2, 3, 4), zeros(2, 3, 5) @ zeros(5, 4), x248[:, :3])),
    Wrong(lambda: attend((2, 3, 4), (3, 4)), ShapeError, "three times",
          lambda: F.scaled_dot_product_attention(zeros(1, 3, 4), *[zeros(3, 4)[None]] * 2)),
    Wrong(lambda: attend((2, 3, 4), (2, 5, 4), v=(2, 6, 4)), ShapeError, "as many values as keys"),
    Wrong(lambda: attend((1, 4, 3, 2), (1, 2, 3, 2)), ShapeError, "as many heads",
          lambda: attend((1, 4, 3, 2), (1, 2, 3, 2), enable_gqa=True)),
    Wrong(lambda: attend((1, 4, 3, 2), (1, 3, 3, 2), enable_gqa=True), ShapeError, "divide the 4 of q"),
    Wrong(lambda: attend((3, 2), (3, 2), np.ones((3, 3), np.int64)), DtypeError, "attn_mask of dtype int64",
          lambda: attend((3, 2), (3, 2), np.ones((3, 3), np.int64).astype(bool))),
    Wrong(lambda: attend((3, 2), (3, 2), np.ones((3, 3))), DtypeError, "attn_mask of dtype float64",
          lambda: attend((3, 2), (3, 2), np.ones((3, 3)).astype(np.float32))),
    Wrong(lambda: attend((2, 1, 3, 4), (2, 1, 5, 4), np.ones((2, 5), bool)), ShapeError, "attn_mask (2, 5)",
          lambda: attend((2, 1, 3, 4), (2, 1, 5, 4), np.ones((2, 5), bool)[:, None, None, :])),
    Wrong(lambda: attend((3, 2), (3, 2), dropout_p=1.5), ArgumentError, "p=1.5",
          lambda: attend((3, 2), (3, 2), dropout_p=0.5)),
    Wrong(lambda: attend((3, 2), (3, 2), is_causal=1.0), ArgumentError, "is_causal",
          lambda: attend((3, 2), (3, 2), is_causal=True)),
    Wrong(lambda: attend((3, 2), (3, 2), scale="big"), ArgumentError, "scale"),
    Wrong(lambda: F.rotary(zeros(3, 5)), ShapeError, "an even width", lambda: F.rotary(zeros(3, 6))),
    Wrong(lambda: F.rotary(zeros(3, 4), -1), ArgumentError, "offset",
          lambda: F.rotary(zeros(3, 4), offset=0)),
    Wrong(lambda: F.rotary(zeros(3, 4), base=-2.0), ArgumentError, "base=-2.0",
          lambda: F.rotary(zeros(3, 4), base=10000.0)),
    Wrong(lambda: F.split(zeros(5, 2), [2, 2]), ShapeError, "sum is 5"),
    Wrong(lambda: F.split(zeros(5, 2), 0), ArgumentError, "size 0", lambda: F.split(zeros(5, 2), 1)),
    Wrong(lambda: F.group_norm(zeros(2, 6, 3), 4), ShapeError, "6 channels in 4 groups",
          lambda: F.group_norm(zeros(2, 6, 3), num_groups=3)),
    Wrong(lambda: F.group_norm(zeros(2, 6, 3), 0), ArgumentError, "groups=0",
          lambda: F.group_norm(zeros(2, 6, 3), num_groups=1)),
    Wrong(lambda: nn.GroupNorm(4, 6), ShapeError, "6 channels in 4 groups", lambda: nn.GroupNorm(3, 6)),
    Wrong(lambda: nn.GroupNorm(2, 6)(zeros(2, 4, 3)), ShapeError, "x (2, 4, 3)",
          lambda: nn.GroupNorm(1, 4)(zeros(2, 4, 3))),
    Wrong(lambda: nn.MultiheadAttention(8, 3), ArgumentError, "width 8 and 3 heads",
          lambda: nn.MultiheadAttention(8, 2)),
    Wrong(lambda: mha(zeros(2, 4, 6), x248, x248), ShapeError, "an input (2, 4, 6)",
          lambda: nn.MultiheadAttention(6, 1)(*[zeros(2, 4, 6)] * 3)),
    Wrong(lambda: mha(x248, x248, x248, np.zeros((4, 2), bool)), ShapeError, "key_padding_mask (4, 2)",
          lambda: mha(x248, x248, x248, np.zeros((4, 2), bool).T)),
    Wrong(lambda: mha(x248, x248, x248, attn_mask=np.zeros((4, 4), int)), DtypeError, "attn_mask of dtype",
          lambda: mha(x248, x248, x248, attn_mask=np.zeros((4, 4), int).astype(bool))),
    Wrong(lambda: nn.SelfAttention(8, 4, kv_heads=3), ArgumentError, "kv_heads=3",
          lambda: nn.SelfAttention(8, 4, kv_heads=2)),
    Wrong(lambda: nn.SelfAttention(6, 2, rotary=100.0), ArgumentError, "heads 3 wide",
          lambda: nn.SelfAttention(6, 3, rotary=100.0)),
    Wrong(lambda: nn.KeyValueCache(2).extend(*[zeros(1, 1, 3, 2)] * 2), ShapeError, "3 tokens after 0",
          lambda: nn.KeyValueCache(3).extend(zeros(1, 1, 3, 2), zeros(1, 1, 3, 2))),
    Wrong(lambda: nn.LearnedPositions(4, 8)(zeros(1, 5, 8)), ShapeError, "positions up to 4",
          lambda: nn.LearnedPositions(5, 8)(zeros(1, 5, 8))),
    Wrong(lambda: nn.SinusoidalPositions(4, 8)(zeros(1, 2, 8), 3), ShapeError, "positions up to 4",
          lambda: nn.SinusoidalPositions(5, 8)(zeros(1, 2, 8), 3)),
    Wrong(lambda: nn.TransformerEncoderLayer(8, 2, activation="fast"), ArgumentError, "'fast'",
          lambda: nn.TransformerEncoderLayer(8, 2, activation="gelu")),
    Wrong(lambda: nn.TransformerEncoder(nn.ReLU(), 2), DtypeError, "ReLU",
          lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)),
    Wrong(lambda: gpt(norm="batch"), ArgumentError, "norm='batch'", lambda: gpt(norm="layer")),
    Wrong(lambda: gpt()(ids.repeat(2, axis=1)), ShapeError, "tokens (2, 16)",
          lambda: gpt()(ids.repeat(2, axis=1)[:, -8:])),
    Wrong(lambda: gpt()(ids[0]), ShapeError, "tokens (8,)", lambda: gpt()(ids[0][None])),
    Wrong(lambda: gpt().generate(ids[:, :5], 9), ShapeError, "5 tokens and 9 more",
          lambda: gpt().generate(ids[:, :5], count=3)),
    Wrong(lambda: gpt().generate(ids[0], 1), ShapeError, "(8,)", lambda: gpt().generate(ids[0][None, :7], 1)),
    Wrong(lambda: BERT(9, 4, 1, 2, 8)(ids), ShapeError, "tokens (2, 8)",
          lambda: BERT(9, 4, 1, 2, 8)(ids[:, :4])),
    Wrong(lambda: BERT(9, 8, 1, 2, 8)(ids, types=ids), ArgumentError, "types for a model without",
          lambda: BERT(9, 8, 1, 2, 8, types=2)(ids, types=ids)),
    Wrong(lambda: small.generate(ids[:, :4], 0, count=4), ShapeError, "count=4",
          lambda: small.generate(ids[:, :4], 0, count=3)),
    Wrong(lambda: small(ids, ids), ShapeError, "tokens (2, 8)",
          lambda: small(ids[:, :4], ids[:, :4])),
    Wrong(lambda: sample(np.zeros(3)), ShapeError, "logits (3,)", lambda: sample(np.zeros(3)[None])),
    Wrong(lambda: sample(np.zeros((1, 3)), temperature=-1), ArgumentError, "temperature=-1",
          lambda: sample(np.zeros((1, 3)), temperature=1.0)),
    Wrong(lambda: sample(np.zeros((1, 3)), top_k=0), ArgumentError, "top_k=0",
          lambda: sample(np.zeros((1, 3)), top_k=1)),
    Wrong(lambda: sample(np.zeros((1, 3)), top_p=1.5), ArgumentError, "top_p=1.5",
          lambda: sample(np.zeros((1, 3)), top_p=0.9)),
]  # fmt: skip


# -- data, metrics, seeds --------------------------------------------------------------------------


def _data() -> list[Wrong]:
    from tinynn import data, metrics

    x, y = np.zeros((10, 3), np.float32), np.arange(10) % 2
    return [
        Wrong(lambda: data.Batches(x, y[:9], batch_size=2), ShapeError, "one length for all",
              lambda: data.Batches(x[:9], y[:9], batch_size=2)),
        Wrong(lambda: data.Batches(x, y, 5), DtypeError, "5 among the arrays",
              lambda: data.Batches(x, y, batch_size=5)),
        Wrong(lambda: data.Batches(x, y, batch_size=0), ArgumentError, "batch_size=0",
              lambda: data.Batches(x, y, batch_size=64)),
        Wrong(lambda: data.Batches(x, y, batch_size=20, drop_last=True),
              ArgumentError, "at least one full batch",
              lambda: data.Batches(x, y, batch_size=10, drop_last=True)),
        Wrong(lambda: data.Batches(batch_size=4), ArgumentError, "no arrays",
              lambda: data.Batches(x, y, batch_size=64)),
        Wrong(lambda: data.Batches(x[:0], y[:0], batch_size=4), ShapeError, "empty arrays"),
        Wrong(lambda: data.train_val_test_split(x, y, val=0.8, test=0.5),
              ArgumentError, "val=0.8 and test=0.5",
              lambda: data.train_val_test_split(x, y, val=0.2, test=0.2)),
        Wrong(lambda: data.train_val_test_split(x, x), ShapeError, "to stratify by",
              lambda: data.train_val_test_split(x, x, stratify=False)),
        Wrong(lambda: data.Standardise().transform(x), StateError, "no mean and std yet",
              lambda: data.Standardise().fit(x).transform(x)),
        Wrong(lambda: data.Standardise().fit(np.full((4, 3), np.nan)), NonFiniteError, "finite numbers",
              lambda: data.Standardise().fit(np.nan_to_num(np.full((4, 3), np.nan)))),
        Wrong(lambda: data.Flip(2.0), ArgumentError, "p=2.0", lambda: data.Flip(0.5)),
        Wrong(lambda: data.Shift(1)(x), ShapeError, "(N, C, H, W)", lambda: data.Shift(1)(x[None, None])),
        Wrong(lambda: data.spirals(n=1), ArgumentError, "n=1", lambda: data.spirals(n=300)),
        Wrong(lambda: metrics.accuracy(labels(0, 1), labels(0, 1, 1)), ShapeError, "as many of one"),
        Wrong(lambda: metrics.accuracy(labels(), labels()), ShapeError, "empty"),
        Wrong(lambda: metrics.accuracy(labels(0, 1), np.array([0.0, np.nan])), DtypeError, "whole numbers",
              lambda: metrics.accuracy(labels(0, 1), np.asarray([0.0, 1.0], int))),
        Wrong(lambda: metrics.confusion_matrix(labels(0, 3), labels(0, 1), num_classes=2),
              RangeError, "label 3"),
        Wrong(lambda: metrics.top_k_accuracy(a23, labels(0, 1), k=4), ArgumentError, "k=4 for 3 classes",
              lambda: metrics.top_k_accuracy(a23, labels(0, 1), k=3)),
        Wrong(lambda: metrics.roc_auc(np.zeros(2), labels(1, 1)), ArgumentError, "2 positive and 0 negative"),
        Wrong(lambda: metrics.f1(labels(0), labels(0), average="best"), ArgumentError, "'best'",
              lambda: metrics.f1(labels(0), labels(0), average="macro")),
        Wrong(lambda: tinynn.manual_seed("seven"), DtypeError, "str", lambda: tinynn.manual_seed(0)),
        Wrong(lambda: tinynn.manual_seed(-3), ArgumentError, "-3", lambda: tinynn.manual_seed(3)),
    ]  # fmt: skip


TABLE = [*TENSOR, *BACKWARD, *OPS, *IMAGES, *RECURRENT, *ATTENTION, *LOSSES, *NN, *_data()]


def _id(row: Wrong) -> str:
    return f"{row.error.__name__}-{row.says}"


@pytest.fixture(autouse=True)
def keep_the_shared_generator():
    from tinynn.random import get_state, set_state

    before = get_state()
    yield
    set_state(before)


def follows_the_template(error: TinynnError) -> None:
    text = f"{error.where}: got {error.got}; expected {error.expected}."
    assert str(error) == (f"{text} Try: {error.hint}" if error.hint else text)
    assert error.where and error.got and error.expected
    assert "\n" not in str(error) and len(str(error)) < 400
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error) and str(copied) == str(error)


@pytest.mark.parametrize("row", TABLE, ids=_id)
@pytest.mark.parametrize("backend", tinynn.backends.NAMES)
def test_a_wrong_call_gives_the_message_of_the_template(row, backend):
    if backend == "numba" and not tinynn.backends.has_numba():
        pytest.skip("no Numba here")
    with tinynn.backend(backend), pytest.raises(row.error) as caught:
        row.call()
    error = caught.value
    assert type(error) is row.error
    follows_the_template(error)
    assert row.says in str(error)
    places = [(e.name, Path(e.path)) for e in caught.traceback]
    inside = [name for name, path in places if path.parent.name == "ops" and path.stem != "op"]
    assert not any(name.endswith(("_forward", "_backward")) for name in inside)  # not out of a kernel


@pytest.mark.parametrize("row", [r for r in TABLE if r.followed], ids=_id)
def test_following_the_hint_works(row):
    row.followed()


def test_there_are_enough_wrong_calls_and_every_hint_is_followed():
    assert len(TABLE) >= 60
    unfollowed = []
    for row in TABLE:
        with pytest.raises(row.error) as caught:
            row.call()
        if caught.value.hint and not row.followed:
            unfollowed.append(str(caught.value))
    assert not unfollowed, "\n".join(unfollowed)


# -- every op refuses what it cannot take, with no help from a table -------------------------------


MOVERS = ("where", "cast", "reshape", "permute", "broadcast_to", "concat", "stack", "split", "index", "pad")
FIRST = {name: next(c for c in CASES if c.op == name) for name in ops.catalogue}


@pytest.mark.parametrize("name", [n for n in ops.catalogue if n not in MOVERS])
def test_every_op_that_computes_refuses_text_by_its_own_name(name):
    case = FIRST[name]
    arrays = [a.astype("U3") if a.dtype.kind == "f" else a for a in case.arrays()]
    with pytest.raises(DtypeError, match=f"^{name}: got"):
        ops.catalogue[name].forward(*arrays, **case.params)


@pytest.mark.parametrize("name", [n for n in ops.catalogue if n not in ("concat", "stack")])
def test_every_op_counts_its_inputs(name):
    params = FIRST[name].params
    with pytest.raises(TinynnError, match=f"^{name}: got NoneType"):
        ops.catalogue[name].forward(**params)
    with pytest.raises(TinynnError, match=f"^{name}: got 12 inputs"):
        ops.catalogue[name].forward(*[a23] * 12, **params)


@pytest.mark.parametrize("name", [n for n in ops.catalogue if not n.endswith("_update")])
def test_every_op_refuses_two_precisions_by_its_own_name(name):
    case = next((c for c in CASES if c.op == name and len(c.makers) > 1), None)
    if case is None or [a.dtype.kind for a in case.arrays()].count("f") < 2:
        return  # one input has one dtype
    arrays = case.arrays()
    arrays[-1] = arrays[-1].astype(np.float32)
    with pytest.raises(DtypeError, match=f"^{name}: got.*float64.*float32"):
        ops.catalogue[name].forward(*arrays, **case.params)


@pytest.mark.parametrize("name", [n for n in ops.catalogue if n.endswith("_update")])
def test_an_update_that_is_refused_changes_nothing(name):
    p = np.ones(3, np.float32)
    state = [np.ones(3, np.float32) for _ in range(3)]
    with pytest.raises(ShapeError):
        ops.catalogue[name].forward(p, np.ones(4, np.float32), *state, lr=0.1, t=1)
    assert p.tolist() == [1, 1, 1] and all(s.tolist() == [1, 1, 1] for s in state)


def test_a_refused_call_leaves_the_tape_as_it_was():
    x = leaf(2, 3)
    y = x * 2
    with pytest.raises(ShapeError):
        _ = y @ y
    with pytest.raises(RangeError):
        y.sum(dim=5)
    y.sum().backward()
    assert x.grad.tolist() == [[2] * 3] * 2
    with pytest.raises(ShapeError), no_grad():
        _ = x @ x
    assert tinynn.is_recording()


def test_an_error_is_also_the_one_python_would_raise():
    pairs = {ShapeError: ValueError, DtypeError: TypeError, RangeError: IndexError, FileError: OSError}
    for error, builtin in {**pairs, StateError: RuntimeError, KeysError: ValueError}.items():
        assert issubclass(error, builtin) and issubclass(error, TinynnError)


# -- files -----------------------------------------------------------------------------------------


def saved(folder: Path) -> Path:
    from tinynn import checkpoint

    return checkpoint.save(folder / "run.safetensors", model=nn.Linear(3, 2))


def _files(folder: Path) -> dict[str, Wrong]:
    from tinynn import checkpoint, data
    from tinynn.data.disk import read_idx

    whole = saved(folder)
    truncated, foreign, text = folder / "truncated", folder / "foreign", folder / "notes.txt"
    truncated.write_bytes(whole.read_bytes()[:-10])
    foreign.write_bytes(pickle.dumps({"weight": [1, 2]}))
    text.write_text("loss 0.3", encoding="utf-8")
    idx = folder / "t10k-images-idx3-ubyte"
    idx.write_bytes(b"\x00\x00\x08\x03\x00\x00\x00\x05")
    load = lambda path, model=None: checkpoint.load(path, model=model or nn.Linear(3, 2))
    return {
        "missing": Wrong(lambda: load(folder / "nowhere"), FileError, "nowhere"),
        "truncated": Wrong(lambda: load(truncated), FileError, "truncated"),
        "pickled": Wrong(lambda: load(foreign), FileError, "foreign"),
        "text": Wrong(lambda: load(text), FileError, "notes.txt"),
        "a folder": Wrong(lambda: load(folder), FileError, folder.name),
        "another model": Wrong(lambda: load(whole, nn.Linear(3, 4)), KeysError, "(4, 3)"),
        "another class": Wrong(lambda: load(whole, nn.Sequential(nn.Linear(3, 2))), KeysError, "0.weight"),
        "weights of another model": Wrong(
            lambda: checkpoint.load_weights(whole, nn.Linear(7, 2)), KeysError, "(2, 7)"
        ),
        "a part that was not saved": Wrong(
            lambda: checkpoint.load(whole, optimizer=sgd()), KeysError, "optimizer"
        ),
        "no MNIST": Wrong(lambda: data.load_mnist(folder / "mnist"), FileError, "train-images"),
        "a cut idx file": Wrong(lambda: read_idx(idx, 3), FileError, idx.name),
        "no CIFAR-10": Wrong(lambda: data.load_cifar10(folder), FileError, "data_batch_1"),
    }


FILES = [
    "missing", "truncated", "pickled", "text", "a folder", "another model", "another class",
    "weights of another model", "a part that was not saved", "no MNIST", "a cut idx file", "no CIFAR-10",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_gives_the_message_of_the_template(name, tmp_path):
    rows = _files(tmp_path)
    assert list(rows) == FILES
    with pytest.raises(rows[name].error) as caught:
        rows[name].call()
    assert caught.value.where and rows[name].says in str(caught.value)
    assert str(caught.value).startswith(f"{caught.value.where}: got {caught.value.got}; expected")


def test_a_bad_file_changes_nothing(tmp_path):
    from tinynn import checkpoint

    whole, model = saved(tmp_path), nn.Linear(3, 2)
    before = {key: array.copy() for key, array in model.state_dict().items()}
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[:-10])
    with pytest.raises(FileError):
        checkpoint.load(cut, model=model)
    with pytest.raises(KeysError):
        checkpoint.load(whole, model=model, optimizer=sgd())
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])
