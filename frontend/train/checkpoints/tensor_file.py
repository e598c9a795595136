"""Reads and writes tensors by name in a file of the safetensors format."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import ml_dtypes
import numpy as np

from pullback.dialects.graph.op.graph_op import Array

FORMAT: dict[np.dtype[Any], str] = {
    np.dtype(np.float64): "F64",
    np.dtype(np.float32): "F32",
    np.dtype(np.float16): "F16",
    np.dtype(ml_dtypes.bfloat16): "BF16",
    np.dtype(np.int64): "I64",
    np.dtype(np.int32): "I32",
    np.dtype(np.int16): "I16",
    np.dtype(np.int8): "I8",
    np.dtype(np.uint8): "U8",
    np.dtype(np.bool_): "BOOL",
    np.dtype(np.complex64): "C64",
}
"""The format's names of dtypes. It has none for complex128."""
PAIRS = "complex128/"
"""The prefix of a tensor's name in the metadata if it holds pairs of f64: the real and the imaginary parts."""
ALIGNMENT = 8
"""The header's length is a multiple of so many bytes."""


class TensorFileError(ValueError):
    """A file is none of this format, or damaged."""


class Stored(NamedTuple):
    """The contents of a file."""

    tensors: Mapping[str, Array]
    """The tensors that were asked for and are there."""
    names: list[str]
    """The names of all tensors."""
    metadata: Mapping[str, str]


def write_tensors(file: BinaryIO, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Writes C-contiguous arrays and texts; raises `OSError` where that fails."""
    import json  # by who saves

    marks = {PAIRS + name: "" for name, array in tensors.items() if array.dtype == np.complex128}
    arrays = {name: _pairs(array) for name, array in tensors.items()}
    # Wide elements first: then each tensor is aligned to its own.
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    header: dict[str, object] = {"__metadata__": {**metadata, **marks}}
    begin = 0
    for name, array in ordered:
        offsets = [begin, begin := begin + array.nbytes]
        header[name] = {"dtype": FORMAT[array.dtype], "shape": array.shape, "data_offsets": offsets}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for _, array in ordered:
        file.write(array.astype(array.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8).data)


def read_tensors(path: Path, wanted: Collection[str]) -> Stored:
    """The tensors of these names, as far as they are there, and all names and texts.

    Raises:
        TensorFileError: the file is none of this format, or damaged.
        OSError: it cannot be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise TensorFileError("it is no file")
    from safetensors import safe_open  # read by programs that restore, and by no other

    try:
        with safe_open(path, "numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            names = list(file.keys())
            tensors = {name: np.asarray(file.get_tensor(name)) for name in names if name in wanted}
    except (OSError, MemoryError):
        raise
    except Exception as error:  # whatever a library raises on bytes of any kind
        raise TensorFileError(str(error) or type(error).__name__) from error
    return Stored(
        {n: _unpaired(n, a) if PAIRS + n in metadata else a for n, a in tensors.items()}, names, metadata
    )


def _pairs(array: Array) -> Array:
    return array[..., np.newaxis].view(np.float64) if array.dtype == np.complex128 else array


def _unpaired(name: str, array: Array) -> Array:
    if array.dtype != np.float64 or array.shape[-1:] != (2,):
        raise TensorFileError(
            f"'{name}' is said to hold pairs of f64, and has shape {array.shape} and dtype {array.dtype}"
        )
    return np.ascontiguousarray(array).view(np.complex128)[..., 0]
