"""Every operation in text: custom and generic form are fixed points, and mean the same."""

from __future__ import annotations

import re

import pytest

from pullback.dialects.context import context
from pullback.dialects.graph import OPS
from pullback.dialects.graph.examples import EXAMPLES, INSIDE_OTHERS, program
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module


def test_every_op_has_an_example() -> None:
    assert set(EXAMPLES) | INSIDE_OTHERS == set(OPS)


@pytest.mark.parametrize(
    "example",
    [e for es in EXAMPLES.values() for e in es],
    ids=[f"{n[6:]}-{i}" for n, es in EXAMPLES.items() for i in range(len(es))],
)
def test_round_trip(example: str) -> None:
    module = parse(context(), program(example)).module
    module.verify()
    custom, generic = print_module(module), print_module(module, generic=True)
    assert re.findall(r"graph\.\w+", example)[0] in custom
    for text in (custom, generic):
        again = parse(context(), text).module
        again.verify()
        assert print_module(again) == custom
        assert print_module(again, generic=True) == generic
        assert module.is_structurally_equivalent(again)
