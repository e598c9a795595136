"""Describes memory of a device by a NumPy array: its address, shape and element type. Nothing may read the array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback.backends.cuda_runtime.dependencies import Range

Array = npt.NDArray[Any]


class _Described:
    def __init__(self, address: int, size: int) -> None:
        self.__array_interface__ = {
            "version": 3,
            "shape": (size,),
            "typestr": "|u1",
            "data": (address, False),
        }


def described(address: int, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """An array over memory that begins at `address`, of which it only says where it is: views of it are others."""
    size = byte_size(shape, dtype)
    # NumPy makes an array without elements lie anywhere: what is described has one byte at least.
    bytes_ = np.asarray(_Described(address, max(size, 1)))
    return bytes_[:size].view(dtype).reshape(tuple(shape))


def address_of(array: Array) -> int:
    """The address of the first element."""
    return array.ctypes.data


def range_of(array: Array) -> Range:
    """The bytes of a contiguous array; one for an array without elements, of which a kernel has the address, too."""
    address = address_of(array)
    return address, address + max(array.nbytes, 1)


def byte_size(shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    """The bytes of an array whose elements lie side by side."""
    return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
