"""Scans (prefix sums and the like) along an axis: each element of the result combines those up to it.

With `reverse` they run from the end; with `exclusive` the element itself is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_prop_def

from pullback.dialects.graph.along_axes.axis_families import AlongAxis
from pullback.dialects.graph.along_axes.half_precision import rule_in_accumulators
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import Equal, IsFinite, LogicalAnd, LogicalNot
from pullback.dialects.graph.elementwise.exponential import Log
from pullback.dialects.graph.elementwise.logistic import Sigmoid, logaddexp
from pullback.dialects.graph.op.access import AccessMap, StoredAccess, identity
from pullback.dialects.graph.op.families import Accepts, no_dtype, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.indexed import Indexed
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import TOTALS, in_wide
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Number, Tensor, conj
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_types,
    element_type_of,
    is_float,
    is_inexact,
    is_integer,
    shape_of_type,
    tensor_type,
)


class Scan(AlongAxis, Indexed):
    """A scan along an axis, with its direction, and inclusive or exclusive. It has kernels of its own."""

    DTYPES: ClassVar[Accepts] = numeric
    FIRST: ClassVar[Number] = 0
    """The neutral element, with which an exclusive scan begins."""
    TOTALS: ClassVar[Mapping[Attribute, Attribute]] = TOTALS
    """The accumulation dtypes: each result is rounded once."""
    EXPENSIVE: ClassVar[bool] = False
    """Whether a step takes much longer than a load."""
    SPLITS: ClassVar[Accepts] = no_dtype
    """The dtypes whose elements may be combined in another order: `step` combines the results of two parts, too."""
    exclusive = opt_prop_def(UnitAttr)
    reverse = opt_prop_def(UnitAttr)

    @property
    def is_exclusive(self) -> bool:
        return self.exclusive is not None

    @property
    def is_reverse(self) -> bool:
        return self.reverse is not None

    @classmethod
    def scan(
        cls, *operands: Tensor, axis: int = -1, exclusive: bool = False, reverse: bool = False
    ) -> Tensor:
        """Emits the scan along `axis`, which counts from the end if negative."""
        flags = flag(exclusive, "exclusive") | flag(reverse, "reverse")
        return cls.along(*operands, axis=axis, **flags)

    def access(self, number: int, result: int = 0) -> AccessMap:
        return StoredAccess(identity(self.shape_of(number)))

    def begin(self, *elements: Scalar) -> Scalar:
        """Gives the result at the first element, which is that of the last operand."""
        return elements[-1]

    def step(self, before: Scalar, *elements: Scalar) -> Scalar:
        """Computes the result at an element from the one before it."""
        raise NotImplementedError

    def has_body(self) -> bool:
        return type(self).step is not Scan.step

    def may_be_split(self) -> bool:
        """Tells whether parts of a line may be scanned by themselves, and combined."""
        return type(self).SPLITS(element_type_of(self.result_types[0]))

    def neutral(self) -> Number:
        """Gives what changes nothing where it is combined, of a scan that may be split."""
        return self.FIRST

    def scanned(self, scan: Callable[..., Array], *operands: Array) -> Array:
        """Applies an inclusive scan along axis 0 of arrays along this axis, in this direction."""
        step = -1 if self.is_reverse else 1
        made = scan(*(np.moveaxis(x, self.at, 0)[::step] for x in operands))
        if self.is_exclusive:
            start = np.full((1, *made.shape[1:]), type(self).FIRST, made.dtype)
            made = np.concatenate([start, made])[: len(made)]
        return np.moveaxis(made[::step], 0, self.at)

    def running(self, scan: Callable[..., Array], *operands: Array) -> Array:
        """Applies a scan in the accumulation dtype, so that each result is rounded once."""
        return in_wide(partial(self.scanned, scan), *operands)


@graph_op
class CumSum(Scan):
    """The sums of the elements up to each one."""

    name = "graph.cumsum"
    SPLITS: ClassVar = numeric
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.cumsum %x {axis = 1 : i64} : MATRIX",
        "%r = graph.cumsum %x {axis = 0 : i64, exclusive, reverse} : MATRIX",
    )

    def numpy(self, *operands: Array) -> Any:
        return self.running(np.add.accumulate, *operands)

    def step(self, before: Scalar, *elements: Scalar) -> Scalar:
        return before + elements[0]

    def neutral(self) -> Number:
        """-0.0, since 0.0 makes 0.0 of it."""
        return -0.0 if is_inexact(element_type_of(self.result_types[0])) else 0

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (CumSum.scan(dy, axis=self.at, exclusive=self.is_exclusive, reverse=not self.is_reverse),)


@graph_op
class CumProd(Scan):
    """The products of the elements up to each one. The gradient divides by none of them: they may be zero.

    For each element it is the product before it, times the sum, over the results that it is part of, of dy times the
    product of the elements between. That sum is a linear recurrence.
    """

    name = "graph.cumprod"
    FIRST: ClassVar = 1
    SPLITS: ClassVar = is_integer
    EXAMPLES: ClassVar = ("%r = graph.cumprod %x {axis = 1 : i64, exclusive} : MATRIX",)

    def numpy(self, *operands: Array) -> Any:
        return self.running(np.multiply.accumulate, *operands)

    def step(self, before: Scalar, *elements: Scalar) -> Scalar:
        return before * elements[0]

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        x, back = conj(self.x), not self.is_reverse
        if self.is_exclusive:
            behind = LinearRecurrence.scan(x, dy, axis=self.at, exclusive=True, reverse=back)
            return (conj(self.y) * behind,)
        before = CumProd.scan(x, axis=self.at, exclusive=True, reverse=self.is_reverse)
        behind = LinearRecurrence.scan(x, x * dy, axis=self.at, exclusive=True, reverse=back)
        return (before * (dy + behind),)


@graph_op
class LinearRecurrence(Scan):
    """The linear recurrence of first order h[i] = a[i] h[i-1] + b[i], where h before the first element is 0.

    Its gradient is the recurrence in the other direction.
    """

    name = "graph.linear_recurrence"
    EXAMPLES: ClassVar = ("%r = graph.linear_recurrence %x, %x {axis = 1 : i64, reverse} : MATRIX",)
    DTYPES: ClassVar = is_inexact
    terms = operand_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        a, b = operands
        if not compatible_types(a, b):
            raise GraphError(f"{cls.name}: types_c1: factors and terms must have one type, got {a} and {b}")
        # `?` in one type is below every extent in the other.
        shape = map(max, shape_of_type(a), shape_of_type(b))
        return super().infer([tensor_type(element_type_of(a), shape)], properties)

    def numpy(self, *operands: Array) -> Any:
        return self.running(_recur, *operands)

    def step(self, before: Scalar, *elements: Scalar) -> Scalar:
        factor, term = elements
        return factor * before + term

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        a, back = conj(self.x), not self.is_reverse
        b = Tensor(self._operands[1])
        if self.is_exclusive:
            before, behind = self.y, LinearRecurrence.scan(a, dy, axis=self.at, exclusive=True, reverse=back)
            return behind * conj(before), behind
        before = LinearRecurrence.scan(self.x, b, axis=self.at, exclusive=True, reverse=self.is_reverse)
        behind = dy + LinearRecurrence.scan(a, a * dy, axis=self.at, exclusive=True, reverse=back)
        return behind * conj(before), behind


def _recur(a: Array, b: Array) -> Array:
    """Computes the recurrence along axis 0, element by element."""
    h = np.empty_like(b)
    for i in range(len(b)):
        h[i] = a[i] * h[i - 1] + b[i] if i else b[i]
    return h


@graph_op
class CumLogSumExp(Scan):
    """log(sum(exp(x))) of the elements up to each one; -inf for none.

    Equal infinities share the gradient equally: see `logsumexp`.
    """

    name = "graph.cumulative_logsumexp"
    FIRST: ClassVar = -np.inf
    EXPENSIVE: ClassVar = True
    SPLITS: ClassVar = is_float
    DTYPES: ClassVar = is_float
    EXAMPLES: ClassVar = ("%r = graph.cumulative_logsumexp %x {axis = 1 : i64} : MATRIX",)

    def numpy(self, *operands: Array) -> Any:
        return self.running(np.logaddexp.accumulate, *operands)

    def step(self, before: Scalar, *elements: Scalar) -> Scalar:
        return logaddexp(before, elements[0])

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        """Each result is `logaddexp` of the one before and an element, so the gradient is a recurrence of shares."""
        at, back = self.at, not self.is_reverse
        advantage = self.advantage_of_earlier()
        shares = Sigmoid.of(advantage)
        if self.is_exclusive:
            arrived = LinearRecurrence.scan(shares, dy, axis=at, exclusive=True, reverse=back)
        else:
            arrived = dy + LinearRecurrence.scan(shares, shares * dy, axis=at, exclusive=True, reverse=back)
        return (Sigmoid.of(-advantage) * arrived,)

    def advantage_of_earlier(self) -> Tensor:
        """Computes the previous result minus each element; for equal infinities the logarithm of their number."""
        x, at, forth = self.x, self.at, self.is_reverse
        before = CumLogSumExp.scan(x, axis=at, exclusive=True, reverse=forth)

        def earlier(infinity: float) -> Tensor:
            found = Cast.to(Equal.of(x, infinity), x.element_type)
            return CumSum.scan(found, axis=at, exclusive=True, reverse=forth)

        count = Where.of(x > 0, earlier(np.inf), earlier(-np.inf))
        is_same = LogicalAnd.of(Equal.of(before, x), LogicalNot.of(IsFinite.of(x)))
        return Where.of(is_same, Log.of(count), before - x)
