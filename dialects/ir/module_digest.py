"""The digest of a module: equal for programs that do the same, in whatever process they were built.

It covers all that an operation consists of, but for the names of values and locations: those of the entry's arguments
count, since messages have them. Values are numbers, in the order in which they are met; attributes are numbers, too,
and what each consists of is hashed once. No text is printed: that would take ten times as long.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from xdsl.ir import Attribute, Data, Operation, ParametrizedAttribute, Region

_BLOCK, _REGION = -1, -2
"""What comes before the arguments of a block, and before the blocks of a region."""


class ModuleDigest:
    """The digest of an operation with all that is in it.

    Args:
        op: the operation, which must not change until this is made.
        names: text that is hashed, too.
    """

    def __init__(self, op: Operation, names: Iterable[str | None] = ()) -> None:
        self.classes: set[type] = set()
        """The classes of its operations and attributes."""
        self._values: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self._nodes: dict[tuple[Any, ...], int] = {}
        self._alive: list[Attribute] = []
        self._words = array("q")
        self._operation(op)
        digest = hashlib.sha256(struct.pack("<Q", len(self._words)))
        digest.update(self._words)
        for node in self._nodes:
            digest.update(_bytes(node))
        digest.update(_bytes(tuple(names)))
        self.hexadecimal = digest.hexdigest()

    def _operation(self, op: Operation) -> None:
        values, words = self._values, self._words
        line = [self._node((type(op), op.name)), len(op.operands)]
        line += [values.setdefault(id(used), len(values)) for used in (*op.operands, *op.successors)]
        for result in op.results:
            values.setdefault(id(result), len(values))
            line.append(self._attribute(result.type))
        for held in (op.properties, op.attributes):
            line.append(len(held))
            for name in sorted(held) if len(held) > 1 else held:
                line.append(self._node((name,)))
                line.append(self._attribute(held[name]))
        words.extend(line)
        for region in op.regions:
            self._region(region)

    def _region(self, region: Region) -> None:
        values, words = self._values, self._words
        words.append(_REGION)
        for block in region.blocks:
            words.append(_BLOCK)
            words.append(values.setdefault(id(block), len(values)))
            for argument in block.args:
                values.setdefault(id(argument), len(values))
                words.append(self._attribute(argument.type))
            for op in block.ops:
                self._operation(op)

    def _attribute(self, attribute: Attribute) -> int:
        """The number of an attribute: equal ones have one, and those with other bits or other types another."""
        number = self._numbers.get(id(attribute))
        if number is None:
            if isinstance(attribute, ParametrizedAttribute):
                parts: tuple[Any, ...] = tuple(map(self._attribute, attribute.parameters))
            elif isinstance(attribute, Data):
                parts = self._data(attribute, attribute.data)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
            else:
                parts = (str(attribute),)
            number = self._numbers[id(attribute)] = self._node((type(attribute), *parts))
            self._alive.append(attribute)  # no other takes its identity
        return number

    def _data(self, attribute: Attribute, data: object) -> tuple[Any, ...]:
        match data:
            case Attribute():
                return ("attribute", self._attribute(data))
            case bool() | int() | str() | bytes():
                return (type(data), data)
            case float():  # to the bit: 0.0 and -0.0 differ, and a NaN is itself
                return (float, struct.pack("<d", data))
            case Enum():
                return (Enum, data.name)
            case Mapping():
                items = sorted(data.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
                return (dict, *((name, self._data(attribute, value)) for name, value in items))  # pyright: ignore[reportUnknownVariableType]
            case tuple() | list():
                return (tuple, *(self._data(attribute, part) for part in data))  # pyright: ignore[reportUnknownVariableType]
            case _:
                return ("text", str(attribute))

    def _node(self, node: tuple[Any, ...]) -> int:
        number = self._nodes.get(node)
        if number is None:
            number = self._nodes[node] = len(self._nodes)
            if isinstance(node[0], type):
                self.classes.add(node[0])
        return number


def _bytes(part: Any) -> bytes:
    """The bytes of a node; none is the beginning of another's."""
    match part:
        case tuple():
            return b"(%d" % len(part) + b"".join(map(_bytes, part))  # pyright: ignore[reportUnknownArgumentType]
        case type():
            return _bytes(f"{part.__module__}.{part.__qualname__}")
        case bytes():
            return b"b%d:" % len(part) + part
        case str():
            return b"s" + _bytes(part.encode(errors="surrogatepass"))
        case _:
            return f"{part!r};".encode()
