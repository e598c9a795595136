"""`Tensor`: a handle of an SSA value with Python's operators, as users, gradient rules and tests write them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from types import FunctionType
from typing import Any, ClassVar, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.dialects.graph.tensor.insertion import inserting_beside, is_inserting
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.types import (
    GraphError,
    dtype_name,
    element_type_of,
    is_complex,
    shape_of_type,
)
from pullback.dialects.ir.positions import calls_no_user_code
from pullback.process.registries import Registry

OPS: Registry[Any] = Registry("operation")
"""Every class of graph operations by name, in the order of the dialect; defined here so that operators find it."""
INDEXING: dict[str, Callable[..., Any]] = {}
"""`item`, `rows` and `length`: what `x[key]`, `iter(x)` and `len(x)` call. `by_index/index.py` enters them."""


def _refuse(expression: str, instead: str) -> Callable[..., NoReturn]:
    """Makes the method of an operator that tensors do not have: it raises, and names the function to use instead."""

    def refuse(*operands: object) -> NoReturn:
        raise TypeError(f"{expression} is no operation on tensors: {instead}")

    return refuse


class Operators:
    """Python's operators on everything that can be used as a tensor (a `Tensor`, a variable)."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy arrays leave `array + tensor` to `Tensor.__radd__`
    __pandas_priority__ = 10_000  # and so does what pandas labels, which would drop the labels

    @abstractmethod
    def as_tensor(self) -> Tensor:
        """Converts to the tensor used in an expression: a variable is read."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int | None, ...]:
        """The extents, `None` where they are known only at run time."""

    @property
    def size(self) -> int | None:
        """The number of elements, `None` where that is known only at run time."""
        shape = self.shape
        return prod(n or 0 for n in shape) if None not in shape else None

    @property
    def T(self) -> Tensor:  # noqa: N802  NumPy's name
        """The axes in reverse order."""
        return _apply("graph.transpose", self)

    @property
    def mT(self) -> Tensor:  # noqa: N802  NumPy's name
        """The last two axes exchanged; `GraphError` where there are fewer."""
        tensor = self.as_tensor()
        with inserting_beside(tensor.value):
            return OPS["graph.transpose"].matrices(tensor)

    def __add__(self, other: Operand) -> Tensor:
        return _apply("graph.add", self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return _apply("graph.add", other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return _apply("graph.subtract", self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return _apply("graph.subtract", other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return _apply("graph.multiply", self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return _apply("graph.multiply", other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return _apply("graph.divide", self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return _apply("graph.divide", other, self)

    def __matmul__(self, other: Operand) -> Tensor:
        return _apply("graph.matmul", self, other)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return _apply("graph.matmul", other, self)

    def __neg__(self) -> Tensor:
        return _apply("graph.negative", self)

    def __pos__(self) -> Tensor:
        return self.as_tensor()

    def __abs__(self) -> Tensor:
        return _apply("graph.abs", self)

    def __pow__(self, other: Operand) -> Tensor:
        return _apply("graph.pow", self, other)

    def __rpow__(self, other: Operand) -> Tensor:
        return _apply("graph.pow", other, self)

    def __floordiv__(self, other: Operand) -> Tensor:
        return _apply("graph.floor_divide", self, other)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return _apply("graph.floor_divide", other, self)

    def __mod__(self, other: Operand) -> Tensor:
        return _apply("graph.remainder", self, other)

    def __rmod__(self, other: Operand) -> Tensor:
        return _apply("graph.remainder", other, self)

    def __gt__(self, other: Operand) -> Tensor:
        return _apply("graph.greater", self, other)

    def __ge__(self, other: Operand) -> Tensor:
        return _apply("graph.greater_equal", self, other)

    def __lt__(self, other: Operand) -> Tensor:
        return _apply("graph.less", self, other)

    def __le__(self, other: Operand) -> Tensor:
        return _apply("graph.less_equal", self, other)

    def __and__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_and", self, other)

    def __rand__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_and", other, self)

    def __or__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_or", self, other)

    def __ror__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_or", other, self)

    def __xor__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_xor", self, other)

    def __rxor__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_xor", other, self)

    def __invert__(self) -> Tensor:
        return _apply("graph.bitwise_invert", self)

    def __lshift__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_left_shift", self, other)

    def __rlshift__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_left_shift", other, self)

    def __rshift__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_right_shift", self, other)

    def __rrshift__(self, other: Operand) -> Tensor:
        return _apply("graph.bitwise_right_shift", other, self)

    __contains__ = _refuse("a in x", "use max() of a comparison")
    __float__ = __int__ = __index__ = _refuse("a number from x", "compute its value with run()")

    def __bool__(self) -> bool:
        raise TypeError("a tensor has no truth value while the graph is built: use where() or while_loop()")

    def __array__(self, *args: object, **kwargs: object) -> None:
        raise TypeError("a tensor has no contents while the graph is built: compute them with run()")

    def __getitem__(self, key: Any) -> Tensor:
        return INDEXING["item"](self, key)

    def __iter__(self) -> Iterator[Tensor]:
        return INDEXING["rows"](self)

    def __len__(self) -> int:
        return INDEXING["length"](self.shape)


for _operator in vars(Operators).values():
    if isinstance(_operator, FunctionType):
        calls_no_user_code(_operator)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Tensor(Operators):
    """A value of the graph.

    Python's operators on it are functions of this page: `+ - * / @ ** // %`, `abs()`, the comparisons `< <= > >=`, and
    `& | ^ ~ << >>` on integers and truth values. `x == y` asks whether both are one object, so that tensors can be keys
    of a dict; `equal()` and `not_equal()` compare the elements.
    """

    DOCUMENTED: ClassVar = ("shape", "dtype", "T", "op")
    """The members that docs/python.md shows: the others are for the inside."""

    value: SSAValue

    def as_tensor(self) -> Tensor:
        return self

    @property
    def type(self) -> Attribute:
        return self.value.type

    @property
    def extents(self) -> tuple[int, ...]:
        """The shape as MLIR holds it: `DYNAMIC_INDEX` for `?`."""
        return shape_of_type(self.value.type)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape, `None` where it is known only at run time."""
        return tuple(None if n == DYNAMIC_INDEX else n for n in self.extents)

    @property
    def ndim(self) -> int:
        return len(self.extents)

    @property
    def element_type(self) -> Attribute:
        return element_type_of(self.value.type)

    @property
    def dtype(self) -> str:
        """The element type's name, such as `"f32"`."""
        return dtype_name(self.element_type)

    @property
    def op(self) -> Operation:
        """The operation that makes this value (the function, for an input)."""
        owner = self.value.owner
        if isinstance(owner, Operation):
            return owner
        parent = owner.parent_op()
        if parent is None:
            raise GraphError("this value belongs to no operation")
        return parent

    @property
    def name(self) -> str:
        return name_of_value(self.value)

    def is_same(self, other: Tensor) -> bool:
        return self.value is other.value

    def __repr__(self) -> str:
        return f"<Tensor {self.name!r}: {self.value.type}>"


Number: TypeAlias = bool | int | float | complex
"""A number of Python, as an operand or a property takes it."""
Operand: TypeAlias = Operators | Number | npt.NDArray[Any] | np.generic | Sequence[Any]
"""What an argument may be: a tensor, or data that becomes a constant of the other argument's dtype."""


def conj(x: Tensor) -> Tensor:
    """The complex conjugate; `x` itself for real dtypes. TensorFlow's gradients are conjugated, and so are rules."""
    return _apply("graph.conj", x) if is_complex(x.element_type) else x


def _apply(name: str, *args: Operand) -> Tensor:
    operation = OPS[name]
    if is_inserting():
        return operation.of(*args)
    # Outside of every graph an operator adds to that of its first tensor.
    operands = [a.as_tensor() if isinstance(a, Operators) else a for a in args]
    first = next(t for t in operands if isinstance(t, Tensor))
    with inserting_beside(first.value):
        return operation.of(*operands)
