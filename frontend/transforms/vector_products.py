"""Products of jacobians and Hessians with vectors, without the matrix: `vjp`, `jvp` and `hvp`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from pullback.dialects.graph.by_index.gather import zeros_like
from pullback.dialects.graph.elementwise.basic import Identity
from pullback.dialects.graph.tensor.arrays import Array, array_of, beside, is_number
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, is_inexact
from pullback.frontend.graph.graph import current_graph
from pullback.frontend.handles.random_state import state_of_functions
from pullback.frontend.nests.exact_keys import exact_key
from pullback.frontend.nests.nest import Nest
from pullback.frontend.operands.convert import as_array
from pullback.frontend.trace.function import Function
from pullback.frontend.trace.function_calls import surrounding_graph
from pullback.frontend.transforms.argument_nests import (
    Chosen,
    dense_gradients,
    name_of_function,
    output_tensors,
    scalar_output,
    vectors_like,
)

KEPT_FUNCTIONS = 64
"""The number of latest functions of which `vjp`, `jvp` and `hvp` keep what they have compiled."""

AnyFunction = Callable[..., Any]


def vjp(f: AnyFunction, *primals: Any, target: str = "cpu") -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The vector-jacobian product: the outputs of `f`, and the function from their cotangents to those of the primals.

    Args:
        f: a function of nests of tensors, of any outputs.
        primals: its arguments: of arrays; or of tensors, and all that follows is added to their graph.
        target: what it is compiled for, as in `function`.

    Returns:
        `(outputs, pull_back)`. `pull_back` takes a nest of the form, dtypes and shapes of the outputs (numbers take
        their dtypes), and gives one gradient per primal, of its form: zeros where nothing connects them. For arrays
        it computes the outputs again: nothing is kept but the primals.

    Raises:
        ValueError: for primals that are not floating-point, and for cotangents that are not like the outputs.
    """
    what = name_of_function("vjp", f)
    graph = surrounding_graph(Nest.of(primals))
    if graph is not None:
        with graph.current():
            return _vjp(f, primals, what)
    kept = _arrays(primals, what)
    state = state_of_functions().take()  # what is computed again is to draw the same
    outputs = Nest.of(_forward(f, target)(state, kept.rebuilt(kept.leaves)))
    return outputs.rebuilt(outputs.leaves), _PullBack(f, target, state, kept, outputs)


def jvp(
    f: AnyFunction, primals: Sequence[Any], tangents: Sequence[Any], target: str = "cpu"
) -> tuple[Any, Any]:
    """The jacobian-vector product: the outputs of `f` and their tangents, `(outputs, tangents of outputs)`.

    It is the gradient of a gradient (of `v -> vjp(v)` along the tangents), which costs a small multiple of `f`.

    Args:
        f: a function of nests of tensors, of any outputs.
        primals: a sequence of its arguments.
        tangents: a sequence like it, of the same forms, dtypes and shapes; numbers take the dtypes.
        target: what it is compiled for, as in `function`.

    Raises:
        ValueError: for primals that are not floating-point, and for tangents that are not like them.
    """
    what = name_of_function("jvp", f)
    return _along(_jvp, _forward_along, f, primals, tangents, what, target)


def hvp(
    f: AnyFunction, primals: Sequence[Any], tangents: Sequence[Any], target: str = "cpu"
) -> tuple[Any, ...]:
    """The Hessian-vector product: the second derivatives of `f` by all primals times the tangents, one per primal.

    Args:
        f: a function of nests of tensors that returns one floating-point scalar.
        primals: a sequence of its arguments.
        tangents: a sequence like it, of the same forms, dtypes and shapes; numbers take the dtypes.
        target: what it is compiled for, as in `function`.

    Raises:
        ValueError: for an output that is no floating-point scalar, for primals that are not floating-point, and for
            tangents that are not like them.
    """
    what = name_of_function("hvp", f)
    return _along(_hvp, _second_along, f, primals, tangents, what, target)


# ---- on tensors ---------------------------------------------------------------------------------------------


def _vjp(f: AnyFunction, primals: Sequence[Any], what: str) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    chosen = Chosen.of(primals, range(len(primals)), what)
    outputs = Nest.of(f(*chosen.args))
    ys = output_tensors(outputs, what)

    def pull_back(cotangents: Any) -> tuple[Any, ...]:
        seeds = vectors_like(cotangents, outputs, ys, f"{what}: cotangents")
        pairs = [(y, seed) for y, seed in zip(ys, seeds, strict=True) if is_inexact(y.element_type)]
        return chosen.rebuilt(dense_gradients([y for y, _ in pairs], chosen.xs, [seed for _, seed in pairs]))

    return outputs.rebuilt(ys), pull_back


