"""Wrong tapes that people write, each known by its name."""

from __future__ import annotations

import numpy as np

from .answer import Tensor


def _gradients(kind):
    def gradients(build, *arrays):
        leaves = [kind(a) for a in arrays]
        loss = build(*leaves)
        loss.backward()
        return float(loss.data), [leaf.grad for leaf in leaves]

    return gradients


def _tape(add=True, keep=False, by_creation=False, fit=None, reset=False, upstream=True, softmax=True):
    class Wrong(Tensor):
        def __init__(self, data, inputs=(), pull=None):
            super().__init__(data, inputs, pull)

        def backward(self):
            order = list(reversed(self.order()))
            if not keep or not upstream:
                for node in order:
                    if node.inputs or reset:
                        node.grad = np.zeros_like(node.data)
            self.grad = self.grad + 1.0
            for node in _breadth(self) if by_creation else order:
                g = node.grad if upstream else np.ones_like(node.grad)
                for i, share in zip(node.inputs, node.pull(g) if node.inputs else ()):
                    share = (fit or Tensor.fit)(share, i.data.shape)
                    i.grad = i.grad + share if add else share

    for name in ("__add__", "__mul__", "__matmul__", "sum", "relu", "exp", "log_softmax"):
        setattr(Wrong, name, _wrapped(getattr(Tensor, name), Wrong))
    if not softmax:
        setattr(Wrong, "log_softmax", lambda x: _softmax_alone(x, Wrong))  # noqa: B010
    return _gradients(Wrong)


def _wrapped(method, kind):
    def made(*args):
        right = method(*args)
        return kind(right.data, right.inputs, right.pull)

    return made


def _softmax_alone(x, kind):
    right = Tensor.log_softmax(x)
    return kind(right.data, (x,), lambda g: (g - np.exp(right.data),))


def _breadth(root):
    found, seen = [root], {root}
    for node in found:
        for i in node.inputs:
            if i not in seen:
                seen.add(i)
                found.append(i)
    return found


WRONG = {
    "overwritten": _tape(add=False),
    "kept": _tape(keep=True),
    "order": _tape(by_creation=True),
    "cleared": _tape(reset=True),
    "no_upstream": _tape(upstream=False),
    "not_summed": _tape(fit=lambda g, shape: g),
    "softmax_upstream": _tape(softmax=False),
}
