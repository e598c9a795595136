"""The text of a reproducer: a program that every tool reads, and all that repeats its run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin
from xdsl.dialects.func import Func
from xdsl.parser import Parser

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver import reproducer
from pullback.driver.array_text import BASE64, array_text
from pullback.driver.plugins.registration import Registered
from pullback.driver.reproducer import (
    Reproducer,
    ReproducerError,
    parse_reproducer,
    program_alone,
    write_reproducer,
)
from pullback.tools.array_arguments import named_arrays

PROGRAM = "func.func @main(%x: i32) -> i32 {\n  func.return %x : i32\n}\n"


@pytest.mark.parametrize("program", [PROGRAM, PROGRAM.rstrip(), "", "// -----\n" + PROGRAM])
def test_a_text_gives_back_what_it_was_made_from(program: str) -> None:
    inputs, variables = {"a/b": np.arange(3)}, {"w": np.ones((9, 9), np.float32)}
    made = Reproducer.of_run(
        program, 'cse,p{a="x y"}', target="cpu", inputs=inputs, variables=variables, error="no\n'{}' // }"
    )
    again = parse_reproducer(str(made))
    assert again.program.strip() == program.strip()
    assert str(again) == str(made)
    assert (again.pipeline, again.target, again.error) == (made.pipeline, "cpu", made.error)
    assert again.inputs == ("a/b=[0, 1, 2]",)
    assert again.variables[0].startswith("w=base64:")
    assert program_alone(str(made)).strip() == program.strip()


def test_it_is_a_program_for_any_reader() -> None:
    text = str(Reproducer(PROGRAM, "cse"))
    assert text.startswith(PROGRAM)
    stock = Context()
    stock.load_dialect(Builtin)
    stock.load_dialect(Func)
    assert str(Parser(stock, text).parse_module()) == str(parse(context(), PROGRAM).module)


def test_a_module_is_printed_with_its_locations() -> None:
    module = parse(
        context(),
        PROGRAM.replace("{\n  func", '{\n  "test.op"() : () -> () loc("a")\n  func', 1).replace(
            '"test.op"() : () -> ()', "%y = arith.addi %x, %x : i32"
        ),
    ).module
    assert 'loc("a")' in Reproducer.of_run(module, "", inputs={}).program


def strange(dtype: Any) -> np.ndarray[Any, Any]:
    """NaNs with signs and payloads."""
    array = np.array([np.nan, 1.5, -np.inf, -0.0], dtype)
    array.view(f"u{array.itemsize}")[0] ^= 0x8001 if array.itemsize > 1 else 0
    return array


@pytest.mark.parametrize(
    ("array", "type_"),
    [
        (np.array(1.1, np.float32), "tensor<f32>"),
        (np.array([0.1, np.nan, np.inf, -0.0]), "tensor<4xf64>"),
        (strange(np.float32), "tensor<4xf32>"),
        (strange(np.float64), "tensor<4xf64>"),
        (strange(ml_dtypes.bfloat16), "tensor<4xbf16>"),
        (np.arange(100).reshape(10, 10).astype(ml_dtypes.bfloat16), "tensor<10x10xbf16>"),
        (np.arange(100).astype(np.float16), "tensor<100xf16>"),
        (np.array([], np.float32), "tensor<0xf32>"),
        (np.zeros((0, 3), np.float32), "tensor<0x3xf32>"),
        (np.array([True, False]), "tensor<2xi1>"),
        (np.array([1 - 2j, complex(-0.0, np.inf)], np.complex64), "tensor<2xcomplex<f32>>"),
        (np.array([-(2**63), 2**63 - 1]), "tensor<2xi64>"),
        (np.random.default_rng(0).normal(size=60).astype(np.float32), "tensor<60xf32>"),
        (np.asfortranarray(np.arange(96.0).reshape(8, 12)), "tensor<8x12xf64>"),
    ],
)
def test_arrays_come_back_to_the_bit(array: Any, type_: str) -> None:
    argument = next(iter(parse(context(), f"func.func private @f(%x: {type_}) {{ func.return }}").module.ops))
    expected = {"x": argument.body.block.args[0].type}  # type: ignore[attr-defined]
    (again,) = named_arrays("input", [f"x={array_text(array)}"], expected).values()
    assert (again.dtype, again.shape, again.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_a_few_numbers_can_be_read() -> None:
    assert array_text(np.ones(64, np.float32)).startswith("[1.0, ")
    assert array_text(np.ones(65, np.float32)).startswith(BASE64)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PROGRAM,
            "<r>:1:1: error: no reproducer: expected comments that begin with '// pullback-reproducer: {'",
        ),
        (PROGRAM + '// pullback-reproducer: {\n//   "tool":\n// }\n', "<r>:6:1: error: reproducer: not JSON"),
        ("// pullback-reproducer: {\n", "not JSON in comments"),
        ('// pullback-reproducer: {\n// "pipeline": 3\n// }\n', '"pipeline": expected a string'),
        ('// pullback-reproducer: {\n// "inputs": "x=3"\n// }\n', '"inputs": expected a list of strings'),
        ('// pullback-reproducer: {\n// "versions": []\n// }\n', '"versions": expected an object of strings'),
    ],
)
def test_wrong_texts(text: str, message: str) -> None:
    with pytest.raises(ReproducerError) as caught:
        parse_reproducer(text, "<r>")
    place = f"{caught.value.span.get_location()}: error: {caught.value.message}"
    assert message in place


def test_what_another_version_wrote_is_read() -> None:
    values = '"pipeline": "cse", "of-the-future": [1], "versions": {"pullback": "9"}'
    text = f"// pullback-reproducer: {{\n// {values}\n// }}\n"
    again = parse_reproducer(text)
    assert (again.pipeline, again.versions) == ("cse", {"pullback": "9"})


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.mlir"
    write_reproducer(path, Reproducer(PROGRAM))
    assert parse_reproducer(path.read_text()).program == PROGRAM
    assert [p.name for p in tmp_path.iterdir()] == ["r.mlir"]


def test_plug_ins_are_told_with_their_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Registered("cubes", distribution="cube-package", version="1.2"),
        Registered("broken", distribution="other", version="3", error="no"),
        Registered("of the program"),
    ]
    monkeypatch.setattr(reproducer, "plugins", lambda: found)
    told = reproducer.versions()
    assert told["cube-package"] == "1.2"
    assert "other" not in told
    assert parse_reproducer(str(Reproducer(PROGRAM))).versions == told


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(TEXTS, TEXTS, TEXTS, st.lists(TEXTS).map(tuple), st.sampled_from(["pullback-opt", "pullback-run"]))
def test_any_strings_are_kept(
    program: str, pipeline: str, error: str, arguments: tuple[str, ...], tool: str
) -> None:
    made = Reproducer(program, pipeline, tool, arguments, inputs=arguments, error=error, versions={"a": "1"})
    again = parse_reproducer(str(made))
    assert again.program in (program, program + "\n")
    assert again == dataclasses.replace(made, program=again.program)
