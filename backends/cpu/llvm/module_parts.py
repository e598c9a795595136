"""Splits a module of LLVM IR into modules that are compiled side by side, and linked to what the whole would be.

How many there are, and what is in which, follows from the text alone, so objects do not depend on how many threads make
them. Functions call each other across parts, as hidden symbols, which no other library sees. A function whose address
is taken is in the part of what mentions it, and so are variables; constants, and functions that are always inlined, are
in each part that needs them. `EarlyParts` makes parts of functions while the others are still being made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

LINES_OF_A_PART = 500
"""Lines of LLVM IR, those of inlined functions included, that are worth a part: some 20 ms of work."""
MOST_PARTS = 16

MENTION = re.compile(r"@([\w.$-]+)")
CALLEE = re.compile(r"call [^@\n]*@([\w.$-]+)\(")
PARAMETER = re.compile(r" %[\w.$-]+(?=[,)])")


@dataclass
class _Symbol:
    """A function, a global or a declaration."""

    name: str
    text: str
    number: int
    mentioned: Counter[str] = field(init=False)
    called: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        with_names = "\n".join(line for line in self.text.split("\n") if "@" in line)
        self.mentioned = Counter(MENTION.findall(with_names))
        del self.mentioned[self.name]
        self.called = Counter(CALLEE.findall(with_names))

    @property
    def head(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def is_function(self) -> bool:
        return self.text.startswith("define ")

    @property
    def is_declared(self) -> bool:
        return self.text.startswith("declare ")

    @property
    def is_internal(self) -> bool:
        return self.head.startswith("define internal ")

    @property
    def is_copied(self) -> bool:
        """Whether each part that needs it has its own."""
        if self.is_function:
            return self.is_internal and " alwaysinline" in self.head
        return self.is_declared or " internal constant " in self.head or " private constant " in self.head

    def as_hidden(self) -> str:
        """The definition of a function that other parts call."""
        return self.text.replace("define internal ", "define hidden ", 1)

    def declaration(self) -> str:
        """The declaration of a function in another part."""
        head = self.head.removesuffix(" {").replace(" noinline", "")
        visibility = "hidden " if self.is_internal else ""
        head = head.removeprefix("define ").removeprefix("internal ")
        return f"declare {visibility}{PARAMETER.sub('', head)}"


def module_parts(text: str, early: Mapping[str, _Symbol] | None = None) -> tuple[str, ...]:
    """The parts of a module; the module itself if it is too small, or has debug lines, which describe it as a whole.

    `early` are functions that it calls and that are in other parts already.
    """
    early = early or {}
    if not early and (text.count("\n") < 2 * LINES_OF_A_PART or "\n!" in text):
        return (text,)
    symbols = {**early, **{symbol.name: symbol for symbol in _symbols(text)}}
    copied = {name for name, symbol in symbols.items() if symbol.is_copied}
    placed = [symbol for name, symbol in symbols.items() if name not in copied and name not in early]
    lines = {name: symbol.text.count("\n") + 1 for name, symbol in symbols.items()}
    cost = {
        symbol.name: lines[symbol.name]
        + sum(lines[name] * count for name, count in symbol.called.items() if name in copied)
        for symbol in placed
    }
    count = min(MOST_PARTS, sum(cost.values()) // LINES_OF_A_PART)
    if count < 2 and not early:
        return (text,)
    part_of = _shared_out(_together(placed, symbols), cost, max(1, count)) | dict.fromkeys(early, -1)
    outside = {
        name
        for user in symbols.values()
        for name in user.mentioned
        if name in part_of and part_of[name] != part_of.get(user.name)
    }
    return tuple(
        part
        for number in range(max(1, count))
        if (part := _part([s for s in placed if part_of[s.name] == number], symbols, part_of, outside))
    )


class EarlyParts:
    """Parts of functions that come before the rest of their module, each as soon as there is enough for a part."""

    def __init__(self) -> None:
        self._declared: dict[str, _Symbol] = {}
        self._placed: dict[str, _Symbol] = {}
        """The functions in parts, but for those that they have for themselves."""
        self._waiting: list[Sequence[_Symbol]] = []
        """Functions for the next part, each before those that it has for itself."""
        self._left: list[str] = []
        """Functions that need what is not known yet."""
        self._count = 0

    def add(self, text: str, declarations: Iterable[str]) -> str | None:
        """Takes a function with what it has for itself, and any declarations; returns the part that this completes."""
        for declaration in declarations:
            if (name := MENTION.findall(declaration)[0]) not in self._declared:
                self._declared[name] = _Symbol(name, declaration, -1)
        symbols = list(_symbols(text))
        known = {**self._declared, **self._placed, **_by_name([*self._waiting, symbols])}
        if not all(name in known for symbol in symbols for name in symbol.mentioned):
            self._left.append(text)
            return None
        self._waiting.append(symbols)
        lines = sum(symbol.text.count("\n") for group in self._waiting for symbol in group)
        if lines < LINES_OF_A_PART << self._count // MOST_PARTS:
            return None
        self._count += 1
        members = [symbol for group in self._waiting for symbol in group]
        called = {group[0].name: group[0] for group in self._waiting}
        self._placed |= called
        self._waiting.clear()
        return _part(members, known, dict.fromkeys(self._placed, 0), set(called))

    def rest(self, text: str) -> tuple[str, ...]:
        """The parts of what has not been in a part yet, and of the rest of the module."""
        waiting = [symbol.text for group in self._waiting for symbol in group]
        return module_parts("\n\n".join([*waiting, *self._left, text]), self._placed)


def _by_name(groups: Iterable[Iterable[_Symbol]]) -> dict[str, _Symbol]:
    return {symbol.name: symbol for group in groups for symbol in group}


def _symbols(text: str) -> Iterable[_Symbol]:
    """What a module consists of."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start, line = at, lines[at]
        at += 1
        if line.startswith("define "):
            at = lines.index("}", start) + 1
        elif not line.startswith(("@", "declare ")):
            continue
        found = MENTION.search(line)
        assert found is not None
        yield _Symbol(found[1], "\n".join(lines[start:at]), start)


