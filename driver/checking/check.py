"""Compares gradients of any order with central differences, by random projection.

The ys are weighted at random and summed: one number, whose gradient the engine builds. Along a random direction of
each x that number must change as the gradient says. The gradients, weighted in turn, are the ys of the next order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.ir import Block, SSAValue
from xdsl.traits import IsTerminator

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.insertion import Insert, inserting
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import StackType, differentiable_type
from pullback.driver.checking.probing import Probe, rows_of
from pullback.driver.checking.report import GradientComparison, NotFiniteError
from pullback.passes.gradients.emitter import GradientOptions
from pullback.passes.gradients.engine import gradients


@dataclass(frozen=True)
class Settings:
    """The parameters of a check.

    Attributes:
        orders: which orders are compared; those below the highest are built.
        step: how far each x is moved, relative to its size where that is above 1.
        tolerance: the relative error allowed.
        directions: how many random directions are tried for each x.
        seed: of all that is random.
    """

    orders: Collection[int] = (1, 2)
    step: float = 1e-5
    tolerance: float = 1e-6
    directions: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Question:
    """The gradients to check: of ys with respect to xs in a block, stops taken as constants."""

    block: Block
    ys: Sequence[SSAValue]
    xs: Sequence[SSAValue]
    stops: Collection[SSAValue] = ()


def compare(
    question: Question,
    arguments: Mapping[SSAValue, Any],
    variables: Mapping[str, Array],
    settings: Settings,
) -> Iterator[tuple[GradientComparison, Sequence[SSAValue], SSAValue]]:
    """Compares each x at each order: gives the comparison, with its ys and its x. Adds the gradients to the block.

    Raises:
        NotFiniteError: a y or an x is infinite or NaN at the point.
        LookupError, ValueError: what the engine raises.
    """
    rng = np.random.default_rng(settings.seed)
    probe = Probe(question.block, arguments, variables, question.stops)
    ys = [y for y in question.ys if has_gradient(y)]
    size = 0.0
    for order in range(1, max(settings.orders, default=0) + 1):
        if not ys:
            return
        probe.compute([*ys, *question.xs])
        weights = [_random_like(rows_of(probe[y]), rng) for y in ys]
        grads = _gradients(question, ys, weights, f"order_{order}")
        probe.compute([*ys, *question.xs, *(g.value for g in grads if g is not None)])
        _check_finite({y: rows_of(probe[y]) for y in ys} | {x: probe.contents(x) for x in question.xs}, order)
        if order in settings.orders:
            for x, grad in zip(question.xs, grads, strict=True):
                projection = _Projection(probe, ys, weights, x, grad, order, settings, size)
                for _ in range(settings.directions):
                    yield projection.compared(_random_like(probe.contents(x), rng)), ys, x
        size = max(size, _total(weights, [probe[y] for y in ys])[1])
        ys = [g.value for g in grads if g is not None]


def has_gradient(value: SSAValue) -> bool:
    """Tells whether a value can be a y or an x here: real or complex data, not a stack."""
    return differentiable_type(value.type) and not isinstance(value.type, StackType)


def inserted_in(block: Block) -> Insert:
    """Inserts operations at the end of a block, before its terminator."""
    last = block.last_op
    if last is None or not last.has_trait(IsTerminator):
        return block.add_op
    return lambda op: block.insert_op_before(op, last)


def _gradients(
    question: Question, ys: Sequence[SSAValue], weights: Sequence[Array], scope: str
) -> list[Tensor | None]:
    insert = inserted_in(question.block)
    with inserting(insert):
        seeds = [Constant.from_array(w) for w in weights]
    return gradients(
        ys, question.xs, seeds, question.block, insert, GradientOptions(scope), stops=question.stops
    )


def _random_like(array: Array, rng: np.random.Generator) -> Array:
    values = rng.standard_normal(array.shape)
    if array.dtype.kind == "c":
        values = values + 1j * rng.standard_normal(array.shape)
    return values.astype(array.dtype)


def _check_finite(values: Mapping[SSAValue, Array], order: int) -> None:
    for value, array in values.items():
        if not np.all(np.isfinite(array)):
            what = f"'{name_of_value(value)}'"
            where = "" if order == 1 else f", of which gradients of order {order} are asked for,"
            raise NotFiniteError(f"{what}{where} is not finite at the point: give inputs where it is")


@dataclass
class _Projection:
    """The comparisons for one x at one order; `size` is how large the ys of earlier orders are."""

    probe: Probe
    ys: Sequence[SSAValue]
    weights: Sequence[Array]
    x: SSAValue
    grad: Tensor | None
    order: int
    settings: Settings
    size: float

    def __post_init__(self) -> None:
        self.gradient = None if self.grad is None else _dense(self.probe[self.grad.value])
        self.here, own = _total(self.weights, [self.probe[y] for y in self.ys])
        # A gradient that is nearly zero has been rounded as what it is the gradient of.
        self.size = max(own, self.size)

    def compared(self, direction: Array) -> GradientComparison:
        """The comparison along a direction; with other steps too where that is needed to agree."""
        step = self._step()
        first = self._compared(direction, step)
        if first.agrees:
            return first
        # Rounding inside of the program shows in how far differences are apart: where tanh is nearly 1, for example,
        # small steps all find it constant.
        differences = [first.difference, *(self._compared(direction, n * step).difference for n in (4, 32))]
        doubt = 4 * (max(differences) - min(differences))
        tries = (self._compared(direction, s, doubt) for s in (step, 8 * step, step / 8))
        return min(tries, key=lambda comparison: comparison.error)

    def _step(self) -> float:
        contents = self.probe.contents(self.x)
        size = float(np.sqrt(np.mean(np.abs(contents) ** 2))) if contents.size else 0.0
        return self.settings.step * max(1.0, size)

    def _compared(self, direction: Array, step: float, doubt: float = 0.0) -> GradientComparison:
        ahead, behind = (
            _total(self.weights, self.probe.moved(self.x, sign * step * direction, self.ys))[0]
            for sign in (1, -1)
        )
        difference = (ahead - behind) / (2 * step)
        terms = np.zeros(0) if self.gradient is None else np.real(np.conj(self.gradient) * direction)
        got = float(np.sum(terms, dtype=np.float64))
        rounding = 32 * float(np.finfo(direction.dtype).eps) * self.size / step
        unknown = max(rounding, doubt) / self.settings.tolerance
        cancelled = 1e-2 * float(np.sum(np.abs(terms)))
        scale = max(abs(got), abs(difference), cancelled, unknown, 1e-300)
        return GradientComparison(
            name_of_value(self.x),
            self.order,
            None if self.grad is None else got,
            difference,
            error=abs(got - difference) / scale,
            allowed=self.settings.tolerance,
            one_sided=((ahead - self.here) / step, (self.here - behind) / step),
        )


def _total(weights: Sequence[Array], values: Sequence[Any]) -> tuple[float, float]:
    """The weighted sum of the ys, and the sum of its terms' magnitudes."""
    terms = [np.real(np.conj(w) * rows_of(v)) for w, v in zip(weights, values, strict=True)]
    total = sum(float(np.sum(t, dtype=np.float64)) for t in terms)
    return total, sum(float(np.sum(np.abs(t), dtype=np.float64)) for t in terms)


def _dense(value: Any) -> Array:
    return np.asarray(value.dense() if hasattr(value, "dense") else value)
