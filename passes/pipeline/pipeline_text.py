"""A parser of pipeline text, `cse, aggregate-gradients{method=tree}`: names with options, and their positions.

The syntax is that of xDSL's own reader, which allows no blanks or newlines between passes, and takes the last of an
option that is given twice; and that of mlir-opt, which names what passes run on: `builtin.module(cse,func.func(dce))`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from xdsl.utils.arg_spec import ArgSpec, ParameterListType, ParameterType
from xdsl.utils.exceptions import ParseError
from xdsl.utils.lexer import Input, Span
from xdsl.utils.mlir_lexer import StringLiteral

from pullback.dialects.ir.diagnostics import TextError
from pullback.process.close_matches import get_close_matches

_SPAN_NAME = "<pipeline>"
_TOKEN = re.compile(
    r"(?P<blank>\s+)"
    r'|(?P<string>"(\\[nfvtr"\\]|\\[0-9a-fA-F]{2}|[^\n\f\v\r"\\])*")'
    r"|(?P<pipeline>\[(\\[nfvtr\"\\]|[^\n\f\v\r\]\\])*\])"
    r"|(?P<number>[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?(?![\w.-]))"
    r"|(?P<name>[\w-]+(\.[\w-]+)*)"
    r"|(?P<sign>[{}()=,])",
    re.ASCII,
)
MODULE, FUNCTION = "builtin.module", "func.func"
ANCHORS = (MODULE, FUNCTION)
"""What passes run on, as mlir-opt names it."""


class PipelineError(TextError):
    """The text of a pipeline is wrong at `span`."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    span: Span


@dataclass(frozen=True)
class PassSpec:
    """A pass as it is written: its name and options, the place of the name, and what the passes around it run on."""

    spec: ArgSpec
    span: Span
    anchor: str = MODULE


@lru_cache(maxsize=256)  # each compilation reads the same few texts
def parse_specs(text: str, name: str = _SPAN_NAME) -> tuple[PassSpec, ...]:
    """The passes that a text names with their options, each with the place of its name.

    Args:
        text: passes separated by commas, blanks and newlines wherever they separate anything; some or all of them in
            `builtin.module(...)` or `func.func(...)`.
        name: what messages call the text.

    Raises:
        PipelineError: for wrong syntax, or an option that is given twice, at its place.
    """
    reader = _Reader(text, name)
    return tuple(reader.pipeline())


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

    def pipeline(self) -> Iterator[PassSpec]:
        """Passes and nested pipelines, separated by commas."""
        yield from self._list((), "end")

    def _list(self, anchors: tuple[str, ...], closing: str) -> Iterator[PassSpec]:
        """What is written up to the closing sign, inside of these anchors."""
        while self._peek() != closing:
            yield from self._element(anchors)
            if self._peek() not in (",", closing):
                end = "" if closing == "end" else f", or {closing} that closes {anchors[-1]}("
                self._wrong(f"a comma between passes, or options in braces{end}")
            if self._peek() == ",":
                self._take()

    def _element(self, anchors: tuple[str, ...]) -> Iterator[PassSpec]:
        """One pass, or one nested pipeline."""
        if self._peek() != "name":
            self._wrong("the name of a pass")
        token = self._take()
        if self._peek() == "(" or token.text in ANCHORS:
            self._open(token, anchors)
            yield from self._list((*anchors, token.text), ")")
            self._take()
        else:
            yield PassSpec(self._spec(token), token.span, FUNCTION if FUNCTION in anchors else MODULE)

    def _open(self, token: _Token, anchors: tuple[str, ...]) -> None:
        """The opening parenthesis of a nested pipeline."""
        if token.text not in ANCHORS:
            near = get_close_matches(token.text, ANCHORS, n=1)
            hint = (
                f"; did you mean '{near[0]}'?"
                if near
                else f"; expected {' or '.join(ANCHORS)}, and options in braces"
            )
            raise PipelineError(f"no passes run on '{token.text}'{hint}", token.span)
        if anchors and (token.text == MODULE or anchors[-1] == FUNCTION):
            raise PipelineError(f"no {token.text} is in a {anchors[-1]}", token.span)
        if self._peek() != "(":
            self._wrong(f"passes in parentheses after {token.text}")
        self._take()

    def _spec(self, token: _Token) -> ArgSpec:
        """The options of the pass whose name has been read."""
        if self._peek() == "pipeline":
            if token.text != "mlir-opt":
                self._wrong("options in braces: only mlir-opt takes a pipeline")
            return _mlir_opt(self._take().text[1:-1])
        options: dict[str, ParameterListType] = {}
        if self._peek() == "{":
            self._take()
            while self._peek() != "}":
                self._option(options)
            self._take()
        return ArgSpec(token.text, options)

    def _option(self, options: dict[str, ParameterListType]) -> None:
        """`name`, `name=value` or `name=value,value`."""
        if self._peek() != "name":
            self._wrong("the name of an option, or }")
        token = self._take()
        name = token.text.replace("_", "-")
        if name in options:
            raise PipelineError(f"option '{name}' is given twice", token.span)
        options[name] = tuple(self._values())

    def _values(self) -> Iterator[ParameterType]:
        """What is written after the name of an option: nothing, `=value,value` or `={value,value}`."""
        if self._peek() != "=":
            return
        self._take()
        in_braces = self._peek() == "{"
        if in_braces:
            self._take()
        is_first = True
        while not (in_braces and self._peek() == "}") and (is_first or self._peek() == ","):
            if not is_first:
                self._take()
            yield self._value()
            is_first = False
        if in_braces:
            if self._peek() != "}":
                self._wrong("a comma between values, or }")
            self._take()
        if self._peek() == "=":
            self._wrong("a blank between options, where commas separate the values of one")

    def _value(self) -> ParameterType:
        match self._peek():
            case "string":
                span = self._take().span
                try:
                    return StringLiteral.from_span(span).string_contents
                except (ParseError, UnicodeDecodeError):
                    raise PipelineError(
                        'a string with a wrong escape: known are \\n \\t \\" \\\\ and two hexadecimal digits',
                        span,
                    ) from None
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
