"""What the notebook sends to the worker: functions with the text of their lines, and the calls to make.

Functions of a notebook travel by value (cloudpickle), those of installed modules by name. With a function
travel the globals it names, as copies: what it changes in them, it changes in the worker. A function of
the student's own .py file is imported there anew for each check, so that an edited file counts.
"""

from __future__ import annotations

import io
import linecache
import os
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ...backends import current_backend, has_numba
from .call import Call, copied
from .traced import is_own


class Packed(NamedTuple):
    """A pickle, the files in which the code in it was written, and the packages that it takes for granted."""

    data: bytes
    files: set[str]
    packages: set[str]


def pack(value: Any) -> Packed:
    """`value` with its functions; arrays with gaps between their elements keep the gaps."""
    out = io.BytesIO()
    pickler = _pickler()(out, protocol=5)
    pickler.dump(value)
    return Packed(out.getvalue(), pickler.files, pickler.packages)


def unpack(data: bytes) -> Any:
    return pickle.loads(data)


@cache
def _pickler() -> type:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.files: set[str] = set()
            self.packages: set[str] = set()

        def reducer_override(self, obj: Any) -> Any:
            code = obj if type(obj) is types.CodeType else _compiled_from(obj)
            if code is not None:
                self.files.add(code.co_filename)
            if type(obj) is types.CodeType:
                # cloudpickle 3.1.3 leaves out the name of the file, by which tracebacks find the lines.
                kind, args = self.dispatch_table[types.CodeType](obj)
                return written_in, (obj.co_filename, kind, *args)
            self.packages.add(_package(obj))
            # Pickle makes every array contiguous, and strides are part of what is asked.
            if type(obj) is np.ndarray and obj.size and not obj.flags.forc:
                return gapped, (np.ascontiguousarray(obj),)
            return super().reducer_override(obj)

    return Pickler


def _compiled_from(obj: Any) -> types.CodeType | None:
    """The code of a Numba function, which travels in a pickle of its own."""
    return obj.py_func.__code__ if type(obj).__module__ == "numba.core.registry" else None


def written_in(file: str, kind: Callable[..., types.CodeType], *args: Any) -> types.CodeType:
    """A code object that knows its file."""
    return kind(*args).replace(co_filename=file)


def _package(obj: Any) -> str:
    name = obj.__name__ if type(obj) is types.ModuleType else getattr(obj, "__module__", None)
    return name.partition(".")[0] if type(name) is str else ""


def gapped(array: np.ndarray) -> np.ndarray:
    """The same numbers with gaps, as `call.copied` makes them."""
    return copied(np.repeat(array, 2, axis=-1)[..., ::2])


def request(
    functions: Sequence[Callable] | Sequence[str],
    calls: Sequence[Call],
    seconds: float,
    faces: Sequence[str] = (),
) -> bytes:
    """The payload that asks the worker for `calls`; `functions` may be names that it resolves itself.

    With `faces` (see `faces.py`), a call's number is that of a face of the only function.
    """
    asked: dict[str, Any] = {
        "kind": "run", "calls": pack(list(calls)).data, "seconds": seconds, "faces": list(faces)
    }  # fmt: skip
    if all(isinstance(f, str) for f in functions):
        return pickle.dumps({**asked, "names": list(functions)})
    packed = pack(list(functions))
    around = _surroundings(packed.packages)
    return pickle.dumps(
        {**asked, "functions": packed.data, "sources": sources(packed.files), "around": around}
    )


def sources(files: set[str]) -> dict[str, str]:
    """The text of those files that are the student's: the worker cannot read a notebook's cells."""
    texts = {file: "".join(linecache.getlines(file)) for file in files if is_own(file)}
    return {file: text for file, text in texts.items() if text}


def _surroundings(packages: set[str]) -> dict[str, Any]:
    """What a function may take for granted: where modules and files are found, what runs tinynn's ops."""
    folder = os.getcwd()
    path = [os.path.join(folder, p) if p else folder for p in sys.path]
    # Asking for the backend would choose one, and say so where Numba is missing.
    backend = current_backend() if has_numba() else "numpy"
    return {"path": path, "folder": folder, "backend": backend, "modules": slow_modules(packages)}


def slow_modules(packages: Iterable[str]) -> list[str]:
    """What takes long to import and is likely to be needed, so that the function's clock need not count it.

    Numba, where `packages` name it, or tinynn, which compiles.
    """
    return ["numba"] if {"numba", "tinynn"} & set(packages) and has_numba() else []
