"""Serialisation of IR as flat rows: pickling operations themselves would recurse through operands, thousands deep.

Values and operations are numbered in program order (pre-order: an operation before those in its regions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

Arguments: TypeAlias = tuple[tuple[Attribute, str | None, Any], ...]
"""The type, the hint and the location of each argument of a block."""


@dataclass(frozen=True, slots=True)
class Row:
    """One operation as plain data: its class, attributes and types, and the numbers of its block and its operands."""

    kind: type[Operation]
    block: int
    operands: tuple[int, ...]
    results: tuple[tuple[Attribute, str | None], ...]
    properties: Mapping[str, Attribute]
    attributes: Mapping[str, Attribute]
    location: Any
    regions: tuple[tuple[Arguments, ...], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """The contents of a block as plain data."""

    arguments: Arguments
    rows: Sequence[Row]

    @classmethod
    def of(cls, block: Block) -> Record:
        """Records the contents of a block, without its terminator.

        Raises:
            ValueError: for an operation that branches to blocks, or uses a value from outside.
        """
        numbers = {value: number for number, value in enumerate(values_in(block))}
        blocks: dict[Block, int] = {block: 0}
        rows: list[Row] = []
        for op in operations_in(block):
            outside = [v for v in op.operands if v not in numbers]
            if op.successors or outside:
                raise ValueError(f"{op.name} cannot be recorded: it uses a value from outside of the block")
            for region in op.regions:
                for inner in region.blocks:
                    blocks[inner] = len(blocks)
            assert op.parent is not None
            rows.append(
                Row(
                    type(op),
                    blocks[op.parent],
                    tuple(numbers[v] for v in op.operands),
                    tuple((r.type, r.name_hint) for r in op.results),
                    dict(op.properties),
                    dict(op.attributes),
                    op.location,
                    tuple(tuple(_arguments(inner) for inner in region.blocks) for region in op.regions),
                )
            )
        return cls(_arguments(block), rows)

    def written_to(self, block: Block) -> None:
        """Rebuilds the arguments and operations in an empty block."""
        blocks = [block]
        values: list[SSAValue] = _with_arguments(block, self.arguments)
        for row in self.rows:
            regions = [[Block() for _ in region] for region in row.regions]
            op = row.kind.create(
                operands=[values[number] for number in row.operands],
                result_types=[type_ for type_, _ in row.results],
                properties=dict(row.properties),
                attributes=dict(row.attributes),
                regions=[Region(inner) for inner in regions],
            )
            op.location = row.location
            for result, (_, hint) in zip(op.results, row.results, strict=True):
                result.name_hint = hint
            blocks[row.block].add_op(op)
            values.extend(op.results)
            for inner, arguments in zip(regions, row.regions, strict=True):
                blocks.extend(inner)
                for made, given in zip(inner, arguments, strict=True):
                    values.extend(_with_arguments(made, given))

    def __deepcopy__(self, memo: object) -> Record:
        return self  # nothing in it ever changes


def operations_in(block: Block) -> Iterator[Operation]:
    """Walks the operations in a block, nested ones too, in the order of their numbers; not its terminator."""
    for op in block.ops:
        if op.name != "func.return":
            yield op
            for region in op.regions:
                for inner in region.blocks:
                    yield from operations_in(inner)


def values_in(block: Block) -> Iterator[SSAValue]:
    """Walks the values defined in a block and in its operations' regions, in the order of their numbers."""
    yield from block.args
    for op in operations_in(block):
        yield from op.results
        for region in op.regions:
            for inner in region.blocks:
                yield from inner.args


def number_in(items: Iterator[object], item: object) -> int:
    """Finds the number of a value or of an operation."""
    return next(number for number, found in enumerate(items) if found is item)


def numbered(items: Iterator[Any], number: int) -> Any:
    """Finds the value or operation of a number."""
    return next(islice(items, number, None))


def _arguments(block: Block) -> Arguments:
    return tuple((a.type, a.name_hint, a.location) for a in block.args)


def _with_arguments(block: Block, arguments: Arguments) -> list[SSAValue]:
    for type_, hint, location in arguments:
        made = block.insert_arg(type_, len(block.args), location)
        made.name_hint = hint
    return list(block.args)
