"""What a module says, apart from the names of its values: two states of it are compared without printing them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

Fingerprint = list[Any]


def fingerprint(op: Operation, *, locations: bool = True) -> Fingerprint:
    """Lists all that an operation consists of, in the order of its text; values and blocks are numbers.

    Names of values are no part of it, nor which objects the operations are.

    Args:
        op: the operation, with the regions in it.
        locations: whether the names that locations hold count.
    """
    return list(_parts(op, {}, locations))


def equal_fingerprints(first: Fingerprint, second: Fingerprint) -> bool:
    """Tells whether two states are the same to the bit: 0.0 and -0.0 differ, and a NaN is itself."""
    return len(first) == len(second) and all(map(_equal, first, second))


def _equal(first: Any, second: Any) -> bool:
    if first is second:
        return True
    if type(first) is not type(second):
        return False
    # Python's numbers in attributes compare as numbers, which text tells apart.
    return str(first) == str(second) if isinstance(first, Attribute) else first == second


def _parts(op: Operation, numbers: dict[SSAValue | Block, int], locations: bool) -> Iterator[Any]:
    yield op.name
    yield tuple(numbers.setdefault(operand, len(numbers)) for operand in op.operands)
    yield tuple(numbers.setdefault(block, len(numbers)) for block in op.successors)
    for result in op.results:
        yield numbers.setdefault(result, len(numbers))
        yield result.type
    for values in (op.properties, op.attributes):
        yield tuple(values)
        yield from values.values()
    if locations:
        yield op.location
    yield len(op.regions)
    for region in op.regions:
        yield from _region_parts(region, numbers, locations)


def _region_parts(region: Region, numbers: dict[SSAValue | Block, int], locations: bool) -> Iterator[Any]:
    for block in region.blocks:
        yield numbers.setdefault(block, len(numbers))
        for argument in block.args:
            yield numbers.setdefault(argument, len(numbers))
            yield argument.type
            location: LocationAttr = argument.location
            if locations:
                yield location
        for op in block.ops:
            yield from _parts(op, numbers, locations)
        yield "end of a block"
