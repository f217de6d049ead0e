"""Checkpoints: a run saved as one safetensors file, from which it continues bit for bit.

    checkpoint.save("run.safetensors", model=model, optimizer=optimizer, batches=batches, history=history)
    checkpoint.load("run.safetensors", model=model, optimizer=optimizer, batches=batches, history=history)

A *part* is anything with `state_dict` and `load_state_dict`, under a name of your choice. Arrays become
tensors named ``part.key``, which any safetensors reader shows; all else is JSON in the file's header.
Nothing is pickled, so a file from a stranger cannot run code.
"""

from __future__ import annotations

import json
import operator
import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from .atomic import write
from .errors import DtypeError, FileError, KeysError
from .nn import Module
from .nn.utils import named_generators
from .random import generator, get_state, set_state
from .safefile import pack, read_file, unpack

FORMAT = "1"


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes
    ----------
    parts : dict of str to dict
        State of each part.
    step : int or None
    extra : Any
        As they were given to `save`.
    versions : dict of str to str
        Of tinynn, NumPy and Python when it was saved; empty for a file of another program.
    kinds : dict of str to str
        Class of each part.
    generators : dict
        States of the shared generator and of those that modules keep.
    """

    parts: dict[str, Any]
    step: int | None = None
    extra: Any = None
    versions: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    generators: dict[str, Any] = field(default_factory=dict)


def save(path: str | Path, *, step: int | None = None, extra: Any = None, **parts: Any) -> Path:
    """Save `parts`, such as model, optimizer, schedule, batches and history, and the random generators.

    The file is written beside its final place and then moved there in one go: whatever happens, the old
    file or the new one is there, whole.

    Parameters
    ----------
    path : str or Path
        Missing folders are made.
    step : int, optional
    extra : JSON-like or arrays, optional
        Anything to find again: numbers, text, lists, dicts.
    **parts
        Objects with `state_dict` and `load_state_dict`.

    Returns
    -------
    Path

    Warns
    -----
    RuntimeWarning
        If weights are NaN or infinite. They are saved as they are, since refusing could lose a run.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, part in parts.items():
        _check_part("save", name, part)
    states = {name: pack(part.state_dict(), name, arrays) for name, part in parts.items()}
    header = {
        "step": None if step is None else _whole(step),
        "extra": pack(extra, "extra", arrays),
        "parts": states,
        "kinds": {name: type(part).__name__ for name, part in parts.items()},
        "generators": {name: get_state(g) for name, g in _generators(parts).items()},
        "versions": _versions(),
    }
    _warn_of_nan(path, parts, arrays)
    metadata = {"tinynn": FORMAT, "state": json.dumps(header)}
    return write(path, safetensors.numpy.save(arrays, metadata))


def _whole(step: Any) -> int:
    """A step counted by NumPy is a plain number in the file."""
    try:
        return operator.index(step)
    except TypeError:
        raise DtypeError("save", f"step={step!r}"[:80], "a whole number", "step=100") from None


def load(path: str | Path, **parts: Any) -> Checkpoint:
    """Continue where `save` was called: put every part, and the random generators, into its saved state.

    Everything is checked before anything changes, and an error on the way is undone. Parts of the file
    that are not asked for stay unused. To use a trained model, `load_weights` is enough.

    Raises
    ------
    FileError
        For a file that is missing, cut short or no checkpoint.
    KeysError
        For a part that the file does not have or that does not fit.
    """
    found = read(path)
    for name, part in parts.items():
        _check_part("load", name, part)
        _check_kind(path, name, part, found)
    generators = _fitting_generators(path, parts, found)
    _apply([(part, found.parts[name]) for name, part in _batches_last(parts)])
    for g, state in generators:
        set_state(state, g)
    return found


def load_weights(path: str | Path, model: Module) -> Module:
    """Copy only the weights into `model`: of a checkpoint, or of a safetensors file that PyTorch wrote.

    Float16 and bfloat16 become the model's dtype. Raises as `load` does, and returns the model.
    """
    found = read(path)
    if "model" not in found.parts:
        raise _no_part("load_weights", path, "model", found)
    model.load_state_dict(found.parts["model"])
    return model


