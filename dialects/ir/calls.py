"""Symbol lookup for `func.call` and `memref.get_global`: what they name, and whether they match its type."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import StringAttr, SymbolRefAttr
from xdsl.ir import Attribute, Operation
from xdsl.traits import SymbolTable

from pullback.process.close_matches import get_close_matches

GET_GLOBAL = "memref.get_global"
"""The operation that reads a global, by name: programs of tensors have none, and are verified without `memref`."""


def called_function(call: func.CallOp) -> func.FuncOp | None:
    """Looks up the called function in the module around the call; None if there is none of that name."""
    found = SymbolTable.lookup_symbol(call, call.callee)
    return found if isinstance(found, func.FuncOp) else None


def fault_of(call: func.CallOp, function: func.FuncOp | None) -> str | None:
    """Checks a call against the function: says what is wrong (no such function, arity, types), None if nothing."""
    name = f"@{call.callee.root_reference.data}"
    if function is None:
        near = get_close_matches(name, _functions_around(call), n=1)
        return f"there is no function {name}" + (f"; did you mean {near[0]}?" if near else "")
    type_ = function.function_type
    return _difference(
        name, "argument", "takes", type_.inputs.data, "gives", call.operand_types
    ) or _difference(name, "result", "returns", type_.outputs.data, "expects", call.result_types)


def fault_of_global(op: Operation) -> str | None:
    """Says what is wrong with the global that an operation reads, or with its type; None if nothing."""
    symbol = op.properties["name"]
    assert isinstance(symbol, SymbolRefAttr)
    name, found = symbol.string_value(), SymbolTable.lookup_symbol(op, symbol)
    if found is None or found.name != "memref.global":
        return f"there is no memref.global @{name}"
    type_, expected = found.properties.get("type"), op.results[0].type
    return None if type_ == expected else f"@{name} is {type_}, not {expected}"


def _difference(
    name: str, what: str, does: str, wanted: Sequence[Attribute], call_does: str, got: Sequence[Attribute]
) -> str | None:
    if len(wanted) != len(got):
        return (
            f"{name} {does} {len(wanted)} {what}{'s' * (len(wanted) != 1)}, the call {call_does} {len(got)}"
        )
    for index, (type_, given) in enumerate(zip(wanted, got, strict=True)):
        if type_ != given:
            return f"{what} {index} of {name} is {type_}, the call {call_does} {given}"
    return None


def _functions_around(call: func.CallOp) -> list[str]:
    around: Operation | None = call
    while around is not None and not around.has_trait(SymbolTable, value_if_unregistered=False):
        around = around.parent_op()
    if around is None:
        return []
    names = [op.properties.get("sym_name") for op in around.regions[0].ops if isinstance(op, func.FuncOp)]
    return [f"@{name.data}" for name in names if isinstance(name, StringAttr)]
