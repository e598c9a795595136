"""Arenas of a memory plan, one for each device that needs one, as attributes of a function of level `kernels`.

graph.arena = 256 : i64                                         of a program on one device
graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 256 : i64}      of one over several
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, i64
from xdsl.ir import Operation

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within

ARENA = "graph.arena"
ARENAS = "graph.arenas"
MEMORY = "memory"
"""The attribute of an operation that has the buffers of its results."""


def has_plan(function: Operation) -> bool:
    """Tells whether a function has a memory plan."""
    stated = function.attributes
    return (
        ARENA in stated
        or ARENAS in stated
        or any(MEMORY in op.attributes for op in operations_within(function))
    )


def arenas_of(function: Operation) -> Mapping[str | None, int]:
    """The bytes of the arena on each device, by device; None stands for that of a program that names none.

    Raises:
        DiagnosticError: what the function states are no sizes, or it states them in both ways.
    """
    whole, listed = function.attributes.get(ARENA), function.attributes.get(ARENAS)
    if whole is not None and listed is not None:
        raise DiagnosticError(
            f"memory: the function has {ARENA} and {ARENAS}; expected one of them", function
        )
    if listed is None:
        return {} if whole is None else {None: _bytes(function, ARENA, whole)}
    if not isinstance(listed, DictionaryAttr):
        raise DiagnosticError(
            f'memory: {ARENAS} is {listed}; expected bytes by device, as in {{"cpu:0" = 64 : i64}}', function
        )
    return {device: _bytes(function, f'{ARENAS} of "{device}"', size) for device, size in listed.data.items()}


def state_arenas(function: Operation, arenas: Mapping[str | None, int]) -> None:
    """States the bytes of the arena on each device."""
    for name in (ARENA, ARENAS):
        function.attributes.pop(name, None)
    if None in arenas:
        function.attributes[ARENA] = IntegerAttr(arenas[None], i64)
    else:
        sizes = {device: IntegerAttr(size, i64) for device, size in arenas.items() if device is not None}
        function.attributes[ARENAS] = DictionaryAttr(dict(sorted(sizes.items())))


def _bytes(function: Operation, what: str, size: object) -> int:
    if not isinstance(size, IntegerAttr) or size.value.data < 0:
        raise DiagnosticError(f"memory: {what} is {size}; expected bytes, 0 or more", function)
    return size.value.data
