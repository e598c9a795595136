"""A parser of pipeline text, `cse, aggregate-gradients{method=tree}`: names with options, and their positions.

The syntax is that of xDSL's own reader, which allows no blanks or newlines between passes, and takes the last of an
option that is given twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from xdsl.utils.arg_spec import ArgSpec, ParameterListType, ParameterType
from xdsl.utils.lexer import Input, Span
from xdsl.utils.mlir_lexer import StringLiteral

from pullback.dialects.ir.diagnostics import TextError

_SPAN_NAME = "<pipeline>"
_TOKEN = re.compile(
    r"(?P<blank>\s+)"
    r'|(?P<string>"(\\[nfvtr"\\]|[^\n\f\v\r"\\])*")'
    r"|(?P<pipeline>\[(\\[nfvtr\"\\]|[^\n\f\v\r\]\\])*\])"
    r"|(?P<number>[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?(?![\w-]))"
    r"|(?P<name>[\w-]+)"
    r"|(?P<sign>[{}=,])",
    re.ASCII,
)


class PipelineError(TextError):
    """The text of a pipeline is wrong at `span`."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    span: Span


def parse_specs(text: str, name: str = _SPAN_NAME) -> list[tuple[ArgSpec, Span]]:
    """The passes that a text names with their options, each with the place of its name.

    Args:
        text: passes separated by commas, blanks and newlines wherever they separate anything.
        name: what messages call the text.

    Raises:
        PipelineError: for wrong syntax, or an option that is given twice, at its place.
    """
    reader = _Reader(text, name)
    return list(reader.pipeline())


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._input = Input(text, name)
        self._tokens = [*self._lexed(), _Token("end", "the end", self._span(len(text), len(text) + 1))]
        self._next = 0

    def _span(self, start: int, end: int) -> Span:
        return Span(start, end, self._input)

    def _lexed(self) -> Iterator[_Token]:
        text, start = self._input.content, 0
        while start < len(text):
            match = _TOKEN.match(text, start)
            if match is None:
                raise PipelineError(f"unexpected {text[start]!r}", self._span(start, start + 1))
            if match.lastgroup != "blank":
                kind = match[0] if match.lastgroup == "sign" else match.lastgroup or ""
                yield _Token(kind, match[0], self._span(start, match.end()))
            start = match.end()

    def _peek(self) -> str:
        return self._tokens[self._next].kind

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _wrong(self, expected: str) -> NoReturn:
        token = self._tokens[self._next]
        raise PipelineError(f"expected {expected}, got {token.text}", token.span)

    def pipeline(self) -> Iterator[tuple[ArgSpec, Span]]:
        """Passes, separated by commas."""
        while self._peek() != "end":
            yield self._pass()
            if self._peek() not in (",", "end"):
                self._wrong("a comma between passes, or options in braces")
            self._take()

    def _pass(self) -> tuple[ArgSpec, Span]:
        if self._peek() != "name":
            self._wrong("the name of a pass")
        token = self._take()
        if self._peek() == "pipeline":
            if token.text != "mlir-opt":
                self._wrong("options in braces: only mlir-opt takes a pipeline")
            return _mlir_opt(self._take().text[1:-1]), token.span
        options: dict[str, ParameterListType] = {}
        if self._peek() == "{":
            self._take()
            while self._peek() != "}":
                self._option(options)
            self._take()
        return ArgSpec(token.text, options), token.span

    def _option(self, options: dict[str, ParameterListType]) -> None:
        """`name`, `name=value` or `name=value,value`."""
        if self._peek() != "name":
            self._wrong("the name of an option, or }")
        token = self._take()
        name = token.text.replace("_", "-")
        if name in options:
            raise PipelineError(f"option '{name}' is given twice", token.span)
        values: list[ParameterType] = []
        while self._peek() == ("," if values else "="):
            self._take()
            values.append(self._value())
        if self._peek() == "=":
            self._wrong("a blank between options, where commas separate the values of one")
        options[name] = tuple(values)

    def _value(self) -> ParameterType:
        match self._peek():
            case "string":
                literal = StringLiteral.from_span(self._take().span)
                assert literal is not None
                return literal.string_contents
            case "number":
                text = self._take().text
                return float(text) if set(text) & set(".eE") else int(text)
            case "name":
                text = self._take().text
                return text == "true" if text in ("true", "false") else text
            case _:
                self._wrong('a value: a number, a name, or a "string"')


def _mlir_opt(pipeline: str) -> ArgSpec:
    """Upstream's passes, as xDSL's pass `mlir-opt` runs them."""
    flags = ("--mlir-print-op-generic", "--allow-unregistered-dialect", "-p", f"builtin.module({pipeline})")
    return ArgSpec("mlir-opt", {"arguments": flags})
