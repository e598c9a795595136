"""Functions of NumPy's C API, found as an extension module finds them (`import_array`): in a table of addresses."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

NUMPY_FUNCTIONS = {"PyArray_NewFromDescr": 94, "PyArray_GetPtr": 160}
"""Their places in the table (`__multiarray_api.h`), which are the same in every version of the ABI."""


def address_in_numpy(name: str) -> int:
    """The address of a function of NumPy's C API."""
    core: Any = np._core if hasattr(np, "_core") else np.core  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    contents = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    table = contents(("PyCapsule_GetPointer", ctypes.pythonapi))(core._multiarray_umath._ARRAY_API, None)
    return ctypes.c_size_t.from_address(table + NUMPY_FUNCTIONS[name] * ctypes.sizeof(ctypes.c_void_p)).value
