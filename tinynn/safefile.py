"""Values and safetensors files: nested states taken apart into tensors and JSON, and files read with care."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from .errors import DtypeError, FileError
from .gpu.arrays import is_on_gpu, to_host
from .tensor import Tensor

KINDS = {
    b"PK\x03\x04": "a zip archive (.npz, or PyTorch's pickle)",
    b"\x80": "a pickle",
    b"\x89HDF": "an HDF5 file",
}


def pack(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Put the arrays in `value` aside under dotted names, and return the rest as JSON can hold it."""
    if isinstance(value, (np.ndarray, Tensor)) or is_on_gpu(value):
        array = np.asarray(to_host(value.data if isinstance(value, Tensor) else value), order="C")
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            raise DtypeError("save", f"{name} of dtype {array.dtype}", "real numbers of at most 64 bits")
        while name in arrays:  # {"a.b": x, "a": {"b": y}}
            name += "_"
        arrays[name] = array
        return {"$": "array", "name": name}
    if isinstance(value, Mapping):
        items = [[k, pack(v, f"{name}.{k}", arrays)] for k, v in value.items()]
        plain = all(isinstance(k, str) for k, _ in items) and "$" not in value
        if plain:
            return dict(items)
        return {"$": "dict", "items": [[pack(k, f"{name} key", arrays), v] for k, v in items]}
    if isinstance(value, (list, tuple)):
        items = [pack(v, f"{name}.{i}", arrays) for i, v in enumerate(value)]
        return items if isinstance(value, list) else {"$": "tuple", "items": items}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    got = f"{name} of type {type(value).__name__}"
    raise DtypeError("save", got, "numbers, text, arrays, and lists and dicts of them", f"str({name})")


def unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The value that `pack` took apart."""
    if isinstance(value, list):
        return [unpack(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$")
    if kind == "array":
        return arrays[value["name"]]
    if kind == "tuple":
        return tuple(unpack(v, arrays) for v in value["items"])
    items = value["items"] if kind == "dict" else value.items()
    return {unpack(k, arrays): unpack(v, arrays) for k, v in items}


def read_file(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Tensors and metadata. The file is read at once and closed: Windows replaces no file that is open."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        got = f"{path} ({problem.strerror or type(problem).__name__})"
        raise FileError("checkpoint", got, "a file that can be read") from None
    try:
        views = safetensors.deserialize(data)
    except safetensors.SafetensorError as problem:
        got = f"{path}, {_diagnosis(data)}"
        raise FileError("checkpoint", got, "a safetensors file", _hint(data)) from problem
    unknown = sorted({view["dtype"] for _, view in views} - _TYPES.keys() - {"BF16"})
    if unknown:
        got = f"{path} with tensors of {', '.join(unknown)}"
        raise FileError("checkpoint", got, ", ".join([*_TYPES, "BF16"]))
    return {name: _array(view) for name, view in views}, _header(data).get("__metadata__", {})


_TYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BOOL": np.bool_,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
    "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8,
}  # fmt: skip


def _array(view: Mapping[str, Any]) -> np.ndarray:
    """An array of its own; bfloat16, which NumPy does not know, as the float32 with the same upper half."""
    if view["dtype"] == "BF16":
        bits = np.frombuffer(view["data"], "<u2").astype(np.uint32) << 16
        return bits.view(np.float32).reshape(view["shape"])
    dtype = np.dtype(_TYPES[view["dtype"]]).newbyteorder("<")
    return np.frombuffer(view["data"], dtype).reshape(view["shape"]).astype(dtype.newbyteorder("="))


def _header(data: bytes) -> dict[str, Any]:
    """A safetensors file is the length of its header in 8 bytes, the header as JSON, then the tensors."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length])


def _diagnosis(data: bytes) -> str:
    """What is wrong with a file that is no safetensors file."""
    for start, kind in KINDS.items():
        if data.startswith(start):
            return kind
    try:
        header = _header(data)
        wanted = 8 + struct.unpack("<Q", data[:8])[0]
        header.pop("__metadata__", None)
        wanted += max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, struct.error):
        cut = len(data) <= 8 or data[8:9] == b"{"
        return f"cut short after {len(data)} bytes" if cut else "a file of another kind"
    return f"cut short: {len(data)} of {wanted} bytes" if len(data) < wanted else "damaged"


def _hint(data: bytes) -> str | None:
    if data.startswith((b"PK\x03\x04", b"\x80")):
        return "safetensors.torch.save_file(torch_model.state_dict(), 'model.safetensors') in PyTorch"
    return None
