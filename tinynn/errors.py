"""One template for every message: where it happened, what came, what was expected, what to try.

    linear: got x (32, 10) and weight (5, 8); expected x (..., 8). Try: nn.Linear(10, 5)

Every error of the package is a `TinynnError` and also the built-in exception a Python programmer
would expect at that place, so `except ValueError` keeps working.
"""

from __future__ import annotations

from typing import Any


class TinynnError(Exception):
    """Base of all errors that tinynn raises on purpose.

    Parameters
    ----------
    where : str
        The function or object that refused, as the caller wrote it: ``"linear"``, ``"Batches"``.
    got : str
        What came, with shapes, dtypes or the value itself.
    expected : str
        What would have been accepted.
    hint : str, optional
        Something to type that is likely to help. A test follows each hint and sees that it works.
    """

    def __init__(self, where: str, got: str, expected: str, hint: str | None = None) -> None:
        got = " ".join(got.split()) if "\n" in got else got  # one line, also where a value prints as several
        self.where, self.got, self.expected, self.hint = where, got, expected, hint
        text = f"{where}: got {got}; expected {expected}."
        super().__init__(f"{text} Try: {hint}" if hint else text)

    def __reduce__(self) -> tuple:
        return type(self), (self.where, self.got, self.expected, self.hint)


class ShapeError(TinynnError, ValueError):
    """Shapes or numbers of dimensions that do not fit together."""


class DtypeError(TinynnError, TypeError):
    """A dtype or a type that this operation does not take."""


class ArgumentError(TinynnError, ValueError):
    """A parameter outside the range that has a meaning."""


class RangeError(TinynnError, IndexError):
    """An index, label or axis outside what it points into."""


class StateError(TinynnError, RuntimeError):
    """The call is right but comes at the wrong moment: a second backward, a finished run."""


class DeviceError(TinynnError, RuntimeError):
    """A device or backend that is not here."""


class KernelError(TinynnError, RuntimeError):
    """A mistake that the interpreter found in a CUDA kernel.

    Parameters
    ----------
    finding : tinynn.gpu.simt.Finding, optional
        The mistake in parts: its kind, line, block and thread, and the other thread of a race.
    """

    def __init__(
        self, where: str, got: str, expected: str, hint: str | None = None, finding: Any = None
    ) -> None:
        super().__init__(where, got, expected, hint)
        self.finding = finding

    def __reduce__(self) -> tuple:
        return type(self), (self.where, self.got, self.expected, self.hint, self.finding)


class KeysError(TinynnError, ValueError):
    """Names that are missing, unexpected or carry the wrong shape (state_dict)."""


class FileError(TinynnError, OSError):
    """A file that is missing, truncated, or of another kind."""


class NonFiniteError(TinynnError, FloatingPointError):
    """A loss, gradient or parameter turned NaN or infinite."""


class GradientError(TinynnError, AssertionError):
    """A gradient that differs from the difference quotient (gradcheck)."""


class MissingError(TinynnError, AttributeError):
    """A method that is not here, though PyTorch or NumPy has one of this name."""
