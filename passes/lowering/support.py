"""Support of operations: which ones kernels compute, and which the host runs, by their NumPy meaning."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType, bf16, f16, f32, f64, i1, i8, i16, i32, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.traits import IsTerminator, Pure

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.gradient.markers import Backward, GradientResults, SumGradients
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.indexed import Alias, Indexed
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.stacks import EmptyStack, Pop, Push
from pullback.dialects.graph.state.variables import Assign, Read, VariableOp
from pullback.dialects.graph.tensor.types import SlicesType, is_static

PLACED = (Kernel, While, Constant, VariableOp, Read, Assign, EmptyStack, Push, Pop, MakeSlices, Alias, CopyTo)
"""What is outside of kernels and is lowered there."""
MARKERS = (SumGradients, Backward, GradientResults)
KERNEL_DTYPES = (f32, f64, f16, bf16, i32, i64, i16, i8, i1)
"""The element types of values inside of kernels; values of others are moved as bytes."""
HOST = "host"
"""The attribute of an operation that kernels could compute, but those of the target do not: the host runs it."""


def runs_natively(op: Operation) -> bool:
    """Tells whether kernels compute an operation, or read through it: it states how, and for these dtypes.

    An elementwise operation needs a body for one element, a reduction a way to combine two; a product is one of two
    matrices.
    """
    return isinstance(op, Indexed) and has_kernel_dtypes(op) and op.has_body() and HOST not in op.attributes


def has_kernel_dtypes(op: Operation) -> bool:
    """Tells whether all operands and results of an operation are of types that kernels compute with."""
    return all(map(_fits_kernels, (*op.operands, *op.results)))


def runs_on_host(op: Operation) -> bool:
    """Tells whether an operation outside of kernels runs as a call of its NumPy meaning, on whole tensors in memory.

    So does everything that only computes tensors (of static shape) from tensors and slices, and that no kernel
    computes.
    """
    cls = type(op)
    return (
        isinstance(op, GraphOp)
        and not isinstance(op, (*PLACED, *MARKERS))
        and cls.has_trait(Pure)
        and not cls.has_trait(IsTerminator)
        and not op.regions
        and bool(op.results)
        and all(isinstance(r.type, TensorType) and is_static(r.type) for r in op.results)
        and all(isinstance(v.type, TensorType) or isinstance(v.owner, MakeSlices) for v in op.operands)
        and not runs_natively(op)
    )


_FITS: dict[int, tuple[Attribute, bool]] = {}
"""By the identity of a type (types are few and shared, and hashing one is slow), which is kept alive."""


def _fits_kernels(value: SSAValue) -> bool:
    """Tells whether the elements of a value are of a type that kernels compute with."""
    type_ = value.type
    known = _FITS.get(id(type_))
    if known is None:
        known = _FITS[id(type_)] = type_, _has_kernel_dtype(type_)
    return known[1]


def _has_kernel_dtype(type_: Attribute) -> bool:
    if isinstance(type_, SlicesType):
        return _has_kernel_dtype(type_.values_type) and _has_kernel_dtype(type_.indices_type)
    return isinstance(type_, TensorType) and type_.element_type in KERNEL_DTYPES
