"""Pattern matching for folds, and the table of the folds of each operation class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from xdsl.ir import Attribute, Operation, OpResult, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.movement.shapes import BroadcastTo, ShapeOf
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import element_type_of, is_static, numpy_dtype, shape_of_type
from pullback.process.recordings import current_recording

Folded: TypeAlias = "Tensor | Sequence[Tensor] | None"
Fold: TypeAlias = Callable[[Any], Folded]
"""A function from an operation to what replaces it, or `None`. A fold makes operations only if it succeeds."""
FoldT = TypeVar("FoldT", bound=Fold)
OpT = TypeVar("OpT", bound=Operation)

FOLDS: dict[type[Operation], list[Fold]] = {}
"""The folds of each operation class that was asked for, in the order in which they are tried; see `folds_of`."""


@dataclass(frozen=True)
class Having:
    """The graph operations, of any dialect, whose class has a property: those that are defined later, too."""

    has: Callable[[Any], bool]


Which: TypeAlias = "type[Operation] | Having"
_REGISTERED: list[tuple[tuple[Which, ...], Fold]] = []
"""Every fold, in order, with the operations that it is for."""


def folds(*which: Which) -> Callable[[FoldT], FoldT]:
    """Decorator: registers a fold for operations of these classes, or of families, see `family` and `Having`."""

    def decorate(fold: FoldT) -> FoldT:
        entry = (which, fold)
        for cls in which:
            if not isinstance(cls, Having):
                folds_of(cls)
        _REGISTERED.append(entry)
        for cls, known in FOLDS.items():
            if _is_among(cls, which):
                known.append(fold)
        if (recording := current_recording()) is not None:
            recording.note("folds", fold.__name__, lambda _: _take_back(entry))
        return fold

    return decorate


def registered_folds() -> list[Fold]:
    """Every fold, in order."""
    return [fold for _, fold in _REGISTERED]


def folds_of(cls: type[Operation]) -> Sequence[Fold]:
    """The folds of an operation class, in the order in which they are tried."""
    found = FOLDS.get(cls)
    if found is None:
        found = FOLDS[cls] = [fold for which, fold in _REGISTERED if _is_among(cls, which)]
    return found


def family(*bases: type[Operation]) -> Having:
    """The operations of these families."""
    # `issubclass` of abstract classes asks every subclass that there is, which shows when all this is imported.
    return Having(lambda op: not {*bases}.isdisjoint(op.__mro__))


def _is_among(cls: type[Operation], which: Sequence[Which]) -> bool:
    return any(w is cls or (isinstance(w, Having) and GraphOp in cls.__mro__ and w.has(cls)) for w in which)


def _take_back(entry: tuple[tuple[Which, ...], Fold]) -> None:
    _REGISTERED.remove(entry)
    for known in FOLDS.values():
        if entry[1] in known:
            known.remove(entry[1])


def producer(tensor: Tensor, cls: type[OpT]) -> OpT | None:
    """The operation that makes this value, if it is of this class (operation classes have no subclasses)."""
    value = tensor.value
    # Folds ask this more often than anything; `isinstance` of abstract classes would cost most of their time.
    if type(value) is not OpResult:
        return None
    op = value.op
    return op if type(op) is cls else None


def all_constant(values: Iterable[SSAValue]) -> bool:
    """Tells whether values are made by `constant` and `fill` alone."""
    return all(type(v) is OpResult and type(v.op) in (Constant, Fill) for v in values)


def number_in(tensor: Tensor) -> Number | None:
    """The number that a tensor is filled with; `None` if it is no `fill`."""
    fill = producer(tensor, Fill)
    return fill.number if fill is not None else None


def elements_of(value: SSAValue) -> Tensor:
    """The tensor that holds a value's elements: itself; of slices that were just made their rows."""
    made = producer(Tensor(value), MakeSlices)
    return Tensor(value if made is None else made.operands[0])


def array_of(tensor: Tensor) -> npt.NDArray[Any] | None:
    """The elements of a constant tensor of static shape; `None` for any other."""
    made = producer(tensor, Constant) or producer(tensor, Fill)
    return made.numpy() if made is not None and is_static(tensor.type) else None


def full_like(value: Number, type_: Attribute, fill: Fill | None = None) -> Tensor:
    """A tensor of this type filled with `value`; `fill` lends its shape operand where the type has a `?`."""
    return Fill.full(value, type_, fill.operands[0] if fill is not None and len(fill.operands) else None)


def same_type(a: Attribute, b: Attribute) -> bool:
    """Tells whether two types are equal; nearly always they are one object."""
    return a is b or a == b


def broadcast_result(op: GraphOp, x: Tensor, *others: Tensor) -> Tensor | None:
    """`x`, broadcast to the shape that `op` on it and these others has, if it is not of that shape.

    `None` where the shape is known only at run time.
    """
    result = op.results[0].type
    if same_type(x.type, result) and (is_static(result) or all(_never_widens(o, x) for o in others)):
        return x
    return BroadcastTo.to(x, shape_of_type(result)) if is_static(result) else None


def _never_widens(other: Tensor, x: Tensor) -> bool:
    """Tells whether broadcasting `x` against `other` leaves it as it is, whatever its `?` are."""
    if other.ndim <= x.ndim and all(n == 1 for n in other.extents):
        return True
    fill = producer(other, Fill)
    if fill is None or not len(fill.operands):
        return False
    shape = producer(Tensor(fill.operands[0]), ShapeOf)
    return shape is not None and shape.operands[0] is x.value


def dtype_of(type_: Attribute) -> np.dtype[Any]:
    """The NumPy dtype of a tensor type."""
    return numpy_dtype(element_type_of(type_))
