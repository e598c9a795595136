"""The CUDA text computes what the IR means: compiled for this machine, and run on fibers.

The numbers are compared with the NumPy table of scalar ops, on ordinary and on extreme values.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from pullback.backends.cuda.program_source import cuda_source, kernel_names
from pullback.backends.fibers.compile_text import compile_text
from pullback.backends.fibers.kernel_library import Library, ThreadOrder, load
from pullback.backends.interpreter.execution_error import symbol_of
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.interpreter.scalar_meanings import meaning
from pullback.tests.backends.cuda.scalar_ops import (
    LANES,
    Case,
    cases,
    module,
    on_vectors,
    plain,
    with_index_bits,
)

pytestmark = pytest.mark.compiler
CASES = cases()
VARIANTS = {
    "64-bit indices": (CASES, 1),
    "32-bit indices": ([case for case in CASES if "index" in case.name], 1),
    "vectors": (on_vectors()[::5], 4),
}
"""The cases, and the lanes that a thread computes at once."""
PARAMETERS = [(variant, case) for variant, (chosen, _) in VARIANTS.items() for case in chosen]


@cache
def built(variant: str) -> ModuleOp:
    """The kernels of a variant."""
    chosen, lanes = VARIANTS[variant]
    if variant == "64-bit indices":
        return plain()
    return with_index_bits(module(chosen, lanes), 32 if variant == "32-bit indices" else 64)


@cache
def library(variant: str) -> Library:
    """The text of a variant, compiled for this machine."""
    return load(compile_text(cuda_source(built(variant)), list(names(variant).values())))


@cache
def names(variant: str) -> dict[Case, str]:
    """What the text calls the kernel of each case."""
    return dict(zip(VARIANTS[variant][0], kernel_names(built(variant)).values(), strict=True))


def values(type_: str, case: Case, position: int) -> np.ndarray:
    """Extreme values first, in an order of each operand's own, then random ones."""
    generator = np.random.default_rng(position)
    if type_ in ("f32", "f64"):
        special = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.inf, -np.inf, np.nan, 1e-3]
        if "fpto" in case.op:
            special = special[:6]
        array = np.r_[special, generator.uniform(0.1, 3.0, LANES)].astype("f4" if type_ == "f32" else "f8")
    elif type_ == "i1":
        array = generator.integers(0, 2, LANES).astype(np.bool_)
    else:
        dtype = np.dtype({"index": "i8", "i64": "i8", "i32": "i4", "i8": "i1"}[type_])
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        wide = [high, low + 1, -7, 7, -1, 1, 2] if type_ != "index" else [7, -7, 1, 2, 3, 100, 5]
        array = np.r_[wide, generator.integers(-100, 100, LANES)].astype(dtype)
        if "index" in case.op and re.search(r"ui|\bu[lg][te]\b", case.op):
            # Taken as unsigned, a negative index depends on the width, and one that needs more bits does.
            array = np.abs(array) & dtype.type(min(high, 2**31 - 1))
        if position and any(word in case.op for word in ("div", "rem")):
            array = np.where(array == 0, dtype.type(3), array)
        if position and ".sh" in case.op:
            array = array % 31
    return np.roll(array[:LANES], 5 * position)


@pytest.mark.parametrize(
    ("variant", "case"), PARAMETERS, ids=[f"{case.name} {variant}" for variant, case in PARAMETERS]
)
def test_text_and_ir_agree(variant: str, case: Case) -> None:
    operands = [values(t, case, position) for position, t in enumerate(case.operands)]
    op = scalar_op(case)
    with np.errstate(all="ignore"):
        expected = np.asarray(meaning(op)(*operands))
    got = np.zeros(LANES, dtype_of(op.results[0].type))
    addresses = [array.ctypes.data for array in (*operands, got)]
    threads = LANES // VARIANTS[variant][1]
    library(variant).launch(names(variant)[case], (1, 1, 1), (threads, 1, 1), addresses, ThreadOrder.FORWARDS)
    if got.dtype.kind == "f":
        np.testing.assert_allclose(got, expected, rtol=1e-6 if got.dtype == np.float32 else 1e-14)
    else:
        np.testing.assert_array_equal(got, expected)


def scalar_op(case: Case) -> Operation:
    """The op of a case, on scalars."""
    for op in built("64-bit indices").walk():
        if op.name == "gpu.func" and symbol_of(op) == case.name:
            return next(op for op in op.walk() if op.results and op.results[0].name_hint == "r")
    raise LookupError(case.name)
