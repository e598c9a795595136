"""The checks of an operation's class, taken apart: what equal operations share is checked once, the rest each time.

Constraints follow from types, properties and attributes, and those of operations with regions from the types of the
regions' arguments, too. What a trait says of the operations around or inside, and what a class checks on its own, may
follow from anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

from xdsl.dialects.func import CallOpSymbolUserOpInterface
from xdsl.ir import Operation, OpTraits
from xdsl.irdl import IRDLOperation, OpDef
from xdsl.traits import IsolatedFromAbove, OpTrait

Check: TypeAlias = Callable[[Any], None]

_SATISFIED: dict[tuple[object, ...], tuple[object, ...]] = {}
"""The facts of operations that their constraints have accepted, by identity, and the objects that these identities
are of: they are kept alive, so that no other takes them."""
_MOST_SATISFIED = 20_000
KNOWN_TO_WALK = (IsolatedFromAbove, CallOpSymbolUserOpInterface)
"""The traits that a walk has to check."""


@cache
def checks_within_blocks(kind: type[Operation]) -> Check:
    """All checks of a class but for what a walk knows better, for operations whose regions have a block each, or none.

    Isolation from above reads all operations inside, and follows from dominance where regions of isolated operations
    see nothing. A call looks for its function among all.
    """
    definitions, own = _stated(kind)
    if not definitions:
        return own
    traits = {trait for trait in kind.traits if not isinstance(trait, KNOWN_TO_WALK)}
    each_time: list[Check] = [t.verify for t in traits if type(t).verify is not OpTrait.verify]
    if own not in (Operation.verify_, IRDLOperation.verify_):
        each_time.append(own)
    constraints = [replace(definition, traits=OpTraits(tuple)).verify for definition in definitions]

    def check(op: Any) -> None:
        key, facts = _facts(kind, op)
        if key not in _SATISFIED:
            for verify in constraints:
                verify(op)
            if len(_SATISFIED) > _MOST_SATISFIED:
                _SATISFIED.clear()
            _SATISFIED[key] = facts
        for verify in each_time:
            verify(op)

    return check


def _facts(kind: type[Operation], op: Any) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """All that the constraints of an operation follow from: as a key, and as objects."""
    properties, attributes = op.properties, op.attributes
    inside = [[a.type for a in block.args] for region in op.regions for block in region.blocks]
    facts = (
        [v.type for v in op._operands],
        [r.type for r in op.results],
        list(properties.values()),
        list(attributes.values()),
        *inside,
    )
    counts = [len(region.blocks) for region in op.regions]
    key = (
        kind,
        *properties,
        *attributes,
        *counts,
        *(number for objects in facts for number in (len(objects), *map(id, objects))),
    )
    return key, facts


def _stated(kind: type[Operation]) -> tuple[list[OpDef], Check]:
    """The definitions whose constraints a class's verifier checks, and what it checks besides, which a class states.

    xDSL keeps both in the wrapper that it puts in place of the verifier, and a class that is derived from another one
    wraps that one's again. What is no such wrapper is left whole.
    """
    definitions: list[OpDef] = []
    verifier: Any = kind.verify_
    while (wrapped := dict(_cells(verifier))).get("op_def") is not None:
        definitions.append(wrapped["op_def"])
        verifier = wrapped.get("custom_verify", IRDLOperation.verify_)
    return definitions, verifier


def _cells(function: Any) -> Iterator[tuple[str, Any]]:
    """The variables in a function's closure that a wrapper of xDSL's has."""
    if function.__module__ == IRDLOperation.__module__:
        cells = function.__closure__ or ()
        yield from zip(function.__code__.co_freevars, (c.cell_contents for c in cells), strict=True)
