"""String literals are read in linear time, closed or not."""

from __future__ import annotations

import time

import pytest
from xdsl.dialects.builtin import StringAttr
from xdsl.utils.exceptions import ParseError

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse


@pytest.mark.parametrize("text", ['func.call @f"{}', '"{}', 'func.func @f() attributes {{a = "{}\n"}} {{}}'])
def test_a_string_without_an_end(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ParseError, match="before closing string literal"):
        parse(context(), text.format("rnel_2(%output0, %output1) : (memref<20xf32>) -> ()" * 20))
    assert time.perf_counter() - start < 5


def test_strings_are_read_as_before() -> None:
    text = r'func.func private @f() attributes {a = "x\"\\ \41\n", b = "", c = "é"}'
    (function,) = parse(context(), text).module.ops
    a, c = (function.attributes[name] for name in "ac")
    assert isinstance(a, StringAttr) and isinstance(c, StringAttr)
    assert a.data == 'x"\\ A\n'
    assert c.data == "é"