def _jvp(f: AnyFunction, primals: Sequence[Any], tangents: Sequence[Any], what: str) -> tuple[Any, Any]:
    chosen = Chosen.of(primals, range(len(primals)), what)
    directions = vectors_like(tuple(tangents), chosen.nest, chosen.xs, f"{what}: tangents")
    outputs = Nest.of(f(*chosen.args))
    ys = output_tensors(outputs, what)
    differentiable = [y for y in ys if is_inexact(y.element_type)]
    # The gradient is linear in its seeds, so that their values do not matter.
    seeds = [Identity.of(zeros_like(y)) for y in differentiable]
    pulled_back = dense_gradients(differentiable, chosen.xs, seeds)
    pushed = iter(dense_gradients(pulled_back, seeds, directions))
    along = [next(pushed) if is_inexact(y.element_type) else zeros_like(y) for y in ys]
    return outputs.rebuilt(ys), outputs.rebuilt(along)


def _hvp(f: AnyFunction, primals: Sequence[Any], tangents: Sequence[Any], what: str) -> tuple[Any, ...]:
    chosen = Chosen.of(primals, range(len(primals)), what)
    directions = vectors_like(tuple(tangents), chosen.nest, chosen.xs, f"{what}: tangents")
    y = scalar_output(f(*chosen.args), what)
    return chosen.rebuilt(dense_gradients(dense_gradients([y], chosen.xs), chosen.xs, directions))


# ---- on arrays ----------------------------------------------------------------------------------------------


def _remembered(make: Callable[[AnyFunction, str], Function]) -> Callable[[AnyFunction, str], Function]:
    """Memoises `make` for the latest functions, as far as these are hashable."""
    known: OrderedDict[Hashable, Function] = OrderedDict()

    def get(f: AnyFunction, target: str) -> Function:
        try:
            key = exact_key((f, target))
        except TypeError:
            return make(f, target)
        made = known.pop(key, None) or make(f, target)
        known[key] = made
        while len(known) > KEPT_FUNCTIONS:
            known.popitem(last=False)
        return made

    return get


@_remembered
def _forward(f: AnyFunction, target: str) -> Function:
    def forward(state: Tensor, primals: Sequence[Any]) -> Any:
        with current_graph().draws.drawn_from(state):
            return f(*primals)

    forward.__name__ = getattr(f, "__name__", type(f).__name__)
    return Function(forward, target)


@_remembered
def _backward(f: AnyFunction, target: str) -> Function:
    def backward(state: Tensor, primals: Sequence[Any], cotangents: Any) -> tuple[Any, ...]:
        with current_graph().draws.drawn_from(state):
            return _vjp(f, primals, name_of_function("vjp", f))[1](cotangents)

    return Function(backward, target)


class _PullBack:
    """The pull-back of `vjp` on arrays: computes the outputs again, and their gradient. Pickled with its function."""

    def __init__(self, f: AnyFunction, target: str, state: Array, primals: Nest, outputs: Nest) -> None:
        self.f, self.target, self.state, self.primals, self.outputs = f, target, state, primals, outputs

    def __call__(self, cotangents: Any) -> tuple[Any, ...]:
        primals = self.primals.rebuilt(self.primals.leaves)
        given = _with_dtypes(cotangents, self.outputs)
        return _backward(self.f, self.target)(self.state, primals, given)


@_remembered
def _forward_along(f: AnyFunction, target: str) -> Function:
    def forward(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        return _jvp(f, primals, tangents, name_of_function("jvp", f))

    return Function(forward, target)


@_remembered
def _second_along(f: AnyFunction, target: str) -> Function:
    def second(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
        return _hvp(f, primals, tangents, name_of_function("hvp", f))

    return Function(second, target)


def _along(
    on_tensors: Callable[..., Any],
    on_arrays: Callable[[AnyFunction, str], Function],
    f: AnyFunction,
    primals: Sequence[Any],
    tangents: Sequence[Any],
    what: str,
    target: str,
) -> Any:
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, list | tuple):
            kind = type(value).__name__
            raise ArgumentTypeError(f"{what}: {name}: expected a tuple, one for each argument, got {kind}")
    graph = surrounding_graph(Nest.of((primals, tangents)))
    if graph is not None:
        with graph.current():
            return on_tensors(f, primals, tangents, what)
    arrays = _arrays(tuple(primals), what)
    return on_arrays(f, target)(arrays.rebuilt(arrays.leaves), _with_dtypes(tuple(tangents), arrays))


def _arrays(primals: tuple[Any, ...], what: str) -> Nest:
    """Copies of the primals, which may change before they are used again."""
    nest = Nest.of(primals)
    labels = nest.labels(f"{what}: primals")
    copies = [np.array(as_array(leaf, label)) for leaf, label in zip(nest.leaves, labels, strict=True)]
    return Nest.of(nest.rebuilt(copies))


def _with_dtypes(vectors: object, like: Nest) -> Any:
    """Numbers among vectors in the dtypes of the arrays that they belong to."""
    nest = Nest.of(vectors)
    if nest.form != like.form:
        return vectors  # what is wrong with them is said when they are tensors
    pairs = zip(nest.leaves, like.leaves, strict=True)
    return nest.rebuilt(_in_dtype(v, a.dtype) for v, a in pairs)


def _in_dtype(vector: object, dtype: np.dtype[Any]) -> object:
    number = beside(vector, dtype, "a number")
    return array_of(number, "a number", dtype) if is_number(number) else vector


__all__ = ["hvp", "jvp", "vjp"]
