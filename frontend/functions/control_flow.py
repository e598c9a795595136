"""Loops whose number of turns is known only at run time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xdsl.ir import Block

from pullback.dialects.graph.control_flow import Condition, While, Yield
from pullback.dialects.graph.types import GraphError, compatible_types
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.convert import as_tensor
from pullback.frontend.errors import ArgumentTypeError
from pullback.frontend.graph import Graph, current_graph
from pullback.frontend.requests import check_requests
from pullback.frontend.trips import counting_trips

__all__ = ["while_loop"]


def while_loop(
    cond: Callable[..., Operand],
    body: Callable[..., Operand | Sequence[Operand]],
    loop_vars: Sequence[Operand],
    back_prop: bool = True,
    name: str = "while",
) -> list[Tensor]:
    """Repeats `body` on the loop variables as long as `cond` on them holds; gives their last values.

    Args:
        cond: from the loop variables to a scalar i1 tensor.
        body: from the loop variables to their next values, of the same dtypes and shapes. Both functions are
            called once, to build the loop, and may use tensors from outside.
        loop_vars: the first values.
        back_prop: without it the loop has no gradient: what comes out of it counts as constant.
        name: the scope of what is inside.

    Raises:
        ValueError: if the number, a dtype or a shape of the loop variables changes, or the condition is no
            scalar i1. The graph is then as it was.
    """
    if not isinstance(loop_vars, list | tuple):
        kind = type(loop_vars).__name__
        raise ArgumentTypeError(f"loop_vars: expected a list of the variables' first values, got {kind}")
    for what, function in (("cond", cond), ("body", body)):
        if not callable(function):
            kind = type(function).__name__
            raise ArgumentTypeError(f"{what}: expected a function of the loop variables, got {kind}")
    graph = current_graph()
    with graph.unchanged_on_error(), graph.names.entered(name):
        inits = [as_tensor(v, f"loop_vars[{i}]") for i, v in enumerate(loop_vars)]
        loop = While.over(inits, no_gradient=not back_prop)
        graph.insert(loop)
        with counting_trips(graph, loop):
            _fill_condition(graph, loop, cond)
            _fill_body(graph, loop, body)
        loop.verify_()
        check_requests(graph, loop)
        return [Tensor(r) for r in loop.results[: len(inits)]]


def _arguments(block: Block) -> list[Tensor]:
    return [Tensor(a) for a in block.args]


def _fill_condition(graph: Graph, loop: While, cond: Callable[..., Operand]) -> None:
    block = loop.condition.block
    with graph.inside(block):
        going_on = as_tensor(cond(*_arguments(block)), "the result of cond")
        if going_on.dtype != "i1" or going_on.ndim != 0:
            raise GraphError(f"while_loop: cond must give a scalar i1 tensor, got {going_on.type}")
        graph.insert(Condition.create(operands=[going_on.value]))


def _fill_body(graph: Graph, loop: While, body: Callable[..., Any]) -> None:
    block = loop.body.block
    with graph.inside(block):
        made = body(*_arguments(block))
        given = list(made) if isinstance(made, list | tuple) else [made]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if len(given) != len(block.args):  # pyright: ignore[reportUnknownArgumentType]
            raise GraphError(
                f"while_loop: body gives {len(given)} values for {len(block.args)} loop variables"
            )  # pyright: ignore[reportUnknownArgumentType]
        values = [_carried(v, i, a) for i, (v, a) in enumerate(zip(given, _arguments(block), strict=True))]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        graph.insert(Yield.create(operands=[v.value for v in values]))


def _carried(value: object, index: int, argument: Tensor) -> Tensor:
    tensor = as_tensor(value, f"value {index} of body", argument.dtype)
    if not compatible_types(tensor.type, argument.type):
        raise GraphError(
            f"while_loop: loop variable {index} begins as {argument.type}, the body gives {tensor.type}; "
            "cast or reshape one of them"
        )
    return tensor
