"""Level `loops` with host operations, as text: edited, wrong, and read by upstream."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.passes.pipeline.verify_level import verify_level
from pullback.tests.driver.host_cases import OTHERS, backwards, interpreted, native
from pullback.tests.mlir_tools import accepts, needs_mlir_opt

pytestmark = pytest.mark.usefixtures("own_operations")


def text_of_loops() -> str:
    turned = backwards()
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        step = pb.compile([x], turned.of(x) * 2.0, target="cpu")
    return step.ir("loops", [(3,)])


def test_an_edited_text_runs() -> None:
    text = text_of_loops().replace('"graph.test_backwards"', '"graph.negative"')
    (found,) = native(text, [np.array([1, 2, 3], np.float32)], [np.zeros(3, np.float32)])
    np.testing.assert_array_equal(found, [-2, -4, -6])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"graph.test_backwards"',
            '"graph.nothing"',
            'graph.op is "graph.nothing": expected the name of a graph',
        ),
        (
            "graph.properties = {}",
            "graph.properties = 1 : i64",
            "graph.properties is 1 : i64: expected a dict",
        ),
        (
            "graph.results = [tensor<3xf32>]",
            "graph.results = [tensor<4xf32>]",
            "'graph.test_backwards' as the att",
        ),
        (
            "graph.results = [tensor<3xf32>]",
            "graph.results = []",
            "'graph.test_backwards' as the attributes state",
        ),
        (
            "graph.operands = [tensor<3xf32>]",
            "graph.operands = [f32]",
            "graph.operands holds f32: expected a tensor",
        ),
        (
            "graph.operands = [tensor<3xf32>]",
            "graph.operands = 3",
            "graph.operands is 3 : i64: expected a list",
        ),
        (
            "(memref<3xf32>, memref<3xf32>) -> () attr",
            "(memref<3xf32>) -> () attr",
            "1 arguments for the 2 parts",
        ),
    ],
)
@pytest.mark.parametrize("run", [interpreted, native])
def test_what_a_text_may_not_say(run: Callable[..., Any], old: str, new: str, message: str) -> None:
    text = text_of_loops()
    assert old in text
    with pytest.raises(DiagnosticError, match=re.escape(message)):
        run(text.replace(old, new), [np.zeros(3, np.float32)], [np.zeros(3, np.float32)])


def test_what_a_text_for_gpus_may_not_say() -> None:
    turned = backwards()
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        text = pb.compile([x], turned.of(x), target="simt").ir("gpu")
    module = parse(context(), text.replace('"graph.test_backwards"', '"graph.unheard_of"')).module
    with pytest.raises(DiagnosticError, match="expected the name of a graph operation"):
        verify_level(module, "gpu")


@needs_mlir_opt
@pytest.mark.parametrize("generic", [False, True])
def test_upstream_reads_every_dtype(generic: bool) -> None:
    turned = backwards()
    for dtype in OTHERS:
        with pb.Graph():
            x = pb.placeholder(dtype, (2, 3), name="x")
            step = pb.compile([x], [turned.of(x + pb.ones((3,), dtype))], target="cpu")
        module = parse(context(), step.ir("loops", [(2, 3)])).module
        accepts(print_module(module, locations=False, generic=generic))
