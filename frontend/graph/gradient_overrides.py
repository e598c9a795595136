"""`gradient_override_map`: overrides the gradient function of an operation, by a mark on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation

from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.passes.gradients.rule_registry import OVERRIDE

PREFIX = "graph."


def operation_name(op_type: str) -> str:
    """`"tanh"` and `"graph.tanh"` both name the operation of the graph dialect; other names stay."""
    return f"{PREFIX}{op_type}" if f"{PREFIX}{op_type}" in OPS else op_type


def override_stamp(rules: Mapping[str, str]) -> Callable[[Operation], None]:
    """A stamp that marks operations whose name is a key with the name of the gradient function to use.

    Raises:
        ValueError: no mapping of strings (a `TypeError` too), or a key that names no operation.
    """
    if not isinstance(rules, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"gradient_override_map: expected a dict, got {type(rules).__name__}")
    marks: dict[str, StringAttr] = {}
    for key, value in rules.items():
        if not isinstance(key, str) or not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(f"gradient_override_map: expected strings, got {key!r}: {value!r}")
        if operation_name(key) not in OPS:
            raise ValueError(f"gradient_override_map: no operation is called {key!r}")
        marks[operation_name(key)] = StringAttr(operation_name(value))

    def stamp(op: Operation) -> None:
        if (mark := marks.get(op.name)) is not None:
            op.attributes[OVERRIDE] = mark

    return stamp
