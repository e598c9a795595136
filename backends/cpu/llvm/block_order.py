"""Instruction scheduling of one basic block of LLVM IR, given as lines: several calls become one, each line goes after
what it needs, and lines stay in their order otherwise.

    %a = call T @f(T %x)                          %y = fadd T %z, %z
    %b = fmul T %a, %a                            %pb.batch.0 = call { T, T } @f.x2(T %x, T %y)
    %y = fadd T %z, %z                   ->       %a = extractvalue { T, T } %pb.batch.0, 0
    %c = call T @f(T %y)                          %c = extractvalue { T, T } %pb.batch.0, 1
                                                  %b = fmul T %a, %a
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

NAME = re.compile(r"%[\w.$-]+")
DEFINITION = re.compile(r"  (%[\w.$-]+) = (.*)")
NO_MEMORY = re.compile(r"call [^@]*@(llvm\.(?!masked|stack|mem|lifetime|prefetch)|pb\.[\w.]+#)")
"""Calls that neither read nor write memory: LLVM's arithmetic, and functions of mathematics."""
READS = re.compile(r"load |call [^@]*@llvm\.masked\.(load|gather)")
WRITES = re.compile(r"store |call [^@]*@llvm\.masked\.(store|scatter)")
ADDRESS = re.compile(r"ptr>? (%[\w.$-]+)")
TOUCHES_ANYTHING = re.compile(r"(tail )?call |alloca|fence|cmpxchg|atomicrmw|invoke")


def bases(lines: Sequence[str]) -> dict[str, str]:
    """The parameter that each address of a function is derived from, of those that nothing else points into."""
    head = next(line for line in lines if line.startswith("define "))
    found = {name: name for name in re.findall(r"noalias [^,%]*(%[\w.$-]+)", head)}
    for line in lines:
        if " = getelementptr " in line and (match := DEFINITION.match(line)):
            base = ADDRESS.search(match[2])
            if base is not None and base[1] in found:
                found[match[1]] = found[base[1]]
    return found


@dataclass
class BlockOrder:
    """The instructions of a block, phis and terminator left out, and what each of them waits for."""

    lines: Sequence[str]
    needs: list[set[int]]
    """The numbers of the lines that must come before each."""

    @classmethod
    def of(cls, lines: Sequence[str], base: Mapping[str, str]) -> BlockOrder:
        """Finds the dependences of lines through values and through memory; `base` as `bases` has it."""
        defined: dict[str, int] = {}
        needs: list[set[int]] = []
        memory = _Memory()
        for at, line in enumerate(lines):
            code = line.partition("  ; ")[0]
            match = DEFINITION.match(code)
            right = match[2] if match else code
            before = {defined[name] for name in NAME.findall(right) if name in defined}
            right = right.strip()
            if NO_MEMORY.match(right):
                pass
            elif READS.match(right):
                before |= memory.read(at, _base_of(right, base))
            elif WRITES.match(right):
                before |= memory.write(at, _base_of(right, base))
            elif TOUCHES_ANYTHING.match(right):
                before |= memory.write(at, None)
            needs.append(before)
            if match:
                defined[match[1]] = at
        return cls(lines, needs)

    def depths(self, calls: set[int]) -> list[int]:
        """How many of the calls lie on the longest way to each line: those of one depth do not wait for each other."""
        depths: list[int] = []
        for before in self.needs:
            depths.append(max((depths[need] + (need in calls) for need in before), default=0))
        return depths

    def order(self, groups: Sequence[Sequence[int]]) -> list[Sequence[int]]:
        """The numbers of the lines in an order in which those of each group are neighbours.

        Of what waits for nothing the first comes first, so values are needed soon after they are computed. Lines of a
        group must not wait for each other, nor groups for each other.
        """
        unit_of = {at: group for group in groups for at in group}
        units: dict[int, Sequence[int]] = {}
        for at in range(len(self.lines)):
            unit = unit_of.get(at, (at,))
            units.setdefault(unit[0], unit)
        first = {at: unit[0] for unit in units.values() for at in unit}
        waits = {number: {first[n] for at in unit for n in self.needs[at]} for number, unit in units.items()}
        followers: dict[int, list[int]] = {}
        for number, before in waits.items():
            for other in before:
                followers.setdefault(other, []).append(number)
        missing = {number: len(before) for number, before in waits.items()}
        ready = [number for number, count in missing.items() if not count]
        heapify(ready)
        result: list[Sequence[int]] = []
        while ready:
            number = heappop(ready)
            result.append(units[number])
            for follower in followers.get(number, ()):
                missing[follower] -= 1
                if not missing[follower]:
                    heappush(ready, follower)
        assert len(result) == len(units), "groups wait for each other"
        return result


class _Memory:
    """The accesses of a block so far, by what their address is derived from; None for what may be anywhere."""

    def __init__(self) -> None:
        self._written: dict[str | None, int] = {}
        self._read: dict[str | None, list[int]] = {}

    def read(self, at: int, base: str | None) -> set[int]:
        """Notes that a line reads; returns the lines that wrote there."""
        self._read.setdefault(base, []).append(at)
        return {number for other, number in self._written.items() if _may_meet(base, other)}

    def write(self, at: int, base: str | None) -> set[int]:
        """Notes that a line writes; returns the lines that read or wrote there."""
        before = {number for other, number in self._written.items() if _may_meet(base, other)}
        for other, numbers in self._read.items():
            if _may_meet(base, other):
                before.update(numbers)
                if base is None or base == other:  # what comes later waits for this line
                    numbers.clear()
        self._written[base] = at
        return before


def _may_meet(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _base_of(code: str, base: Mapping[str, str]) -> str | None:
    addresses = {base.get(name) for name in ADDRESS.findall(code)}
    return addresses.pop() if len(addresses) == 1 else None
