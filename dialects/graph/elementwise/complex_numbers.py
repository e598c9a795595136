"""Complex numbers: their real and imaginary parts, and the complex conjugate.

The gradient of a real L with respect to a complex z = x + iy is dL/dx + i dL/dy, as in TensorFlow: the rule of a
holomorphic f is dy times the conjugate of f'. Other rules write it with `conj`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.ir import Attribute

from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.op.families import (
    Binary,
    Unary,
    any_dtype,
)
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import (
    complex_type_of,
    element_type_of,
    is_complex,
    is_float,
    numpy_dtype,
    real_type_of,
    shape_of_type,
    tensor_type,
)


@graph_op
class Conj(Unary):
    """The complex conjugate."""

    name = "graph.conj"
    EXACT: ClassVar = any_dtype
    INVOLUTION: ClassVar = True
    EXAMPLES: ClassVar = ("%r = graph.conj %z : tensor<2x3xcomplex<f32>>",)
    DTYPES: ClassVar = is_complex
    NUMPY: ClassVar = np.conj

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (conj(dy),)


class Part(Unary):
    """An operation that makes a real tensor from a complex one."""

    EXACT: ClassVar = any_dtype
    DTYPES: ClassVar = is_complex

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = super().infer(operands, properties)
        return [tensor_type(real_type_of(element_type_of(type_)), shape_of_type(type_))]


@graph_op
class Real(Part):
    """The real part."""

    name = "graph.real"
    EXAMPLES: ClassVar = ("%r = graph.real %z : (tensor<2x3xcomplex<f32>>) -> MATRIX",)
    NUMPY: ClassVar = np.real

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Cast.to(dy, self.x.element_type),)


@graph_op
class Imag(Part):
    """The imaginary part."""

    name = "graph.imag"
    EXAMPLES: ClassVar = ("%r = graph.imag %z : (tensor<2x3xcomplex<f32>>) -> MATRIX",)
    NUMPY: ClassVar = np.imag

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (1j * Cast.to(dy, self.x.element_type),)


@graph_op
class MakeComplex(Binary):
    """Complex numbers from real and imaginary parts."""

    name = "graph.complex"
    EXACT: ClassVar = any_dtype
    EXAMPLES: ClassVar = ("%r = graph.complex %x, %v : (MATRIX, VECTOR) -> tensor<2x3xcomplex<f32>>",)
    DTYPES: ClassVar = is_float

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = super().infer(operands, properties)
        return [tensor_type(complex_type_of(element_type_of(type_)), shape_of_type(type_))]

    def numpy(self, *operands: Array) -> Any:
        real, imag = np.broadcast_arrays(*operands)
        result = np.empty(real.shape, numpy_dtype(element_type_of(self.result_types[0])))
        result.real, result.imag = real, imag
        return result

    def gradient(self, dy: Tensor) -> GradientTerms:
        return Real.of(dy), Imag.of(dy)
