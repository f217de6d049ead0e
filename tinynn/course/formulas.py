"""What each op computes, forward and backward, as one would write it on paper.

In a formula {0}, {1}, ... stand for the inputs, {y} for the output, and {d} for the gradient that
arrives there. Names or numbers may be put in. An op without a formula is written as a call.
"""

from __future__ import annotations

FORWARD = {
    "add": "{0} + {1}",
    "sub": "{0} − {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "pow": "{0}**{1}",
    "neg": "−{0}",
    "relu": "max({0}, 0)",
    "sigmoid": "1 / (1 + exp(−{0}))",
    "matmul": "{0} @ {1}",
    "linear": "{0} @ {1}.T + {2}",
    "maximum": "max({0}, {1})",
}

BACKWARD: dict[str, tuple[str, ...]] = {
    "add": ("{d}", "{d}"),
    "sub": ("{d}", "−{d}"),
    "mul": ("{d} * {1}", "{d} * {0}"),
    "div": ("{d} / {1}", "−{d} * {0} / {1}**2"),
    "pow": ("{d} * {1} * {0}**({1} − 1)", "{d} * {y} * log({0})"),
    "neg": ("−{d}",),
    "exp": ("{d} * {y}",),
    "log": ("{d} / {0}",),
    "sqrt": ("{d} / (2 * {y})",),
    "relu": ("{d} if {0} > 0 else 0",),
    "tanh": ("{d} * (1 − {y}**2)",),
    "sigmoid": ("{d} * {y} * (1 − {y})",),
    "matmul": ("{d} @ {1}.T", "{0}.T @ {d}"),
    "linear": ("{d} @ {1}", "{d}.T @ {0}", "{d} summed over the rows"),
    "sum": ("{d} for every element",),
    "mean": ("{d} divided by the number of elements",),
}
