"""How far rounding may move each number of a program: measured, by rounding every operation at random.

A pass may add in another order, or replace an operation by others that mean the same: then every intermediate value is
rounded in another way. How much that changes a result depends on the whole program, not on its dtype alone. So the
program is run several times, and in each run every value that rounding touches is moved by a few units in the last
place at random (Monte Carlo arithmetic). What results move by is what rounding can explain, times a factor of safety;
where they do not move, as integers far from any jump, they must stay equal to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.families import Elementwise
from pullback.dialects.graph.op.graph_op import Array, GraphOp
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.variables import ArithmeticUpdate, VariableOp
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.types import data_type_of, element_type_of
from pullback.driver.checking.partial_evaluation import PartialEvaluator

RUNS = 6
"""How often a program is rounded at random."""
MANY_RUNS = 32
"""How often before a number counts as another."""
SAFETY = 8.0
"""How many times as far as in any of these runs rounding may move a number."""
ULPS = 4.0
"""Units in the last place of a number, and half as many of the largest of its array, that are always allowed."""
MOVED = 2.0
"""Units in the last place by which a value is moved at most."""


def _named(words: str) -> frozenset[str]:
    return frozenset(f"graph.{word}" for word in words.split())


_ARITHMETIC = _named(
    "add subtract multiply divide square squared_difference reciprocal div_no_nan mul_no_nan"
)
"""Elementwise operations that round though all targets agree on them to the bit."""
_SELECTING = _named(
    "max min any all argmax argmin argsort top_k searchsorted unique is_last one_hot pad shape_of size iota "
    "read read_rows assign scatter_update gather gather_nd take_along_axis dynamic_slice strided_slice_gradient "
    "matrix_diag matrix_band_part make_slices slice_values slice_indices concat_slices push pop empty_stack "
    "backward gradient_results gate custom_gradient"
)
"""Other operations whose results are elements of operands, zeros, or whole numbers."""


def unit(dtype: np.dtype[Any]) -> float:
    """The distance from 1 to the next number of a real or complex dtype."""
    if dtype.name == "bfloat16":
        return 2.0**-7
    return float(np.finfo(dtype).eps)


def is_inexact(dtype: np.dtype[Any]) -> bool:
    """Whether numbers of a dtype are rounded: real and complex ones."""
    return dtype.kind in "fc" or dtype.name == "bfloat16"


class RoundingEvaluator(PartialEvaluator):
    """Moves every value that is rounded by a few units in the last place, at random.

    Args:
        variables, recorded, within: as for `PartialEvaluator`.
        rng: the generator.
    """

    def __init__(
        self,
        variables: Mapping[str, Array],
        rng: np.random.Generator,
        recorded: dict[SSAValue, Any] | None = None,
        within: Sequence[func.FuncOp] = (),
    ) -> None:
        super().__init__(variables, recorded, within)
        self._rng = rng

    def for_call(self, callee: func.FuncOp) -> PartialEvaluator:
        return RoundingEvaluator(self.variables, self._rng, self.recorded, (*self.within, callee))

    def results(self, op: Operation, operands: Sequence[Any]) -> Sequence[Any]:
        if isinstance(op, VariableOp | While | Kernel) or not isinstance(op, GraphOp) or not _rounds(op):
            return super().results(op, operands)
        if isinstance(op, ArithmeticUpdate):
            results = super().results(op, operands)
            operands[0][...] = self._moved(operands[0], MOVED)
            return results
        terms = 1 if isinstance(op, Elementwise) else _terms(operands)
        results = super().results(op, [self._moved(value, MOVED * sqrt(terms)) for value in operands])
        return [self._moved(value, MOVED) for value in results]

    def _moved(self, value: Any, ulps: float) -> Any:
        if isinstance(value, SlicesValue):
            return value._replace(values=self._moved(value.values, ulps))
        if not isinstance(value, np.ndarray) or not is_inexact(value.dtype):
            return value
        value = self._signed(value)
        most = min(unit(value.dtype) * ulps, 1 / 8)
        by = most * self._rng.uniform(-1, 1, value.shape)
        if value.dtype.kind == "c":
            by = by + 1j * most * self._rng.uniform(-1, 1, value.shape)
        wide = np.complex128 if value.dtype.kind == "c" else np.float64
        with np.errstate(all="ignore"):
            return np.asarray(value.astype(wide) * (1 + by)).astype(value.dtype)

    def _signed(self, value: Array) -> Array:
        """The array, its NaNs negated in half of all cases: IEEE 754 leaves their signs open, and processors differ."""
        if value.dtype.kind == "c" or self._rng.random() < 0.5:
            return value
        return np.where(np.isnan(value), -value, value)


def _rounds(op: GraphOp) -> bool:
    """Whether results of an operation are rounded: not where it selects, moves or compares."""
    if getattr(op, "TAKES", None) is not None or not op.operands or op.name in _SELECTING:
        return False
    if isinstance(op, Elementwise) and op.name not in _ARITHMETIC:
        return not all(type(op).EXACT(element_type_of(data_type_of(t))) for t in op.result_types)
    return True


def _terms(operands: Sequence[Any]) -> float:
    """At most how many terms an element of a result is a sum of; half precision is added up in single."""
    arrays = [value for value in operands if isinstance(value, np.ndarray) and is_inexact(value.dtype)]
    if any(array.dtype.itemsize < 4 for array in arrays):
        return 1
    return float(max((array.size for array in arrays), default=1) or 1)


class Spread:
    """How far each of a list of arrays was moved in the runs of a program with random roundings.

    Args:
        values: those of a run as it is.
        run: runs the program with a generator, and gives the same list of values.
    """

    def __init__(
        self, values: Sequence[Any], run: Callable[[np.random.Generator], Sequence[Any]], runs: int = RUNS
    ) -> None:
        self._values = [numbers(value) for value in values]
        self._spread = [np.zeros(value.shape) for value in self._values]
        for number in range(runs):
            moved = run(np.random.default_rng([number, 77]))
            for place, (value, other) in enumerate(zip(self._values, map(numbers, moved), strict=True)):
                self._spread[place] = np.maximum(self._spread[place], distance(value, other))

    def allowed(self, place: int) -> Array:
        """How far rounding may move each element of the value at this place of the list."""
        return SAFETY * self._spread[place]


def numbers(value: Any) -> Array:
    """The numbers of a value as f64 or complex<f64>, integers as they are; slices made dense, nothing of an unknown."""
    if not isinstance(value, np.ndarray | np.generic | SlicesValue):
        return np.empty(0)
    array = np.asarray(value.dense() if isinstance(value, SlicesValue) else value)
    if not is_inexact(array.dtype):
        return array
    with np.errstate(invalid="ignore"):  # memory that nothing has written may hold a signaling NaN
        return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def distance(a: Array, b: Array) -> Array:
    """How far two arrays of numbers of one shape are apart: 0 for equal ones and two NaN.

    What is NaN in one of them alone is infinitely far. Complex numbers that are not finite are all equal.
    """
    if a.shape != b.shape:
        return np.full(a.shape, np.inf)
    if a.dtype.kind in "biu" and b.dtype.kind in "biu":
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
        return np.where(a == b, 0.0, np.maximum(apart, 1.0))  # a difference of i64 may be lost in f64
    with np.errstate(all="ignore"):
        apart = np.abs(a - b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if a.dtype.kind == "c":  # folds take the complex number 1 as real, whose products have no NaN
        same |= ~np.isfinite(a) & ~np.isfinite(b)
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
