"""Mutates the text of a program: lines, regions, numbers, types, attributes and names, as a slip of the pen would."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

NUMBERS = (
    "0",
    "1",
    "2",
    "3",
    "-1",
    "17",
    "31",
    "255",
    "65537",
    "4294967296",
    "9223372036854775807",
    "1.0e300",
)
"""What replaces a number: no extent, one, odd ones, and the edges of types."""
DTYPES = ("f32", "f64", "f16", "bf16", "i1", "i8", "i32", "i64", "complex<f32>", "complex<f64>", "index")
_TOKEN = re.compile(r'"[^"]*"|[%@^#!]?[\w.$-]+|->|[^\s\w]')
_NUMBER = re.compile(r"(?<![\w%@^#.])-?\d+(?:\.\d+(?:e[+-]?\d+)?)?(?=[x>\]:, )\n]|$)")
_DTYPE = re.compile(r"\b(?:f32|f64|f16|bf16|i1|i8|i32|i64|index)\b|complex<f(?:32|64)>")
_NAME = re.compile(r"%[\w#:]+")
_OPERATION = re.compile(r"\b(?:graph|arith|math|memref|scf|gpu|vector|func)\.\w+")
_ATTRIBUTE = re.compile(r"\{[^{}\n]*\}")
_WORD = re.compile(r"[A-Za-z_]\w+")

Mutation = Callable[[str, random.Random, Sequence[str]], str]


def mutated(text: str, rng: random.Random, corpus: Sequence[str], times: int) -> str:
    """The text after some mutations, each a random one that changes it.

    Args:
        text: MLIR.
        rng: the generator.
        corpus: other texts, of which lines may be taken.
        times: how many mutations.
    """
    for _ in range(times):
        for _ in range(10):
            changed = rng.choice(MUTATIONS)(text, rng, corpus)
            if changed != text:
                text = changed
                break
    return text


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _place(lines: Sequence[str], rng: random.Random) -> int:
    return rng.randrange(len(lines)) if lines else 0


def delete_line(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Deletes a line."""
    return _without(text, rng, 1)


def _without(text: str, rng: random.Random, count: int) -> str:
    lines = _lines(text)
    at = _place(lines, rng)
    return "".join(lines[:at] + lines[at + count :])


def delete_lines(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Deletes a few lines in a row."""
    return _without(text, rng, rng.randint(2, 6))


def duplicate_line(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Writes a line twice."""
    lines = _lines(text)
    at = _place(lines, rng)
    return "".join(lines[: at + 1] + lines[at:])


def swap_lines(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Swaps two lines."""
    lines = _lines(text)
    if not lines:
        return text
    a, b = _place(lines, rng), _place(lines, rng)
    lines[a], lines[b] = lines[b], lines[a]
    return "".join(lines)


def foreign_line(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Puts a line of another program in."""
    lines, others = _lines(text), _lines(rng.choice(corpus))
    lines.insert(_place(lines, rng), rng.choice(others) if others else "")
    return "".join(lines)


def _replaced(pattern: re.Pattern[str], new: Callable[[str], str]) -> Mutation:
    def mutate(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
        found = list(pattern.finditer(text))
        if not found:
            return text
        match = rng.choice(found)
        return text[: match.start()] + new(match.group()) + text[match.end() :]

    return mutate


def change_number(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Replaces a number, or counts it up or down."""

    def other(old: str) -> str:
        near = (
            [str(int(old) + 1), str(int(old) - 1), str(2 * int(old))]
            if old.isdigit() and len(old) < 18
            else []
        )
        return rng.choice([*NUMBERS, "?", *near, *near, *near])

    return _replaced(_NUMBER, other)(text, rng, corpus)


def change_extent_everywhere(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Replaces a number wherever it stands: a program of another shape, which may be right."""
    found = _NUMBER.findall(text)
    if not found:
        return text
    old, new = rng.choice(found), rng.choice(["0", "1", "2", "5", "17", "33"])
    return re.sub(rf"(?<![\w%@^#.-]){re.escape(old)}(?=[x>\]:, )\n]|$)", new, text)


def change_dtype(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Replaces an element type."""
    return _replaced(_DTYPE, lambda old: rng.choice(DTYPES))(text, rng, corpus)


def change_dtype_everywhere(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Replaces an element type wherever it stands: a program of another dtype, which may be right."""
    found = _DTYPE.findall(text)
    if not found:
        return text
    old, new = rng.choice(found), rng.choice(DTYPES)
    return re.sub(rf"(?<![A-Za-z0-9_<]){re.escape(old)}(?![A-Za-z0-9_])", new, text)


def change_name(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Uses another value of the program."""
    names = _NAME.findall(text)
    return _replaced(_NAME, lambda old: rng.choice(names))(text, rng, corpus)


def change_operation(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Names another operation, of this program or of another."""
    names = _OPERATION.findall(text) + _OPERATION.findall(rng.choice(corpus))
    return _replaced(_OPERATION, lambda old: rng.choice(names))(text, rng, corpus)


def change_word(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Replaces a word: of an attribute, a keyword, a kind of schedule."""
    words = _WORD.findall(text)
    return _replaced(_WORD, lambda old: rng.choice(words))(text, rng, corpus)


def change_attributes(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Drops a dictionary of attributes, or puts another in its place."""
    others = ["", *_ATTRIBUTE.findall(text), *_ATTRIBUTE.findall(rng.choice(corpus))]
    return _replaced(_ATTRIBUTE, lambda old: rng.choice(others))(text, rng, corpus)


def delete_token(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Deletes a token."""
    return _replaced(_TOKEN, lambda old: "")(text, rng, corpus)


def duplicate_token(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Writes a token twice."""
    return _replaced(_TOKEN, lambda old: f"{old} {old}")(text, rng, corpus)


def swap_tokens(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Replaces a token by another one of the text."""
    tokens = _TOKEN.findall(text)
    return _replaced(_TOKEN, lambda old: rng.choice(tokens))(text, rng, corpus)


def strange_character(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Puts a character in that has no place in MLIR, or a bracket."""
    at = rng.randrange(len(text) + 1)
    return (
        text[:at]
        + rng.choice(["\0", "é", "\t", "'", '"', "{", "}", "<", ">", "(", ")", "\\", "\r\n"])
        + text[at:]
    )


def cut(text: str, rng: random.Random, corpus: Sequence[str]) -> str:
    """Cuts the end off, or the beginning."""
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.7 else text[at:]


MUTATIONS: tuple[Mutation, ...] = (
    delete_line,
    delete_lines,
    duplicate_line,
    swap_lines,
    foreign_line,
    *(change_number, change_number, change_number),
    *(change_extent_everywhere, change_extent_everywhere, change_extent_everywhere),
    *(change_dtype, change_dtype_everywhere, change_dtype_everywhere),
    *(change_name, change_name, change_name, change_name),
    *(change_operation, change_operation, change_operation),
    change_word,
    *(change_attributes, change_attributes),
    delete_token,
    duplicate_token,
    swap_tokens,
    strange_character,
    cut,
)
