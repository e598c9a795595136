"""Makes requests for gradients smaller: fewer ys, xs, seeds and stops, and ys and xs that are nearer to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.types import data_type_of, differentiable_type
from pullback.passes.explain.dependence import Dependence
from pullback.passes.gradients.visible import Visible
from pullback.tools.reduce.reductions.edit import Edit, ReductionKind, returned
from pullback.tools.reduce.reductions.remove_operations import drop_all, drop_users

OPERANDS = ("operandSegmentSizes", "seed_of")
"""Properties that follow from the operands."""
T = TypeVar("T")


@dataclass(frozen=True)
class _Asked:
    """What a request asks for; `serves` has for each x the place of the result whose users get its gradient."""

    ys: tuple[SSAValue, ...]
    xs: tuple[SSAValue, ...]
    seeds: tuple[SSAValue | None, ...]
    stops: tuple[SSAValue, ...]
    serves: tuple[int, ...]

    @staticmethod
    def by(request: Gradients) -> _Asked:
        seeds = tuple(request.seed_per_y)
        return _Asked(
            tuple(request.ys), tuple(request.xs), seeds, tuple(request.stops), tuple(range(len(request.xs)))
        )

    def without_y(self, place: int) -> _Asked:
        return replace(self, ys=_without(self.ys, place), seeds=_without(self.seeds, place))

    def without_x(self, place: int) -> _Asked:
        return replace(self, xs=_without(self.xs, place), serves=_without(self.serves, place))

    def with_y(self, place: int, y: SSAValue) -> _Asked:
        seed = self.seeds[place]
        fits = seed is not None and seed.type == y.type
        return replace(
            self,
            ys=_with(self.ys, place, y),
            seeds=self.seeds if fits else _with(self.seeds, place, None),
        )

    def with_x(self, place: int, x: SSAValue) -> _Asked:
        return replace(self, xs=_with(self.xs, place, x))


_Smaller: TypeAlias = Callable[[Gradients], "list[_Asked]"]


def _without(values: tuple[T, ...], place: int) -> tuple[T, ...]:
    return (*values[:place], *values[place + 1 :])


def _with(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _ask(request: Gradients, asked: _Asked) -> None:
    """Puts another request in place of one. What used a gradient that is gone, or of another type now, goes as well."""
    olds = [request.results[place] for place in asked.serves]
    types = [
        old.type if x is request.xs[place] else data_type_of(x.type)
        for x, old, place in zip(asked.xs, olds, asked.serves, strict=True)
    ]
    kept = {name: value for name, value in request.properties.items() if name not in OPERANDS}
    made = Gradients.request(asked.ys, asked.xs, asked.seeds, asked.stops, types, kept)
    made.location = request.location
    assert request.parent is not None
    request.parent.insert_op_before(made, request)
    for old, new in zip(olds, made.results, strict=True):
        new.name_hint = old.name_hint
        if old.type == new.type:
            old.replace_all_uses_with(new)
        elif isinstance(function := request.parent_op(), func.FuncOp):
            end = returned(function)
            end.operands = [*end.operands, new]
            function.update_function_type()
    for result in request.results:
        drop_users(result)
    drop_all(request)


def _edits(module: ModuleOp, smaller: _Smaller) -> list[Edit]:
    """The edits that ask, for each request of a function's body, for one of these in its place."""

    def of(request: Gradients, asked: _Asked) -> Edit:
        return lambda: _ask(request, asked)

    requests = [
        op for op in module.walk() if isinstance(op, Gradients) and isinstance(op.parent_op(), func.FuncOp)
    ]
    return [of(request, asked) for request in requests for asked in smaller(request)]


# ---- fewer ----------------------------------------------------------------------------------------------------


def _fewer(request: Gradients) -> list[_Asked]:
    asked = _Asked.by(request)
    found: list[_Asked] = []
    if asked.stops:
        found.append(replace(asked, stops=()))
    if any(seed is not None for seed in asked.seeds):
        found.append(replace(asked, seeds=(None,) * len(asked.ys)))
    for size in _halves(len(asked.xs)):
        for start in range(0, len(asked.xs), size):
            kept = [place for place in range(len(asked.xs)) if not start <= place < start + size]
            found.append(
                replace(
                    asked,
                    xs=tuple(asked.xs[place] for place in kept),
                    serves=tuple(asked.serves[place] for place in kept),
                )
            )
    if len(asked.ys) > 1:
        found += [asked.without_y(place) for place in range(len(asked.ys))]
    return found


def _halves(count: int) -> list[int]:
    """Half of a number, a quarter, and so on down to 1."""
    return [count >> shift for shift in range(1, count.bit_length())]


# ---- nearer ---------------------------------------------------------------------------------------------------


def _nearer(request: Gradients) -> list[_Asked]:
    """For each x a value that depends on it, and for each y one that it depends on: far steps first."""
    asked = _Asked.by(request)
    found: list[_Asked] = []
    for place, y in enumerate(asked.ys):
        found += [asked.with_y(place, value) for value in _sample(_before(request, y))]
    for place, x in enumerate(asked.xs):
        found += [asked.with_x(place, value) for value in _sample(_after(request, x)[::-1])]
    return found


def _before(request: Gradients, y: SSAValue) -> list[SSAValue]:
    """The values of the block that a y depends on, from the start."""
    assert request.parent is not None
    behind = Dependence([y], Visible.only(request.parent)).behind
    return _values(request, {node for node in behind if isinstance(node, SSAValue)} - {y})


def _after(request: Gradients, x: SSAValue) -> list[SSAValue]:
    """The values of the block that depend on an x and that a y depends on, from the start."""
    assert request.parent is not None
    between = Dependence(list(request.ys), Visible.only(request.parent)).between(x)
    return _values(request, {node for node in between if isinstance(node, SSAValue)} - {x})


def _values(request: Gradients, among: set[SSAValue]) -> list[SSAValue]:
    assert request.parent is not None
    results = [r for op in request.parent.ops if not isinstance(op, While) for r in op.results]
    return [
        v for v in results if v in among and differentiable_type(v.type) and v.type == data_type_of(v.type)
    ]


def _sample(values: list[SSAValue]) -> list[SSAValue]:
    """The first of some values, one half of the way, at three quarters, and so on to the last."""
    count = len(values)
    places = dict.fromkeys([0, *(count - (count >> shift) for shift in range(1, count.bit_length()))])
    return [values[place] for place in places if place < count]


REQUESTS = ReductionKind("ask for fewer gradients", lambda module: _edits(module, _fewer), in_groups=False)
NEARER = ReductionKind("ask nearer to each other", lambda module: _edits(module, _nearer), in_groups=False)
