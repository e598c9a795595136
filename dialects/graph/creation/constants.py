"""Constants: tensors from dense elements attributes, and tensors filled with one value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    TensorType,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import AnyAttr, base, opt_operand_def, prop_def, result_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import ConstantLike, Pure

from pullback.dialects.graph.op.checks import check_shape_operand, check_tensor
from pullback.dialects.graph.op.graph_op import Array, NotDifferentiable, Properties, graph_op
from pullback.dialects.graph.op.indexed import Uniform
from pullback.dialects.graph.tensor.arrays import array_of
from pullback.dialects.graph.tensor.attributes import check_kept, is_element, number_of, scalar_attribute
from pullback.dialects.graph.tensor.conversions import true_as_one
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_from,
    element_type_of,
    is_static,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.ir.dense import dense_elements, print_elements


@graph_op
class Constant(Uniform):
    """A constant tensor, given element by element."""

    name = "graph.constant"
    EXAMPLES: ClassVar = (
        "%r = graph.constant dense<[1.0, 2.5]> : tensor<2xf32>",
        "%r = graph.constant dense<true> : tensor<i1>",
        "%r = graph.constant dense<[1, 2]> : tensor<2xi32>",
        "%r = graph.constant dense<[(1.0, -2.0), (0.0, 1.0)]> : tensor<2xcomplex<f32>>",
    )
    value = prop_def(DenseIntOrFPElementsAttr)
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), ConstantLike(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        value = properties["value"]
        if not isinstance(value, DenseIntOrFPElementsAttr) or not isinstance(value.type, TensorType):
            raise GraphError(f"{cls.name}: value_c1: the value must be dense elements of a tensor type")
        check_tensor(cls.name, value.type, "the constant")
        return [tensor_type(value.type.element_type, value.type.get_shape())]

    @classmethod
    def from_array(cls, array: npt.ArrayLike, dtype: object = None) -> Tensor:
        """Emits an array as a constant. Python floats become f32 and integers i32, arrays keep their dtype.

        Raises `GraphError` for a dtype that the dialect does not have.
        """
        return cls.of(value=elements(array, dtype))

    def array(self) -> Array:
        """The elements as a read-only array, without a copy."""
        assert isinstance(self.value, DenseIntOrFPElementsAttr)
        return array_of_elements(self.value)

    def element(self) -> Number | None:
        array = self.array()
        return array.reshape(()).item() if array.size == 1 else None

    def numpy(self, *operands: Array) -> Any:
        return self.array()

    def print(self, printer: Printer) -> None:
        if self.attributes:
            printer.print_op_attributes(self.attributes)
        printer.print_string(" ")
        assert isinstance(self.value, DenseIntOrFPElementsAttr)
        print_elements(self.value, printer)
        printer.print_string(" : ")
        printer.print_attribute(self.value.get_type())

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        attributes = parser.parse_optional_attr_dict()
        position = parser.pos
        value = parser.parse_attribute()
        if not isinstance(value, DenseIntOrFPElementsAttr):
            parser.raise_error("expected dense elements, such as dense<[1.0, 2.0]> : tensor<2xf32>", position)
        return cls.create(
            result_types=cls.infer((), {"value": value}), properties={"value": value}, attributes=attributes
        )


def array_of_elements(value: DenseIntOrFPElementsAttr) -> Array:
    """Reads the elements of a dense attribute as a read-only array; a splat is broadcast without a copy."""
    shape, dtype = shape_of_type(value.type), numpy_dtype(element_type_of(value.type))
    data = np.frombuffer(value.data.data, dtype)
    if dtype == np.bool_:
        data = true_as_one(data)  # an attribute made elsewhere may hold other bytes
    return np.broadcast_to(data, shape) if data.size == 1 and shape != () else data.reshape(shape)


def elements(array: npt.ArrayLike, dtype: object = None) -> DenseIntOrFPElementsAttr:
    """Converts an array to a dense elements attribute; the bytes are copied once."""
    data = array_of(array, "constant", None if dtype is None else numpy_dtype(element_type_from(dtype)))
    element_type = element_type_from(data.dtype)
    return dense_elements(tensor_type(element_type, data.shape), np.ascontiguousarray(data).tobytes())


@graph_op
class Fill(Uniform):
    """A tensor with one value everywhere: `fill {value = 1.0 : f32} : tensor<4xf32>`.

    Where the type has a `?`, an operand gives the shape: `fill %shape {…} : (tensor<2xi64>) -> tensor<?x4xf32>`.
    """

    name = "graph.fill"
    EXAMPLES: ClassVar = (
        "%r = graph.fill {value = 1.0 : f32} : MATRIX",
        "%r = graph.fill {value = 1 : i32} : tensor<2x3xi32>",
        "%r = graph.fill {value = [1.0 : f32, -2.0 : f32]} : tensor<2x3xcomplex<f32>>",
        "%r = graph.fill %n {value = 7 : i32} : (tensor<2xi64>) -> tensor<?x3xi32>",
    )
    SHAPE_OPERAND: ClassVar = 0
    value = prop_def(base(FloatAttr) | base(IntegerAttr) | base(ArrayAttr))
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    def verify_(self) -> None:
        result = self.result_types[0]
        check_tensor(self.name, result, "the result")
        check_shape_operand(self, self._operands, result)
        if not is_element(self.value, element_type_of(result)):
            raise GraphError(f"{self.name}: value_c1: the value {self.value} is no element of {result}")

    @classmethod
    def full(cls, value: Number, type_: Attribute, shape: SSAValue | None = None) -> Tensor:
        """Emits a tensor of this type filled with `value`; `shape` (i64, one extent per dim) if it has a `?`."""
        operands = [shape] if shape is not None and not is_static(type_) else []
        element_type = element_type_of(type_)
        properties = _fill_value(value, element_type)
        check_kept(value, element_type)  # here too: equal attributes are made once
        return cls.emit_as(operands, type_, properties)

    @classmethod
    def scalar(cls, value: Number, element_type: Attribute) -> Tensor:
        """Emits a constant of rank 0, which broadcasts against any shape."""
        return cls.full(value, tensor_type(element_type, ()))

    @property
    def number(self) -> Number:
        """The value as a Python number."""
        return number_of(self.value)

    def element(self) -> Number:
        return self.number

    def numpy(self, *operands: Array) -> Any:
        dtype = numpy_dtype(element_type_of(self.result_types[0]))
        return np.full(self.runtime_shape(operands), self.number, dtype)


@lru_cache(maxsize=4096)
def _cached_fill_value(
    value: Number, kind: type, signs: tuple[float, ...], element_type: Attribute
) -> dict[str, Attribute]:
    return {"value": scalar_attribute(value, element_type)}


def _fill_value(value: Number, element_type: Attribute) -> Properties:
    # -0.0 == 0.0 and 1 == 1.0 == True: sign and class in the cache's key keep their attributes apart.
    parts = (value.real, value.imag) if isinstance(value, float | complex) else ()
    return _cached_fill_value(value, type(value), tuple(math.copysign(1.0, p) for p in parts), element_type)
