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
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ...backends import current_backend, has_numba
from .call import Call, copied
from .traced import is_own


def pack(value: Any) -> bytes:
    """`value` with its functions; arrays with gaps between their elements keep the gaps."""
    return packed(value)[0]


def packed(value: Any) -> tuple[bytes, set[str]]:
    """`pack`, and the files in which the code that travels was written."""
    out = io.BytesIO()
    pickler = _pickler()(out, protocol=5)
    pickler.dump(value)
    return out.getvalue(), pickler.files


def unpack(data: bytes) -> Any:
    return pickle.loads(data)


@cache
def _pickler() -> type:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.files: set[str] = set()

        def reducer_override(self, obj: Any) -> Any:
            code = obj if type(obj) is types.CodeType else _compiled_from(obj)
            if code is not None:
                self.files.add(code.co_filename)
            # Pickle makes every array contiguous, and strides are part of what is asked.
            if (
                type(obj) is np.ndarray
                and obj.size
                and not (obj.flags.c_contiguous or obj.flags.f_contiguous)
            ):
                return gapped, (np.ascontiguousarray(obj),)
            return super().reducer_override(obj)

    return Pickler


def _compiled_from(obj: Any) -> types.CodeType | None:
    """The code of a Numba function, which travels in a pickle of its own."""
    return obj.py_func.__code__ if type(obj).__module__ == "numba.core.registry" else None


def gapped(array: np.ndarray) -> np.ndarray:
    """The same numbers with gaps, as `call.copied` makes them."""
    return copied(np.repeat(array, 2, axis=-1)[..., ::2])


def request(functions: Sequence[Callable] | Sequence[str], calls: Sequence[Call], seconds: float) -> bytes:
    """The payload that asks the worker for `calls`; `functions` may be names that it resolves itself."""
    names = [f for f in functions if isinstance(f, str)]
    data, files = packed(list(functions))
    return pickle.dumps(
        {
            "kind": "run",
            "names": names or None,
            "functions": data,
            "calls": pack(list(calls)),
            "sources": sources(files),
            "seconds": seconds,
            **_surroundings(),
        }
    )


def sources(files: set[str]) -> dict[str, str]:
    """The text of those files that are the student's: the worker cannot read a notebook's cells."""
    texts = {file: "".join(linecache.getlines(file)) for file in files if is_own(file)}
    return {file: text for file, text in texts.items() if text}


def _surroundings() -> dict[str, Any]:
    """What a function may take for granted: where modules and files are found, what runs tinynn's ops."""
    folder = os.getcwd()
    path = [os.path.join(folder, p) if p else folder for p in sys.path]
    # Asking for the backend would choose one, and say so where Numba is missing.
    backend = current_backend() if has_numba() else "numpy"
    return {"path": path, "folder": folder, "backend": backend}
