"""`while_loop`: loops whose number of trips is known only at run time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.ir import Block

from pullback.dialects.graph.state.control_flow import Condition, While, Yield
from pullback.dialects.graph.tensor.tensor import Number, Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, compatible_types
from pullback.frontend.graph.gradient_requests import check_requests
from pullback.frontend.graph.graph import Graph, current_graph
from pullback.frontend.graph.trip_counts import counting_trips
from pullback.frontend.nests.nest import Nest
from pullback.frontend.operands.convert import as_tensor

__all__ = ["while_loop"]


def while_loop(
    cond: Callable[..., Operand],
    body: Callable[..., Any],
    loop_vars: Any,
    back_prop: bool = True,
    name: str = "while",
) -> Any:
    """Repeats `body` on the loop variables as long as `cond` on them holds; returns their last values.

    Args:
        cond: from the loop variables to a scalar i1 tensor.
        body: from the loop variables to their next values, of the same form, dtypes and shapes; a tuple may be given
            for a list. Both functions are called once, to build the loop, and may use tensors from outside.
        loop_vars: the first values: a list or tuple of variables, which both functions get as arguments of their own,
            or a single variable. Each is a tensor or a nest of tensors. Below the list of variables, a list of plain
            numbers is one tensor; one that holds tensors or arrays is a nest.
        back_prop: without it the loop has no gradient: what comes out of it counts as constant.
        name: the scope of what is inside.

    Returns:
        The last values in the form of `loop_vars`: `[i]` gives `[i]`, a tensor a tensor.

    Raises:
        ValueError: if the form, a dtype or a shape of the loop variables changes, or the condition is no
            scalar i1. The graph is then as it was.
    """
    for what, function in (("cond", cond), ("body", body)):
        if not callable(function):
            kind = type(function).__name__
            raise ArgumentTypeError(f"{what}: expected a function of the loop variables, got {kind}")
    graph = current_graph()
    variables = _Variables(loop_vars)
    with graph.unchanged_on_error(), graph.names.entered(name):
        inits = [as_tensor(v, label) for v, label in zip(variables.leaves(), variables.labels(), strict=True)]
        loop = While.over(inits, no_gradient=not back_prop)
        graph.insert(loop)
        with counting_trips(graph, loop):
            _fill_condition(graph, loop, cond, variables)
            _fill_body(graph, loop, body, variables)
        loop.verify_()
        check_requests(graph, loop)
        return variables.packed([Tensor(r) for r in loop.results[: len(inits)]])


class _Variables:
    """The form of the loop variables: their number, and their nests."""

    def __init__(self, loop_vars: Any) -> None:
        self.given = loop_vars
        self.several = isinstance(loop_vars, list | tuple)
        values: Sequence[Any] = loop_vars if self.several else [loop_vars]
        for i, value in enumerate(values):
            if value is None:
                what = f"loop_vars[{i}]" if self.several else "loop_vars"
                raise ArgumentTypeError(f"{what}: expected a tensor or a nest of tensors, got {value}")
        self.nests = [Nest.of(v, is_leaf=_is_numbers) for v in values]

    def leaves(self) -> list[Any]:
        """All that is carried."""
        return [leaf for nest in self.nests for leaf in nest.leaves]

    def labels(self) -> list[str]:
        """The path to each leaf."""
        roots = [f"loop_vars[{i}]" for i in range(len(self.nests))] if self.several else ["loop_vars"]
        return [label for nest, root in zip(self.nests, roots, strict=True) for label in nest.labels(root)]

    def unpacked(self, leaves: Sequence[Tensor]) -> list[Any]:
        """The variables with other leaves: the arguments of `cond` and `body`."""
        rest = iter(leaves)
        return [nest.rebuilt([next(rest) for _ in nest.leaves]) for nest in self.nests]

    def packed(self, leaves: Sequence[Tensor]) -> Any:
        """The variables with other leaves, in the form that `loop_vars` had."""
        values = self.unpacked(leaves)
        if not self.several:
            return values[0]
        if isinstance(self.given, list):
            return values
        make = getattr(type(self.given), "_make", tuple)  # a named tuple stays one
        return make(values)

    def matched(self, made: Any) -> list[Any]:
        """The leaves of what `body` gives.

        Raises:
            ValueError: it has another form than the loop variables.
        """
        given = list(made) if self.several and isinstance(made, list | tuple) else [made]
        if len(given) != len(self.nests):
            raise GraphError(
                f"while_loop: body gives {len(given)} values for {len(self.nests)} loop variables"
            )
        found: list[Any] = []
        for index, (value, nest) in enumerate(zip(given, self.nests, strict=True)):
            leaves = nest.leaves_alike(value)
            if leaves is None:
                what = f"loop_vars[{index}]" if self.several else "loop_vars"
                raise GraphError(
                    f"while_loop: {what} has the form {nest.form}, the body gives {Nest.of(value).form}: expected the "
                    "same form"
                )
            found.extend(leaves)
        return found


def _is_numbers(value: object) -> bool:
    """Whether this is a list of plain numbers, or of such lists."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(v, Number | np.generic) or _is_numbers(v) for v in value)  # pyright: ignore[reportUnknownVariableType]
    )


def _arguments(block: Block) -> list[Tensor]:
    return [Tensor(a) for a in block.args]


def _fill_condition(graph: Graph, loop: While, cond: Callable[..., Operand], variables: _Variables) -> None:
    block = loop.condition.block
    with graph.inside(block):
        going_on = as_tensor(cond(*variables.unpacked(_arguments(block))), "the result of cond")
        if going_on.dtype != "i1" or going_on.ndim != 0:
            raise GraphError(f"while_loop: cond must give a scalar i1 tensor, got {going_on.type}")
        graph.check_visible(going_on.value, "while_loop: the result of cond")
        graph.insert(Condition.create(operands=[going_on.value]))


def _fill_body(graph: Graph, loop: While, body: Callable[..., Any], variables: _Variables) -> None:
    block = loop.body.block
    with graph.inside(block):
        arguments = _arguments(block)
        made = variables.matched(body(*variables.unpacked(arguments)))
        values = [
            _carried(graph, value, label, argument)
            for value, label, argument in zip(made, variables.labels(), arguments, strict=True)
        ]
        graph.insert(Yield.create(operands=[v.value for v in values]))


def _carried(graph: Graph, value: object, label: str, argument: Tensor) -> Tensor:
    what = f"what body gives for {label}"
    tensor = as_tensor(value, what, argument.dtype)
    if not compatible_types(tensor.type, argument.type):
        raise GraphError(
            f"while_loop: {label} begins as {argument.type}, the body gives {tensor.type}; "
            "cast or reshape one of them"
        )
    graph.check_visible(tensor.value, f"while_loop: {what}")
    return tensor