def _together(placed: Sequence[_Symbol], symbols: dict[str, _Symbol]) -> list[list[str]]:
    """The names of what must be in one part, as groups."""
    leader = {symbol.name: symbol.name for symbol in placed}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    public = [symbol.name for symbol in placed if not symbol.is_internal and symbol.is_function]
    for name in public[1:]:
        leader[find(name)] = find(public[0])
    for symbol in placed:
        for name, count in symbol.mentioned.items():
            is_called_only = (
                symbols[name].is_function and count == symbol.called[name] if name in symbols else True
            )
            if name in leader and not is_called_only:
                leader[find(name)] = find(symbol.name)
    groups: dict[str, list[str]] = {}
    for symbol in placed:
        groups.setdefault(find(symbol.name), []).append(symbol.name)
    return list(groups.values())


def _shared_out(groups: Sequence[Sequence[str]], cost: dict[str, int], count: int) -> dict[str, int]:
    """The part of each name: the most expensive group first, each to the part with the least so far."""
    loads = [0] * count
    part_of: dict[str, int] = {}
    for group in sorted(groups, key=lambda names: -sum(cost[name] for name in names)):
        part = loads.index(min(loads))
        loads[part] += sum(cost[name] for name in group)
        part_of |= dict.fromkeys(group, part)
    return part_of


def _part(
    members: Sequence[_Symbol], symbols: dict[str, _Symbol], part_of: dict[str, int], outside: set[str]
) -> str:
    """The text of one part."""
    own = {symbol.name for symbol in members}
    texts = {symbol.name: symbol.as_hidden() if symbol.name in outside else symbol.text for symbol in members}
    waiting = list(members)
    while waiting:
        for name in waiting.pop().mentioned:
            other = symbols.get(name)
            if other is None or name in texts:
                continue
            if name in part_of and name not in own:
                texts[name] = other.declaration()
            else:
                texts[name] = other.text
                waiting.append(other)
    ordered = sorted(texts, key=lambda name: symbols[name].number)
    return "\n\n".join(texts[name] for name in ordered) + "\n" if texts else ""
