"""Debug lines in LLVM IR (DILocation): each instruction has the position of the operation that it computes a part of.

An operation whose location has no position, such as the arithmetic of an index, is part of the next one of its block
that has: it is there for it. What is left at the end of a block belongs to the operation around it, in the end to the
function.
"""

from __future__ import annotations

from pathlib import Path

from xdsl.ir import Block, Operation

from pullback.dialects.graph.tensor.location import position_of

Position = tuple[str, int, int]
"""File, line, column."""


class DebugLines:
    """Notes that make debug information: line tables, without variables and types."""

    def __init__(self) -> None:
        self._nodes: list[str] = []
        self._numbers: dict[str, int] = {}
        self._positions: dict[int, Position] = {}
        """By the index of a line of the function that is being printed."""
        self._waiting: dict[Block | None, list[int]] = {}
        """Lines of each block that belong to the next operation that has a position."""

    def operation(self, op: Operation, lines: list[str], start: int) -> None:
        """Notes the position of the lines of an operation."""
        lines_of_op = range(start, len(lines))
        found = [self._positions[at] for at in lines_of_op if at in self._positions]
        left = [at for at in lines_of_op if at not in self._positions]
        for block in (block for region in op.regions for block in region.blocks):
            self._waiting.pop(block, None)  # they are among those left
        waiting = self._waiting.setdefault(op.parent, [])
        position = position_of(op) or next(iter(found), None)
        if position is None:
            waiting += left
            return
        self._positions |= dict.fromkeys([*left, *waiting], position)
        waiting.clear()

    def function(self, op: Operation, lines: list[str]) -> None:
        """Adds the metadata to the head and to the instructions of a function."""
        position = position_of(op) or next((p for _, p in sorted(self._positions.items())), None)
        positions, self._positions, self._waiting = self._positions, {}, {}
        if position is None:
            return
        name = lines[0].partition("@")[2].partition("(")[0]
        file = self._file(position[0])
        scope = self._node(
            f'distinct !DISubprogram(name: "{name}", scope: !{file}, file: !{file}, line: {position[1]}, '
            f"type: !{self._subroutine()}, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !{self._unit(file)})"
        )
        lines[0] = f"{lines[0].removesuffix(' {')} !dbg !{scope} {{"
        before = 2  # the head and the label of the first block
        for at, line in enumerate(lines[before:-1]):
            if line.startswith("  "):
                found = positions.get(at, position)
                lines[before + at] = f"{line}, !dbg !{self._location(found, scope, position[0])}"

    def metadata(self) -> str:
        """The nodes that the functions refer to."""
        if not self._nodes:
            return ""
        flags = (
            self._node('!{i32 2, !"Debug Info Version", i32 3}'),
            self._node('!{i32 7, !"Dwarf Version", i32 4}'),
        )
        named = [
            f"!llvm.dbg.cu = !{{!{self._numbers['unit']}}}",
            f"!llvm.module.flags = !{{{', '.join(f'!{flag}' for flag in flags)}}}",
        ]
        return "\n".join([*named, *(f"!{number} = {node}" for number, node in enumerate(self._nodes))])

    # ---- nodes ------------------------------------------------------------------------------------------

    def _node(self, text: str) -> int:
        """The number of a node; equal nodes are one, unless they are distinct."""
        if text not in self._numbers or text.startswith("distinct"):
            self._numbers[text] = len(self._nodes)
            self._nodes.append(text)
        return self._numbers[text]

    def _file(self, name: str) -> int:
        path = Path(name)
        return self._node(
            f'!DIFile(filename: "{_quoted(path.name)}", directory: "{_quoted(str(path.parent))}")'
        )

    def _unit(self, file: int) -> int:
        if "unit" not in self._numbers:
            self._numbers["unit"] = self._node(
                f'distinct !DICompileUnit(language: DW_LANG_C99, file: !{file}, producer: "pullback", '
                "isOptimized: true, runtimeVersion: 0, emissionKind: LineTablesOnly)"
            )
        return self._numbers["unit"]

    def _subroutine(self) -> int:
        return self._node(f"!DISubroutineType(types: !{self._node('!{}')})")

    def _location(self, position: Position, scope: int, file: str) -> int:
        name, line, column = position
        if name != file:
            scope = self._node(
                f"!DILexicalBlockFile(scope: !{scope}, file: !{self._file(name)}, discriminator: 0)"
            )
        return self._node(f"!DILocation(line: {line}, column: {column}, scope: !{scope})")


def _quoted(text: str) -> str:
    """A string of LLVM IR without its quotes."""
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02X}" for b in text.encode())
