"""Wrong tapes that people write, each known by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .answer import Tensor

METHODS = ("__add__", "__mul__", "__matmul__", "sum", "relu", "exp", "log_softmax")


def _gradients(kind):
    def gradients(build, *arrays):
        leaves = [kind(a) for a in arrays]
        loss = build(*leaves)
        loss.backward()
        return float(loss.data), [leaf.grad for leaf in leaves]

    return gradients


def _tape(add=True, keep=False, order=None, fit=Tensor.fit, reset=False, upstream=True, **methods):
    """`gradients` by a tape with one thing changed; `methods` take the place of those of the right one."""

    class Wrong(Tensor):
        def backward(self):
            nodes = list(reversed(self.order()))
            if not keep or not upstream:
                for node in nodes:
                    if node.inputs or reset:
                        node.grad = np.zeros_like(node.data)
            self.grad = self.grad + 1.0
            for node in order(self) if order else nodes:
                g = node.grad if upstream else np.ones_like(node.grad)
                for i, share in zip(node.inputs, node.pull(g) if node.inputs else ()):
                    share = fit(share, i.data.shape)
                    i.grad = i.grad + share if add else share

    for name in METHODS:
        setattr(Wrong, name, _wrapped(methods.get(name, getattr(Tensor, name)), Wrong))
    return _gradients(Wrong)


def _wrapped(method, kind):
    def made(*args):
        right = method(*args)
        return kind(right.data, right.inputs, right.pull)

    return made


def _breadth(root):
    found, seen = [root], {root}
    for node in found:
        for i in node.inputs:
            if i not in seen:
                seen.add(i)
                found.append(i)
    return found


def _depth(root):
    found, stack = {}, [root]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = True
            stack.extend(reversed(node.inputs))
    return list(found)


def _exchanged(x, y):
    return Tensor(x.data * y.data, (x, y), lambda g: (g * x.data, g * y.data))


def _all_through(x):
    return Tensor(np.maximum(x.data, 0), (x,), lambda g: (g,))


def _mask_of_upstream(x):
    return Tensor(np.maximum(x.data, 0), (x,), lambda g: (g * (g > 0),))


def _slope_is_input(x):
    return Tensor(np.exp(x.data), (x,), lambda g: (g * x.data,))


def _softmax_alone(x):
    right = Tensor.log_softmax(x)
    return Tensor(right.data, (x,), lambda g: (g - np.exp(right.data),))


def _new_axes_alone(g, shape):
    return g.sum(axis=tuple(range(g.ndim - len(shape))))


def _ones_alone(g, shape):
    return g.sum(axis=tuple(k for k, n in enumerate(shape) if n == 1 and k < g.ndim), keepdims=True)


def _mean(g, shape):
    summed = Tensor.fit(g, shape)
    return summed * (summed.size / max(g.size, 1))


WRONG: list[tuple[str, Callable[..., Any]]] = [
    ("overwritten", _tape(add=False)),
    ("kept", _tape(keep=True)),
    ("order", _tape(order=_breadth)),
    ("order", _tape(order=_depth)),
    ("cleared", _tape(reset=True)),
    ("no_upstream", _tape(upstream=False)),
    ("exchanged", _tape(__mul__=_exchanged)),
    ("not_summed", _tape(fit=lambda g, shape: g)),
    ("new_axes", _tape(fit=_new_axes_alone)),
    ("axes_of_one", _tape(fit=_ones_alone)),
    ("averaged", _tape(fit=_mean)),
    ("all_through", _tape(relu=_all_through)),
    ("mask_of_upstream", _tape(relu=_mask_of_upstream)),
    ("slope_is_input", _tape(exp=_slope_is_input)),
    ("softmax_upstream", _tape(log_softmax=_softmax_alone)),
]
