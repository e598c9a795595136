"""Calls of native code with NumPy arrays, checked natively: a function in LLVM IR that is one of Python's own.

It knows arrays by Python's buffer protocol and NumPy's C API alone, and so nothing of how objects lie in memory. What
it finds wrong, or cannot tell, it leaves to checks in Python, which say more. Dtypes that have no letter in the
protocol come as `unsigned_views`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from pullback.backends.cpu.calls.call_table import CallForm, call_table
from pullback.backends.cpu.calls.checked_call_text import CHECKED_CALL, DECLARATIONS, checked_call_text
from pullback.backends.cpu.calls.numpy_functions import NUMPY_FUNCTIONS, address_in_numpy
from pullback.backends.cpu.entry_arguments import EntryParameter
from pullback.backends.cpu.host_functions import address_of_function
from pullback.backends.cpu.jit_session import compiled_once

METH_FASTCALL = 0x0080
"""Python's `methodobject.h`: the function takes an array of arguments, and their number."""
ONLY_GIVEN = CallForm()
"""A call whose arrays are all given, or bound."""


class _MethodDefinition(ctypes.Structure):
    """`PyMethodDef`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


def checked_call(
    address: int,
    parameters: Sequence[EntryParameter],
    bound: Mapping[int, int],
    form: CallForm = ONLY_GIVEN,
    *,
    holds_lock: bool,
    keep: object = None,
) -> Callable[..., Any]:
    """Makes a function of NumPy arrays, one for each parameter that is not bound and not made, which calls native code.

    It returns what the form says. It returns `NotImplemented`, and has called nothing, where an array does not fit,
    two overlap, or the form says so.

    Args:
        address: of native code that takes a pointer to the addresses of all arguments.
        parameters: what the arrays are checked for.
        bound: the addresses of arguments that are the same in each call.
        form: what else it does.
        holds_lock: whether the native code is called with the global interpreter lock held.
        keep: what lives as long as the function.
    """
    definition = _definition()
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    table, objects = call_table(address, parameters, bound, form, holds_lock=holds_lock)
    return make(ctypes.addressof(definition), (table, objects, form, keep), None)


@cache
def _definition() -> _MethodDefinition:
    """The definition that all these functions share; it has to stay as long as they do, and so it does for good."""
    imported = {name: address_of_function(name) for name in DECLARATIONS if name not in NUMPY_FUNCTIONS}
    imported |= {name: address_in_numpy(name) for name in NUMPY_FUNCTIONS}
    code = compiled_once(checked_call_text(), CHECKED_CALL, imported)
    return _MethodDefinition(b"checked_call", code, METH_FASTCALL, None)
