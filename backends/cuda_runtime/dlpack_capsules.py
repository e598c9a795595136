"""DLPack capsules of arrays on devices: NumPy makes and takes them, and the device is written into what they hold.

Who takes a capsule and drops it runs NumPy's code, which needs no line of Python: it may be in the middle of an
exception then, or in a thread of its own. NumPy knows neither devices nor bf16, so both have other names for it.
"""

from __future__ import annotations

import ctypes
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

CPU, CUDA, CUDA_HOST, CUDA_MANAGED = 1, 2, 3, 13
"""The kinds of devices that DLPack has, as far as they matter here."""
HOST_KINDS = (CPU, CUDA_HOST, CUDA_MANAGED)
"""Those whose memory NumPy can read."""
UNSIGNED, BFLOAT = 1, 4
"""The kinds of elements that NumPy takes for each other."""
BF16 = np.dtype(ml_dtypes.bfloat16)
VERSION = (1, 0)
"""The newest form of capsules that is asked for."""


class _Device(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int32), ("number", ctypes.c_int32))


class _ElementType(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Tensor(ctypes.Structure):
    """`DLTensor`, up to the fields that are used."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("rank", ctypes.c_int32),
        ("element_type", _ElementType),
    )


class _VersionedTensor(ctypes.Structure):
    """`DLManagedTensorVersioned`; its predecessor begins with the tensor."""

    _fields_ = (
        ("version", ctypes.c_uint32 * 2),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _Tensor),
    )


_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.argtypes, _is_valid.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_int
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.argtypes, _pointer.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_void_p


def capsule_of(array: Array, device: int, max_version: tuple[int, int] | None) -> Any:
    """A capsule of memory on a device, which the array describes; it keeps alive what the array refers to."""
    is_bfloat = array.dtype == BF16
    plain = array.view(np.uint16) if is_bfloat else array
    capsule = _numpys(plain, max_version)
    tensor = _tensor_in(capsule)
    tensor.device = _Device(CUDA, device)
    if is_bfloat:
        tensor.element_type.kind = BFLOAT
    return capsule


def array_in(capsule: Any) -> Array:
    """Takes a capsule of memory on a device: an array that describes it, and keeps it alive.

    Raises:
        BufferError: it was taken before, or holds elements that NumPy has no name for.
    """
    tensor = _tensor_in(capsule)
    device, kind = tensor.device, tensor.element_type.kind
    place, is_bfloat = (device.kind, device.number), (kind, tensor.element_type.bits) == (BFLOAT, 16)
    try:
        tensor.device = _Device(CPU, 0)
        if is_bfloat:
            tensor.element_type.kind = UNSIGNED
        array = np.from_dlpack(_Given(capsule))
    finally:  # the producer finds its tensor as it was
        tensor.device, tensor.element_type.kind = _Device(*place), kind
    return array.view(BF16) if is_bfloat else array


def _numpys(array: Array, max_version: tuple[int, int] | None) -> Any:
    if max_version is None:
        return array.__dlpack__()
    try:
        return array.__dlpack__(max_version=max_version)
    except TypeError:  # NumPy before 2.1 knows the first form alone
        return array.__dlpack__()


class _Given:
    """Gives NumPy a capsule as one of the host."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU, 0

    def __dlpack__(self, **options: Any) -> Any:
        return self._capsule


def _tensor_in(capsule: Any) -> _Tensor:
    """The tensor of a capsule that nobody has taken."""
    if _is_valid(capsule, b"dltensor_versioned"):
        return _VersionedTensor.from_address(_pointer(capsule, b"dltensor_versioned")).tensor
    if _is_valid(capsule, b"dltensor"):
        return _Tensor.from_address(_pointer(capsule, b"dltensor"))
    raise BufferError("its __dlpack__ gives a capsule that was taken before, or none at all")
