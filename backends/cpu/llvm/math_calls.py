"""The calls of the math library: which are inlined, and which call a function, for one vector or for several at once.

While functions are printed each call has a number in its text, `@pb.exp.v16f32#7(...)`. When all are printed, the model
decides, and the text says it by the callee:

    @pb.exp.v16f32       alwaysinline
    @pb.exp.v16f32.x1    noinline; @pb.exp.v16f32.x4 takes four vectors and returns a struct of four results
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects.builtin import VectorType
from xdsl.ir import Attribute, Operation

from pullback.backends.cpu.llvm.block_order import BlockOrder, bases
from pullback.backends.cpu.llvm_types import element_type, length, size_in_bytes, suffix
from pullback.backends.cpu.math.call_model import MODEL, CallModel
from pullback.backends.cpu.math.library import BINARY, PAIRS, instantiate, instantiate_for_several

SITE = re.compile(r"@pb\.[\w.]+#(\d+)\(")
CALL = re.compile(r"  (%[\w.$-]+) = call (.+?) @pb\.[\w.]+#\d+\((.*)\)((?:, !dbg !\d+)?)(?:  ; .*)?$")
"""A result, its type, the arguments, and the debug line."""
TERMINATORS = ("  br ", "  ret ", "  switch ", "  unreachable")
REGISTER_BITS = 512
MOST_RETURNED = 4
"""Registers in which a function returns; more results would go through memory."""


@dataclass(frozen=True)
class MathFunction:
    """A function of the library for one type."""

    name: str
    type: Attribute

    @property
    def symbol(self) -> str:
        """Its name in LLVM IR, without the `@`."""
        return f"pb.{self.name}.{suffix(self.type)}"

    @cached_property
    def definition(self) -> tuple[str, set[str]]:
        """Its text, and the declarations that it needs."""
        return instantiate(self.name, self.type)

    @cached_property
    def size(self) -> int:
        """The number of its instructions, without those of functions that it calls."""
        return self.definition[0].partition("\n}")[0].count("\n") - 1

    @property
    def most(self) -> int:
        """How many vectors one call may take: as many as there are registers for results."""
        if not isinstance(self.type, VectorType):
            return 1
        bits = 8 * size_in_bytes(element_type(self.type)) * (length(self.type) or 1)
        registers = -(-bits // REGISTER_BITS) * (2 if self.name in PAIRS else 1)
        return max(1, MOST_RETURNED // registers // (2 if self.name in BINARY else 1))


@dataclass(frozen=True)
class Site:
    """A place that calls a function, and how often it runs in one run of the program."""

    function: MathFunction
    times: int


class MathCalls:
    """The calls of one module, of which `model` decides."""

    def __init__(self, model: CallModel = MODEL) -> None:
        self._model = model
        self._calls: list[tuple[MathFunction, Operation]] = []
        self._functions: dict[MathFunction, MathFunction] = {}

    def callee(self, name: str, type: Attribute, op: Operation) -> str:
        """The text of the callee for an operation, until it is decided."""
        key = MathFunction(name, type)
        function = self._functions.setdefault(key, key)
        self._calls.append((function, op))
        return f"@{function.symbol}#{len(self._calls) - 1}"

    def decided(
        self, functions: Sequence[str], times: Callable[[Operation], int]
    ) -> tuple[list[str], list[str], set[str]]:
        """The functions with their calls decided; the definitions and the declarations that these need.

        `times` tells how often an operation runs.
        """
        sites = [Site(function, times(op)) for function, op in self._calls]
        texts = [text if is_decided(text) else FunctionText(text, sites, self._model) for text in functions]
        decisions = [text for text in texts if isinstance(text, FunctionText)]
        widths = self._widths(decisions)
        result = [text if isinstance(text, str) else text.with_calls(widths) for text in texts]
        used = Counter[tuple[MathFunction, int]]()
        for text in decisions:
            used += text.used
        library: list[str] = []
        declarations: set[str] = set()
        for function in sorted({function for function, _ in used}, key=lambda f: f.symbol):
            definition, needed = function.definition
            library.append(definition)
            declarations |= needed
            widths_used = sorted({width for other, width in used if other == function and width})
            library += [instantiate_for_several(function.name, function.type, width) for width in widths_used]
        return result, library, declarations

    def _widths(self, texts: Sequence[FunctionText]) -> dict[MathFunction, int | None]:
        """For each function how many vectors its calls take; None where all calls are inlined."""
        groups: dict[MathFunction, list[tuple[int, int]]] = {}
        for text in texts:
            for function, counts in text.groups():
                groups.setdefault(function, []).append(counts)
        forced = {function for text in texts for function in text.forced}
        return {
            function: self._model.width(function.size, counts, function.most, function in forced)
            for function, counts in groups.items()
        }


def is_decided(text: str) -> bool:
    """Whether the text of a function holds no call that is to be decided."""
    return "#" not in text


class FunctionText:
    """The lines of a function whose calls are not decided, by blocks."""

    def __init__(self, text: str, sites: Sequence[Site], model: CallModel) -> None:
        self._lines = text.split("\n")
        self._sites = sites
        self.used = Counter[tuple[MathFunction, int]]()
        """What is called how often, by function and width; width 0 is inlined."""
        self.forced: set[MathFunction] = set()
        """Functions that are not to be inlined in some block, since its code would be too long."""
        self._blocks: list[_Block] = []
        base = bases(self._lines)
        start = 0
        for at, line in enumerate(self._lines):
            if line.startswith(TERMINATORS):
                block = self._block(start, at, model)
                if block is not None:
                    block.find_groups(base)
                    self._blocks.append(block)
                start = at + 1
            elif not line.startswith("  ") or " = phi " in line:
                start = at + 1

    def _block(self, start: int, end: int, model: CallModel) -> _Block | None:
        """The block of these lines with the calls that are not to be inlined; None without a call."""
        found = {
            at - start: self._sites[int(match[1])]
            for at in range(start, end)
            if (match := SITE.search(self._lines[at]))
        }
        if not found:
            return None
        pays = {at for at, site in found.items() if model.pays(site.function.size, site.times)}
        if sum(found[at].function.size for at in pays) > model.longest_loop:
            self.forced |= {found[at].function for at in pays}
            pays = set[int]()
        called = {at: site for at, site in found.items() if at not in pays}
        return _Block(self._lines, start, end, found, called)

    def groups(self) -> list[tuple[MathFunction, tuple[int, int]]]:
        """For each group of calls that one call could be: the function, how many there are, and how often they run."""
        return [
            (function, (len(group), times))
            for block in self._blocks
            for (function, times, _), group in block.groups.items()
        ]

    def with_calls(self, widths: dict[MathFunction, int | None]) -> str:
        """The text, in which calls of these functions take so many vectors."""
        lines = list(self._lines)
        for block in reversed(self._blocks):
            lines[block.start : block.end] = block.with_calls(widths, self.used)
        return "\n".join(lines)


class _Block:
    """The instructions of a basic block, from its first one that is no phi to its terminator."""

    def __init__(
        self, lines: Sequence[str], start: int, end: int, sites: dict[int, Site], called: dict[int, Site]
    ) -> None:
        self.start, self.end = start, end
        self._lines = lines[start:end]
        self._sites = sites
        self._called = called
        self._order: BlockOrder | None = None
        self.groups: dict[tuple[MathFunction, int, int], list[int]] = {}
        """By function, times and depth, the numbers of lines whose calls do not wait for each other."""

    def find_groups(self, base: dict[str, str]) -> None:
        """Finds the groups."""
        depths: Sequence[int] = range(len(self._lines))
        if len(self._called) > 1:
            self._order = BlockOrder.of(self._lines, base)
            depths = self._order.depths(set(self._called))
        for at, site in self._called.items():
            self.groups.setdefault((site.function, site.times, depths[at]), []).append(at)

    def with_calls(
        self, widths: dict[MathFunction, int | None], used: Counter[tuple[MathFunction, int]]
    ) -> list[str]:
        """The lines, in which calls of these functions take so many vectors; what they call is added to `used`."""
        batches: list[Sequence[int]] = []
        callees: dict[int, int] = dict.fromkeys(self._sites, 0)
        for (function, _, _), group in self.groups.items():
            width = widths[function]
            if width is None:
                continue
            full = len(group) // width * width if width > 1 else 0
            batches += [group[at : at + width] for at in range(0, full, width)]
            callees |= dict.fromkeys(group[:full], width) | dict.fromkeys(group[full:], 1)
        order = [(at,) for at in range(len(self._lines))]
        if batches and self._order is not None:
            order = self._order.order(batches)
        result: list[str] = []
        for unit in order:
            if len(unit) > 1:
                function = self._sites[unit[0]].function
                used[function, len(unit)] += 1
                result += self._joined(unit, function)
            elif unit[0] in callees:
                site, width = self._sites[unit[0]], callees[unit[0]]
                used[site.function, width] += 1
                name = f"@{site.function.symbol}{f'.x{width}' if width else ''}("
                result.append(SITE.sub(lambda _, name=name: name, self._lines[unit[0]]))
            else:
                result.append(self._lines[unit[0]])
        return result

    def _joined(self, unit: Sequence[int], function: MathFunction) -> list[str]:
        """One call for several, and the results of each."""
        calls = [CALL.match(self._lines[at]) for at in unit]
        matches = [call for call in calls if call is not None]
        assert len(matches) == len(calls), "a call of the math library defines a value"
        type = f"{{ {', '.join(match[2] for match in matches)} }}"
        arguments = ", ".join(match[3] for match in matches)
        first = SITE.search(self._lines[unit[0]])
        name = f"%pb.batch.{first[1] if first else ''}"
        debug = matches[-1][4]
        lines = [f"  {name} = call {type} @{function.symbol}.x{len(unit)}({arguments}){debug}"]
        lines += [
            f"  {match[1]} = extractvalue {type} {name}, {at}{debug}" for at, match in enumerate(matches)
        ]
        return lines
