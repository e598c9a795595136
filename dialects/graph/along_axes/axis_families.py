"""Op families with axes: reductions over several axes (`OverAxes`), and operations along one axis (`AlongAxis`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, UnitAttr, i64
from xdsl.ir import Attribute
from xdsl.irdl import base, opt_prop_def, prop_def

from pullback.dialects.graph.movement.rearranging import ExpandDims, without
from pullback.dialects.graph.op.checks import check_axes, check_axis, check_tensor
from pullback.dialects.graph.op.families import Accepts, OneOperand, check_dtype, real_numeric
from pullback.dialects.graph.op.graph_op import Properties
from pullback.dialects.graph.tensor.attributes import flag, integer_list, integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, element_type_of, shape_of_type, tensor_type


class OverAxes(OneOperand):
    """A reduction of all elements along `axes` to one; with `keepdims` the reduced axes stay as extents of 1."""

    DTYPES: ClassVar[Accepts] = real_numeric
    axes = prop_def(DenseArrayBase)
    keepdims = opt_prop_def(UnitAttr)

    @property
    def reduced(self) -> tuple[int, ...]:
        """The reduced axes, ascending."""
        return tuple(integer_list(self.properties, "axes"))

    @property
    def keeps_dims(self) -> bool:
        return self.keepdims is not None

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = operands
        check_tensor(cls.name, type_, "the operand")
        shape, element_type = shape_of_type(type_), element_type_of(type_)
        check_dtype(cls, element_type)
        reduced = integer_list(properties, "axes")
        check_axes(cls.name, reduced, type_)
        if "keepdims" in properties:
            return [tensor_type(element_type, (1 if i in reduced else n for i, n in enumerate(shape)))]
        return [tensor_type(element_type, without(shape, reduced))]

    @classmethod
    def over(cls, x: Tensor, axes: int | Iterable[int] | None = None, keepdims: bool = False) -> Tensor:
        """Reduces `x` over `axes` (all if `None`; negative ones count from the end)."""
        given = range(x.ndim) if axes is None else [axes] if isinstance(axes, int) else list(axes)
        if any(not -x.ndim <= a < x.ndim for a in given):
            raise GraphError(f"{cls.name}: axes_c1: axes {list(given)} do not exist in {x.type}")
        normal = sorted(a % x.ndim for a in given)
        return cls.of(x, axes=integers(normal), **flag(keepdims, "keepdims"))

    def spread(self, reduced: Tensor) -> Tensor:
        """Reshapes a value of the result's shape so that it broadcasts against the operand."""
        return reduced if self.keeps_dims else ExpandDims.at(reduced, self.reduced)


class AlongAxis(OneOperand):
    """An operation along `axis` whose result has the operand's shape, such as a scan or a softmax."""

    axis = prop_def(base(IntegerAttr))

    @property
    def at(self) -> int:
        """The axis, counted from the front."""
        assert isinstance(self.axis, IntegerAttr)
        return self.axis.value.data

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        type_ = operands[0]
        check_tensor(cls.name, type_, "the operand")
        check_dtype(cls, element_type_of(type_))
        check_axis(cls.name, properties, shape_of_type(type_))
        return [type_]

    @classmethod
    def along(cls, *operands: Tensor, axis: int = -1, **properties: Attribute) -> Tensor:
        """Emits the operation along `axis` of the first operand, which counts from the end if negative."""
        at = axis + operands[0].ndim if axis < 0 else axis
        return cls.of(*operands, axis=IntegerAttr(at, i64), **properties)
