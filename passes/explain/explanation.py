"""Explanations as plain data: for people as an outline, for programs as a dict or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from xdsl.utils.str_enum import StrEnum

SHOWN = 5
"""The number of cuts, inputs, users and gradient operations that the text names; the data has all of them."""


class Status(StrEnum):
    """The outcome of `gradients` for an x: a gradient, none, or an error."""

    CONNECTED = "connected"
    NONE = "none"
    ERROR = "error"


class Reason(StrEnum):
    """The kinds of reasons why a gradient ends."""

    NOT_DIFFERENTIABLE = "not_differentiable"
    DTYPE = "dtype"
    DTYPE_OF_X = "dtype_of_x"
    DTYPE_OF_Y = "dtype_of_y"
    STOPPED = "stopped"
    RULE = "rule"
    LOOP_WITHOUT_GRADIENT = "loop_without_gradient"
    LOOP_CONDITION = "loop_condition"
    LOOP_BODY = "loop_body"
    ASSIGNMENT = "assignment"
    CARRIED = "carried"
    FAILURE = "failure"
    UNUSED = "unused"
    CONSTANT = "constant"
    ELSEWHERE = "elsewhere"
    REVERSED = "reversed"
    OTHER_READ = "other_read"
    OTHER_REFERENCE = "other_reference"
    NO_Y = "no_y"


@dataclass(frozen=True)
class OperationPlace:
    """An operation: its name, its type, `file:line:column` in the text and the line of Python, where they are known."""

    name: str
    op: str
    position: str | None = None
    line: str | None = None

    def __str__(self) -> str:
        return self.without_line() + self.at_line()

    def without_line(self) -> str:
        """The name, the type, and the position in the text."""
        where = f", {self.position}" if self.position else ""
        return f"{self.name} ({self.op}{where})"

    def at_line(self) -> str:
        """The line of Python, as it is put at the end."""
        return f" [{self.line}]" if self.line else ""


@dataclass(frozen=True)
class Made:
    """An operation that answers an earlier request: its name, its type, and why the engine made it."""

    name: str
    op: str
    origin: str

    def __str__(self) -> str:
        return f"{self.origin} {self.name} ({self.op})"


@dataclass(frozen=True)
class PathStep:
    """One operation that the gradient passes, from a result to an operand.

    Attributes:
        place: the operation.
        operand: the operand to which this path goes on: its index among the operands and captured values.
        operand_name: what its class calls that operand.
        value: the name of the value there.
        type: its type.
        rule: where the rule comes from: `class`, `registered`, `override 'Name'` or `loop`.
        terms: how many gradient terms are added up for that value.
        summed_from: the type from which broadcasting is undone, if it is.
        role: whose gradient the operation itself belongs to, if it was made by an earlier request.
        made: the gradient operations that are in the graph for it already.
    """

    place: OperationPlace
    operand: int
    operand_name: str
    value: str
    type: str
    rule: str
    terms: int
    summed_from: str | None = None
    role: str | None = None
    made: tuple[Made, ...] = ()


@dataclass(frozen=True)
class Cut:
    """A place where the gradient ends though the value there depends on x.

    Attributes:
        reason: which kind of end it is.
        why: the same for people.
        place: the operation; `None` where x or y itself is the reason.
        operand: the index of the operand that gets no gradient.
        operand_name: what its class calls that operand.
        value: the name of the value that gets none.
        inside: the loop in whose body it is, if it is in one.
        alone: whether no second cut lies between here and x.
    """

    reason: Reason
    why: str
    place: OperationPlace | None = None
    operand: int | None = None
    operand_name: str = ""
    value: str | None = None
    inside: str | None = None
    alone: bool = True

    def __str__(self) -> str:
        if self.place is None:
            return self.why
        where = "" if self.value is None else f", {_operand(self.operand, self.operand_name)}'{self.value}'"
        inside = "" if self.inside is None else f" in the loop {self.inside}"
        more = "" if self.alone else "; between here and x it is cut again"
        return f"at {self.place.without_line()}{where}{inside}: {self.why}{more}{self.place.at_line()}"


@dataclass(frozen=True)
class Outline:
    """A line, and the lines under it."""

    line: str
    under: tuple[Outline, ...] = ()

    @staticmethod
    def of(line: str, under: Sequence[Outline | str] = ()) -> Outline:
        """An outline whose leaves may be given as text."""
        return Outline(line, tuple(u if isinstance(u, Outline) else Outline(u) for u in under))

    def lines(self, margin: str = "") -> list[str]:
        """As text, two spaces a level."""
        return [margin + self.line, *(line for u in self.under for line in u.lines(margin + "  "))]


@dataclass(frozen=True)
class Explanation:
    """The explanation of a gradient of ys with respect to x. `str()` is for people, `to_json()` for programs.

    Attributes:
        ys, x: the names of the values.
        status: whether there is a gradient, none, or an error.
        path: a shortest way from y back to x.
        paths: how many ways there are.
        operations: every operation on one of them, in the order in which the engine visits them.
        terms: how many gradient terms are added up for x.
        seeds: the operations that start the gradient, where a request was answered already.
        cuts: every place where a way from a y to x ends before x.
        error: the error that the request raises.
        inputs: what the ys are computed from, the nearest first, where x is not among it.
        users: what uses x, where no user leads to a y.
        hints: what may have been meant.
    """

    DOCUMENTED: ClassVar = ("connected", "to_dict", "to_json")
    """The members that docs/python.md shows: the others are for the inside."""

    ys: tuple[str, ...]
    x: str
    status: Status
    path: tuple[PathStep, ...] = ()
    paths: int = 0
    operations: tuple[OperationPlace, ...] = ()
    terms: int = 0
    seeds: tuple[Made, ...] = ()
    cuts: tuple[Cut, ...] = ()
    error: str | None = None
    inputs: tuple[str, ...] = ()
    users: tuple[OperationPlace, ...] = ()
    hints: tuple[str, ...] = ()

    @property
    def connected(self) -> bool:
        """Whether there is a gradient."""
        return self.status is Status.CONNECTED

    def to_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists, strings and numbers."""
        return asdict(self)

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def __str__(self) -> str:
        return "\n".join(self.outline().lines())

    def __rich__(self) -> Any:
        from rich.markup import escape
        from rich.tree import Tree

        colour = {Status.CONNECTED: "green", Status.NONE: "yellow", Status.ERROR: "red"}[self.status]
        outline = self.outline()
        tree = Tree(f"[bold {colour}]{escape(outline.line)}[/]")

        def grow(branch: Tree, parts: Sequence[Outline]) -> None:
            for part in parts:
                grow(branch.add(escape(part.line)), part.under)

        grow(tree, outline.under)
        return tree

    def outline(self) -> Outline:
        """The text, as a tree."""
        what = (
            f"d {self.ys[0]} / d {self.x}" if len(self.ys) == 1 else f"d ({' + '.join(self.ys)}) / d {self.x}"
        )
        match self.status:
            case Status.CONNECTED:
                return Outline.of(f"{what}: {self._summary()}", self._connected())
            case Status.ERROR:
                return Outline.of(
                    f"{what}: an error", [self.error or "", *self._steps(), *map(str, self.hints)]
                )
            case _:
                return Outline.of(f"{what}: None{self._because()}", self._unconnected())

    def _summary(self) -> str:
        if not self.operations:
            return "the seed itself, since x is y"
        paths = "one path" if self.paths == 1 else f"{self.paths} paths"
        count = len(self.operations)
        return f"{paths} through {count} operation{'s' if count > 1 else ''}"

    def _connected(self) -> list[Outline | str]:
        lines: list[Outline | str] = []
        if self.paths > 1:
            lines.append(Outline.of("a shortest path, from y back to x", self._steps()))
        else:
            lines.extend(self._steps())
        if self.seeds:
            lines.append(Outline.of("started by", _limited(self.seeds)))
        if self.cuts:
            lines.append(Outline.of("other ways end before x", _limited(self.cuts)))
        return lines

    def _steps(self) -> list[Outline]:
        return [Outline.of(_step(step), _limited(step.made)) for step in self.path]

    def _because(self) -> str:
        return ", since no y depends on x" if self.inputs or self.users else ""

    def _unconnected(self) -> list[Outline | str]:
        lines: list[Outline | str] = [*_limited(self.cuts)]
        if self.inputs:
            lines.append(f"{_listed(self.ys)} depends on {_listed(self.inputs)}")
        if self.users:
            lines.append(Outline.of("x is used by", _limited(self.users)))
        return [*lines, *self.hints]


def _operand(index: int | None, name: str) -> str:
    """`operand 1 (rhs) `, with a space behind it, or nothing."""
    return "" if index is None else f"operand {index} ({name}) " if name else f"operand {index} "


def _step(step: PathStep) -> str:
    role = f", itself {step.role}" if step.role else ""
    summed = f", broadcasting undone from {step.summed_from}" if step.summed_from else ""
    terms = f", one of {step.terms} terms that are added up" if step.terms > 1 else ""
    return (
        f"{step.place.without_line()}{role}, rule: {step.rule}, to {_operand(step.operand, step.operand_name)}"
        f"'{step.value}': {step.type}{summed}{terms}{step.place.at_line()}"
    )


def _limited(items: Sequence[object]) -> list[str]:
    shown = [str(item) for item in items[:SHOWN]]
    return [*shown, f"… and {len(items) - SHOWN} more"] if len(items) > SHOWN else shown


def _listed(names: Sequence[str]) -> str:
    return ", ".join(_limited(names))
