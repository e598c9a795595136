"""The table of 64-bit words that tells `checked_call` what to do: a head, and parts; the head says where these are."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import chain
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pullback.backends.cpu.entry_arguments import EntryParameter
from pullback.process.locks import Lock

LETTERS = 4
"""How many formats an argument may have, each as the bytes of a short text."""
FORMAT, C_CONTIGUOUS, WRITABLE = 0x0004, 0x0038, 0x0001
"""Python's `buffer.h`: what is asked of a buffer."""


class MadeArray(NamedTuple):
    """A result that a call makes an array for."""

    position: int
    """The argument of the native code that it is."""
    place: int
    """Where it is in the list that the call returns."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    take: Callable[[], NDArray[Any]] | None = None
    """Gives the array, if NumPy is not to make a new one."""


@dataclass(frozen=True)
class CallForm:
    """What a call does besides running native code on the arrays that it is given."""

    made: tuple[MadeArray, ...] = ()
    """Its results. Those arguments are not given."""
    length: int = 0
    """Of the list that it returns; `None` is where no result is."""
    is_alone: bool = False
    """Whether it returns the first result itself, instead of the list."""
    locks: tuple[Lock, ...] = ()
    """Held while the native code runs, and taken in this order."""
    not_held: Lock | None = None
    """A lock among them: nothing is called where the thread holds it already."""
    empty: tuple[Collection[object], ...] = ()
    """Nothing is called where one of these is not empty, once the locks are held."""


class Head(IntEnum):
    """Words at the beginning of a table. Objects are addresses; a part is a number of entries, and where they begin."""

    CODE = 0
    """The native code."""
    ARGUMENTS = 1
    """How many arguments it has."""
    GIVEN = 2
    """How many arrays a call is given."""
    KEEPS_LOCK = 3
    """Whether the native code is called with the global interpreter lock held."""
    ADDRESSES = 4
    """Where the addresses of all arguments are, with zeros for those that each call has anew; then what they share."""
    ARRAY = 5
    """NumPy's class of arrays."""
    NOTHING = 6
    """`None`."""
    REFUSED = 7
    """`NotImplemented`."""
    LENGTH = 8
    ALONE = 9
    MADE = 10
    MADE_AT = 11
    GAPS = 12
    """Places in the list without a result."""
    GAPS_AT = 13
    LOCKS = 14
    LOCKS_AT = 15
    HELD_HERE = 16
    """Tells whether the thread holds a lock that it must not; 0 where there is none."""
    EMPTY = 17
    EMPTY_AT = 18
    END = 19


class GivenEntry(IntEnum):
    """Words for an argument that is given; these begin behind the head. Then come `LETTERS` formats."""

    POSITION = 0
    FLAGS = 1
    RANK = 2
    ITEM_SIZE = 3
    UNALIGNED = 4
    """Bits of an address that are 0 in memory that is aligned."""
    SHARES = 5
    """See `_shares`."""
    EXTENTS_AT = 6
    TRUTHS = 7
    """How many bytes must be 0 or 1: those of truth values, where the argument takes nothing else."""
    FORMATS = 8
    END = 8 + LETTERS


class MadeEntry(IntEnum):
    """Words for a result that is made."""

    POSITION = 0
    PLACE = 1
    RANK = 2
    EXTENTS_AT = 3
    DTYPE = 4
    TAKE = 5
    """What gives the array; 0 where it is a new one of NumPy."""
    END = 6


class Words:
    """The words of a table, in the making."""

    def __init__(self, count: int) -> None:
        self.words = [0] * count
        self.objects: list[object] = []
        """What the addresses in the table are of."""

    def part(self, words: Iterable[int]) -> int:
        """Adds words, and returns where they begin."""
        begin = len(self.words)
        self.words += words
        return begin

    def entries(self, entries: Sequence[Sequence[int]]) -> tuple[int, int]:
        """Adds entries, and returns how many they are, and where they begin."""
        return len(entries), self.part(chain.from_iterable(entries))

    def address(self, item: object) -> int:
        """The address of an object."""
        self.objects.append(item)
        return id(item)

    def packed(self) -> bytes:
        signed = [word - (1 << 64) if word >= 1 << 63 else word for word in self.words]
        return struct.pack(f"{len(signed)}q", *signed)


