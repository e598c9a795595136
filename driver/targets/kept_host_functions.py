"""The functions of the host that kept code calls: as text, and bound to the program at hand when the code is loaded.

Text says which operation a function runs. What messages call that operation, and the line at which it was written, are
of the program at hand: an entry has the number of the operation there whose location it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.host_call import OPERATION, name_of_class, operation_of
from pullback.dialects.graph.op.graph_op import OPS, GraphOp
from pullback.dialects.ir.fingerprint import equal_fingerprints, fingerprint
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.targets.native_key import NotKeptError


def kept_host_functions(functions: Sequence[func.FuncOp], finished: ModuleOp) -> dict[str, Any]:
    """What is kept of the functions that the code of a finished graph calls.

    Raises:
        NotKeptError: text does not say all of one, or it comes from no one operation of the graph.
    """
    if not functions:
        return {}
    ops = list(finished.walk())
    numbers = {id(op.location): number for number, op in reversed(list(enumerate(ops)))}
    origins = [numbers.get(id(function.location)) for function in functions]
    if None in origins:
        raise NotKeptError("a function of the host comes from no one operation")
    text = print_module(ModuleOp([function.clone() for function in functions]), locations=False)
    try:
        bound = bound_host_functions({"text": text, "origins": origins}, finished)
    except (DiagnosticException, KeyError, IndexError):
        bound = []
    if len(bound) != len(functions) or not all(map(_same, bound, functions)):
        raise NotKeptError("text does not say what a function of the host does")
    return {"text": text, "origins": origins}


def bound_host_functions(kept: dict[str, Any], finished: ModuleOp) -> list[func.FuncOp]:
    """The functions of which this was kept, for a finished graph of the same key.

    Raises:
        DiagnosticException, KeyError, IndexError: they are none for this graph.
    """
    ops = list(finished.walk())
    classes = {op.name: type(op) for op in ops if isinstance(op, GraphOp)}
    functions: list[func.FuncOp] = []
    for op, origin in zip(list(parse(context(), kept["text"]).module.ops), kept["origins"], strict=True):
        assert isinstance(op, func.FuncOp)
        name: Any = op.attributes[OPERATION]
        op.attributes[OPERATION] = name_of_class(classes.get(name.data) or OPS[name.data])
        op.location = ops[origin].location
        functions.append(op)
    return functions


def _same(bound: func.FuncOp, function: func.FuncOp) -> bool:
    one, other = (fingerprint(f, locations=False) for f in (bound, function))
    is_same_class = type(operation_of(bound)) is type(operation_of(function))
    return is_same_class and equal_fingerprints(one, other)
