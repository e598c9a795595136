"""`#graph.schedule<…>`: the schedule of a kernel, which determines its loops.

    #graph.schedule<kind = rows, parallel = [128], reduce = [10], cpu = {vector = 16, unroll = 4}>

`kind`, `parallel` and `reduce` determine the loops on every target. Parameters tuned for one target are in a dictionary
under its name; lowerings for other targets ignore it. A `graph.kernel` writes `schedule<…>`, without the prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final, NoReturn

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from pullback.dialects.graph.tensor.types import GraphError
from pullback.process.registries import Registry

KINDS: Final[Registry[str]] = Registry("kind of kernel", "kinds")
"""The kinds of kernels, and what each of them computes."""
for _kind, _meaning in {
    "pointwise": "each point of P by itself",
    "rows": "reductions over R, the trailing dims, for each point of P; or over all of P",
    "columns": "reductions over R, the leading dims, for each point of P; or over all of P",
    "matmul": "a matrix product, and what is done with each element of it",
    "scatter": "rows added to, or put into, rows of another tensor",
    "concat": "pieces that are computed in loops of their own",
    "scan": "a prefix sum or the like along one axis",
}.items():
    KINDS.add(_kind, _meaning)
KINDS.seal()
EXAMPLE = "schedule<kind = pointwise, parallel = [8, 4], cpu = {vector = 16}>"
EXTENTS = "extents, as in parallel = [8, 5]"
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class CpuTuning:
    """The parameters tuned for CPUs: `None` and `()` leave the choice to the lowering."""

    vector: int | None = None
    """The number of elements in a vector."""
    unroll: int | None = None
    """The number of independent vectors in the inner loop."""
    tile: tuple[int, ...] = ()
    """Rows and columns of the block of a matrix product that is kept in registers."""
    split: int | None = None
    """The number of parts of a long reduction, which run in parallel; their results are combined in order."""


@dataclass(frozen=True)
class GpuTuning:
    """The parameters tuned for GPUs: `None` leaves the choice to the lowering."""

    threads: int | None = None
    """The number of threads in a block."""
    vector: int | None = None
    """The number of neighbouring elements that a thread loads and stores at once."""
    lanes: int | None = None
    """The number of threads that share one row."""
    rows: int | None = None
    """The number of rows that a block works on side by side."""
    keep: str | None = field(default=None, metadata={"words": ("registers", "none")})
    """Where the elements of a row stay between its reductions: in registers, or they are read again."""
    chunk: int | None = None
    """The number of rows that a block goes through, one after the other, for totals across rows."""
    split: int | None = None
    """The number of parts of a long reduction; a second kernel combines them."""
    stage: tuple[int, ...] | None = None
    """The inputs, by number, that go through shared memory, so that neighbouring threads read neighbouring elements."""
    tile: tuple[int, ...] = ()
    """Of a matrix product: rows, columns and terms of the blocks in shared memory; of staged inputs: both extents."""
    method: str | None = field(default=None, metadata={"words": ("in_order", "sorted")})
    """How a scatter finds the rows of one index: as it goes through all of them in order, or by sorting the indices."""


Tuning = CpuTuning | GpuTuning


@dataclass(frozen=True)
class Schedule:
    """The kind of a kernel, the extents of its loops, and the parameters tuned for each target."""

    kind: str
    parallel: tuple[int, ...] = ()
    """The extents of P, the parallel dims, whose points do not depend on each other."""
    reduce: tuple[int, ...] = ()
    """The extents of R, the dims that are reduced."""
    cpu: CpuTuning = CpuTuning()
    gpu: GpuTuning = GpuTuning()


TARGETS: Final[dict[str, type[Tuning]]] = {"cpu": CpuTuning, "gpu": GpuTuning}
"""The targets with tuned parameters, and the keys of each, as fields."""
KEYS = tuple(field.name for field in fields(Schedule))


@irdl_attr_definition
class ScheduleAttr(Data[Schedule]):
    """A schedule as an attribute. Whether it fits a kernel is verified at level `kernels`."""

    name = "graph.schedule"

    def verify(self) -> None:
        if self.data.kind not in KINDS:
            raise GraphError(f"schedule_c1: kind is {self.data.kind}; expected one of {', '.join(KINDS)}")
        if any(not 0 <= n <= _LARGEST for n in (*self.data.parallel, *self.data.reduce)):
            raise GraphError("schedule_c2: parallel and reduce are extents, none below 0")

    def print_parameter(self, printer: Printer) -> None:
        schedule = self.data
        entries = [f"kind = {schedule.kind}", f"parallel = {list(schedule.parallel)}"]
        if schedule.reduce:
            entries.append(f"reduce = {list(schedule.reduce)}")
        for target, tuning in ((name, getattr(schedule, name)) for name in TARGETS):
            if tuned := _tuned(tuning):
                entries.append(f"{target} = {{{tuned}}}")
        printer.print_string(f"<{', '.join(entries)}>")

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Schedule:
        return _Reader(parser).schedule()


def _tuned(tuning: Tuning) -> str:
    """Prints the keys that are set."""
    values = ((key.name, getattr(tuning, key.name), key.default) for key in fields(tuning))
    return ", ".join(
        f"{k} = {list(v) if isinstance(v, tuple) else v}" for k, v, default in values if v != default
    )


class _Reader:
    """A parser of the text in angle brackets. Errors are at the word or the number that is wrong."""

    def __init__(self, parser: AttrParser) -> None:
        self.parser = parser

    def schedule(self) -> Schedule:
        start = self.parser.pos
        with self.parser.in_angle_brackets():
            found = self._entries(KEYS, self._value)
        if "kind" not in found:
            self._fail(f"kind is missing; expected one of {', '.join(KINDS)}, as in {EXAMPLE}", start)
        return Schedule(**found)

    def _entries(
        self, keys: Sequence[str], value: Callable[[str], Any], target: str | None = None
    ) -> dict[str, Any]:
        """Parses `key = value, …`, as long as there are any."""
        found: dict[str, Any] = {}
        while not found or self.parser.parse_optional_punctuation(","):
            start = self.parser.pos
            key = self.parser.parse_optional_identifier()
            if key is None and not found:
                break
            if key is None or key not in keys:
                self._fail(self._unknown(key, keys, target), start)
            if key in found:
                self._fail(f"{key} is given twice", start)
            self.parser.parse_punctuation("=")
            found[key] = value(key)
        return found

    def _unknown(self, key: str | None, keys: Sequence[str], target: str | None) -> str:
        """The message for an unknown key, which says so if it is a target's name, or a parameter of one."""
        expected = f"expected one of {', '.join(keys)}"
        if key is None:
            return f"a key is missing; {expected}"
        if self.parser.parse_optional_punctuation("=") and self.parser.parse_optional_punctuation("{"):
            return f"unknown target '{key}'; expected one of {', '.join(TARGETS)}"
        owner = next((t for t, tuning in TARGETS.items() if key in {f.name for f in fields(tuning)}), None)
        hint = f"; {key} is tuned for one target: {owner} = {{{key} = …}}" if owner else ""
        return f"unknown key '{key}'{f' of {target}' if target else ''}; {expected}{hint}"

    def _value(self, key: str) -> Any:
        if key in TARGETS:
            return self._tuning(key)
        return self._kind() if key == "kind" else self._integers(key, EXTENTS)

    def _kind(self) -> str:
        start = self.parser.pos
        kind = self.parser.parse_optional_identifier() or self.parser.parse_optional_str_literal()
        if kind is None or kind not in KINDS:
            self._fail(f"kind is {kind or 'missing'}; expected one of {', '.join(KINDS)}", start)
        return kind

    def _tuning(self, target: str) -> Tuning:
        tuning = TARGETS[target]
        known = {key.name: key for key in fields(tuning)}
        self.parser.parse_punctuation("{")
        found = self._entries(list(known), lambda key: self._tuned(known[key]), target)
        self.parser.parse_punctuation("}")
        return tuning(**found)

    def _tuned(self, key: Field[Any]) -> Any:
        """A word where the key takes words, a list where it takes lists, else a number."""
        if words := key.metadata.get("words"):
            return self._word(key.name, words)
        if "tuple" in str(key.type):
            return self._integers(key.name, f"as in {key.name} = [6, 64]")
        return self._integer(key.name, "an integer from 0 on")

    def _word(self, key: str, words: Sequence[str]) -> str:
        start = self.parser.pos
        word = self.parser.parse_optional_identifier()
        if word is None or word not in words:
            self._fail(f"{key} is {word or 'no word'}; expected one of {', '.join(words)}", start)
        return word

    def _integers(self, key: str, expected: str) -> tuple[int, ...]:
        if self.parser.parse_optional_punctuation("[") is None:
            self._fail(f"{key} is no list; expected {expected}")
        found: list[int] = []
        while not found or self.parser.parse_optional_punctuation(","):
            if not found and self.parser.parse_optional_punctuation("]"):
                return ()
            found.append(self._integer(key, expected))
        self.parser.parse_punctuation("]")
        return tuple(found)

    def _integer(self, key: str, expected: str) -> int:
        start = self.parser.pos
        number = self.parser.parse_optional_integer(allow_boolean=False)
        if number is None or not 0 <= number <= _LARGEST:
            got = "no number" if number is None else number
            self._fail(f"{key} is {got}; expected {expected}", start)
        return number

    def _fail(self, message: str, start: int | None = None) -> NoReturn:
        start = self.parser.pos if start is None else start
        self.parser.raise_error(f"schedule: {message}", start, max(self.parser.pos, start + 1))