def call_table(
    code: int,
    parameters: Sequence[EntryParameter],
    bound: Mapping[int, int],
    form: CallForm,
    *,
    holds_lock: bool,
) -> tuple[bytes, list[object]]:
    """The table of a call, and the objects whose addresses it holds: they have to live as long."""
    made = {each.position for each in form.made}
    given = [p for p in parameters if p.position not in bound and p.position not in made]
    table = Words(Head.END + GivenEntry.END * len(given))
    for number, parameter in enumerate(given):
        begin = Head.END + GivenEntry.END * number
        table.words[begin : begin + GivenEntry.END] = _given(parameter, table.part(parameter.shape))
    addresses = table.part(bound.get(at, 0) for at in range(len(parameters)))
    table.part(map(_shares, parameters))
    head: dict[Head, int] = {
        Head.CODE: code,
        Head.ARGUMENTS: len(parameters),
        Head.GIVEN: len(given),
        Head.KEEPS_LOCK: holds_lock,
        Head.ADDRESSES: addresses,
        Head.ARRAY: table.address(np.ndarray),
        Head.NOTHING: table.address(None),
        Head.REFUSED: table.address(NotImplemented),
        Head.LENGTH: form.length,
        Head.ALONE: form.is_alone,
        Head.HELD_HERE: 0 if form.not_held is None else table.address(form.not_held.held_here),
    }
    parts = {
        (Head.MADE, Head.MADE_AT): [_made(each, table) for each in form.made],
        (Head.GAPS, Head.GAPS_AT): [
            [at] for at in range(form.length) if at not in {m.place for m in form.made}
        ],
        (Head.LOCKS, Head.LOCKS_AT): [
            [table.address(k.acquire), table.address(k.release)] for k in form.locks
        ],
        (Head.EMPTY, Head.EMPTY_AT): [[table.address(each)] for each in form.empty],
    }
    for (count, begin), entries in parts.items():
        head[count], head[begin] = table.entries(entries)
    table.words[: Head.END] = [head[word] for word in Head if word is not Head.END]
    return table.packed(), table.objects


def _given(parameter: EntryParameter, extents: int) -> list[int]:
    formats = [format_of(dtype) for dtype in parameter.dtypes]
    holds_truths = parameter.dtypes == (np.dtype(np.bool_),)
    known = [text for text in formats if text is not None][:LETTERS]
    return [
        parameter.position,
        FORMAT | C_CONTIGUOUS | (WRITABLE if parameter.is_written else 0),
        len(parameter.shape),
        parameter.dtypes[0].itemsize,
        parameter.dtypes[0].alignment - 1,
        _shares(parameter),
        extents,
        prod(parameter.shape) if holds_truths else 0,
        *known,
        *[-1] * (LETTERS - len(known)),
    ]


def _made(made: MadeArray, table: Words) -> list[int]:
    take = 0 if made.take is None else table.address(made.take)
    extents = table.part(made.shape)
    return [made.position, made.place, len(made.shape), extents, table.address(made.dtype), take]


def _shares(parameter: EntryParameter) -> int:
    """0 for an argument without elements, which overlaps nothing, 1 for one that is read, 3 for one that is written."""
    return 0 if 0 in parameter.shape else 3 if parameter.is_written else 1


@cache
def format_of(dtype: np.dtype[Any]) -> int | None:
    """The format of a dtype in the buffer protocol as a number: its first bytes."""
    try:
        buffer: Any = np.empty(0, dtype)
        text = memoryview(buffer).format.encode()
    except (ValueError, TypeError):
        return None
    return int.from_bytes(text, "little") if len(text) < 3 else None
