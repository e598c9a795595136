"""Calls of native code with NumPy arrays, checked natively: a function in LLVM IR that is one of Python's own.

It knows arrays by Python's buffer protocol alone, and so nothing of how objects lie in memory. What it finds wrong, or
cannot tell (a dtype that has no letter in the protocol, such as bf16), it leaves to checks in Python, which say more.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from pullback.backends.cpu.checked_call_text import (
    CHECKED_CALL,
    DECLARATIONS,
    ENTRY,
    HEAD,
    LETTERS,
    checked_call_text,
)
from pullback.backends.cpu.entry_arguments import EntryParameter
from pullback.backends.cpu.host_functions import address_of_function
from pullback.backends.cpu.jit_session import compiled_once

METH_FASTCALL = 0x0080
"""Python's `methodobject.h`: the function takes an array of arguments, and their number."""
FORMAT, C_CONTIGUOUS, WRITABLE = 0x0004, 0x0038, 0x0001
"""Python's `buffer.h`: what is asked of a buffer."""


class _MethodDefinition(ctypes.Structure):
    """`PyMethodDef`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


def checked_call(
    address: int, parameters: Sequence[EntryParameter], bound: Mapping[int, int], *, holds_lock: bool
) -> Callable[..., bool]:
    """Makes a function of NumPy arrays, one for each parameter that is not bound, which calls native code.

    It returns False, and has called nothing, where an array does not fit or two overlap.

    Args:
        address: of native code that takes a pointer to the addresses of all arguments.
        parameters: what the arrays are checked for.
        bound: the addresses of arguments that are the same in each call.
        holds_lock: whether the native code is called with the global interpreter lock held.
    """
    definition = _definition()
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    table = _table(address, parameters, bound, holds_lock)
    return make(ctypes.addressof(definition), table, None)


@cache
def _definition() -> _MethodDefinition:
    """The definition that all these functions share; it has to stay as long as they do, and so it does for good."""
    imported = {name: address_of_function(name) for name in DECLARATIONS}
    code = compiled_once(checked_call_text(), CHECKED_CALL, imported)
    return _MethodDefinition(b"checked_call", code, METH_FASTCALL, None)


def _table(
    address: int, parameters: Sequence[EntryParameter], bound: Mapping[int, int], holds_lock: bool
) -> bytes:
    """What the function knows, as 64-bit words: a head, an entry for each open parameter, and what all have."""
    is_open = [p for p in parameters if p.position not in bound]
    count, first = len(parameters), HEAD + ENTRY * len(is_open)
    extents: list[int] = []
    entries: list[int] = []
    for parameter in is_open:
        entries += _entry(parameter, first + 2 * count + len(extents))
        extents += parameter.shape
    addresses = [bound.get(at, 0) for at in range(count)]
    overlaps = [_overlap(parameter) for parameter in parameters]
    head = [address, count, len(is_open), holds_lock, id(np.ndarray), first]
    words = [*head, *entries, *addresses, *overlaps, *extents]
    return struct.pack(f"{len(words)}q", *map(_signed, words))


def _entry(parameter: EntryParameter, extents: int) -> list[int]:
    """The words of an entry: see `FIELDS`."""
    formats = [_format(dtype) for dtype in parameter.dtypes]
    known = [text for text in formats if text is not None][:LETTERS]
    return [
        parameter.position,
        FORMAT | C_CONTIGUOUS | (WRITABLE if parameter.is_written else 0),
        len(parameter.shape),
        parameter.dtypes[0].itemsize,
        parameter.dtypes[0].alignment - 1,
        _overlap(parameter),
        extents,
        *known,
        *[-1] * (LETTERS - len(known)),
    ]


def _overlap(parameter: EntryParameter) -> int:
    """0 for an argument without elements, which overlaps nothing, 1 for one that is read, 3 for one that is written."""
    return 0 if 0 in parameter.shape else 3 if parameter.is_written else 1


@cache
def _format(dtype: np.dtype[Any]) -> int | None:
    """The format of a dtype in the buffer protocol as a number: its first bytes."""
    try:
        buffer: Any = np.empty(0, dtype)
        text = memoryview(buffer).format.encode()
    except (ValueError, TypeError):
        return None
    return int.from_bytes(text, "little") if len(text) < 3 else None


def _signed(word: int) -> int:
    return word - (1 << 64) if word >= 1 << 63 else word