def read(path: str | Path) -> Checkpoint:
    """Read a whole file and change nothing; the tensors of a foreign one are its part "model"."""
    tensors, metadata = read_file(Path(path))
    if "tinynn" not in metadata:
        return Checkpoint({"model": tensors})
    if metadata["tinynn"] != FORMAT:
        got = f"{path} of format {metadata['tinynn']}"
        raise FileError("checkpoint", got, f"format {FORMAT}", "a newer tinynn")
    try:
        header = json.loads(metadata["state"])
        found = Checkpoint(**{key: unpack(value, tensors) for key, value in header.items()})
        for part in (found.parts, found.versions, found.kinds, found.generators):
            part.items()
        return found
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        got = f"{path}, whose header is damaged ({type(problem).__name__}: {problem})"
        raise FileError("checkpoint", got, "a file that save wrote") from None


# -- parts -------------------------------------------------------------------------------------------------


def _check_part(where: str, name: str, part: Any) -> None:
    if not (hasattr(part, "state_dict") and hasattr(part, "load_state_dict")):
        got = f"{name} of type {type(part).__name__}"
        hint = f"extra={{{name!r}: ...}} for plain values"
        raise DtypeError(where, got, "an object with state_dict and load_state_dict", hint)


def _check_kind(path: str | Path, name: str, part: Any, found: Checkpoint) -> None:
    """An Adam state fits AdamW by its keys, and yet belongs to another run. Models are told by their keys."""
    if name not in found.parts:
        raise _no_part("load", path, name, found)
    saved, own = found.kinds.get(name), type(part).__name__
    if saved not in (None, own) and not isinstance(part, Module):
        got = f"{path}, whose {name} is of class {saved}"
        raise KeysError("load", got, f"class {own}", f"{name} of class {saved}")


def _no_part(where: str, path: str | Path, name: str, found: Checkpoint) -> KeysError:
    got = f"{path} with {', '.join(found.parts) or 'no parts'}"
    return KeysError(where, got, f"a file with {name}", f"save(path, {name}={name}, ...)")


def _batches_last(parts: dict[str, Any]) -> list[tuple[str, Any]]:
    """A schedule writes into the optimiser, and a loader cannot be put back in the midst of an epoch."""
    order = ("model", "optimizer")
    rank = lambda item: order.index(item[0]) if item[0] in order else 3 if hasattr(item[1], "__iter__") else 2
    return sorted(parts.items(), key=rank)


def _apply(states: list[tuple[Any, Any]]) -> None:
    """Load every state, or none: a part that refuses has not changed, and those before it are put back."""
    before: list[tuple[Any, Any]] = []
    try:
        for part, state in states:
            old = part.state_dict()
            part.load_state_dict(state)
            before.append((part, old))
    except BaseException:
        for part, old in before:
            part.load_state_dict(old)
        raise


# -- random generators, versions, warnings ------------------------------------------------------------------


def _generators(parts: Mapping[str, Any]) -> dict[str, np.random.Generator]:
    """The shared generator, and those that modules keep for themselves, by path."""
    found = {"shared": generator()}
    for name, part in parts.items():
        found |= named_generators(part, name) if isinstance(part, Module) else {}
    return found


def _fitting_generators(
    path: str | Path, parts: Mapping[str, Any], found: Checkpoint
) -> list[tuple[np.random.Generator, dict]]:
    """Generators beside the states for them, each tried out on a copy."""
    own, saved = _generators(parts), found.generators
    if missing := sorted(own.keys() - saved.keys()):
        got = f"{path} without the random generators {', '.join(missing)}"
        raise KeysError("load", got, "a file that save wrote from such parts", "load_weights(path, model)")
    for name, g in own.items():
        set_state(saved[name], np.random.Generator(type(g.bit_generator)()))
    return [(g, saved[name]) for name, g in own.items()]


def _versions() -> dict[str, str]:
    from . import __version__  # here, since the package gathers this module

    return {"tinynn": __version__, "numpy": np.__version__, "python": platform.python_version()}


def _warn_of_nan(path: str | Path, parts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    models = tuple(f"{name}." for name, part in parts.items() if isinstance(part, Module))
    bad = [name for name, a in arrays.items() if name.startswith(models) and not np.isfinite(a).all()]
    if bad:
        text = f"{path}: {', '.join(bad)} with NaN or infinite values, saved as they are"
        warnings.warn(text, RuntimeWarning, stacklevel=3)
