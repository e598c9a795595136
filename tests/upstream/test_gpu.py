"""Upstream MLIR accepts level `gpu` as we print it, in custom and in generic form, and we read it back."""

from __future__ import annotations

from io import StringIO

import pytest
from xdsl.printer import Printer

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.tests.gpu import programs
from pullback.tests.mlir_tools import accepts, needs_mlir_opt


def texts(module) -> list[str]:
    made = []
    for generic in (False, True):
        stream = StringIO()
        Printer(stream, print_generic_format=generic).print_op(module)
        made.append(stream.getvalue())
    return made


@needs_mlir_opt
@pytest.mark.parametrize(
    "build",
    [programs.tanh_chain, programs.gather, programs.softmax, programs.moments],
    ids=lambda b: b.__name__,
)
def test_emitted_modules(build) -> None:
    for text in texts(build().module):
        accepts(text)
        again = parse(context(), accepts(text, "--mlir-print-op-generic"))
        again.module.verify()
