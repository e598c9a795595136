"""Short texts of huge programs: a splat is one element, types and programs have limits, and messages state them."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.creation.constants import Constant, elements
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.run_pipeline import lowered
from pullback.tools import opt, run

DTYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64, "i1": np.bool_}
MANY = 200_000_000
SPLAT = f"""func.func @main(%x: tensor<f32>) -> tensor<f32> {{
  %c = graph.constant dense<0.5> : tensor<{MANY}xf32>
  %s = graph.sum %c {{axes = array<i64: 0>}} : (tensor<{MANY}xf32>) -> tensor<f32>
  %y = graph.multiply %x, %s : tensor<f32>
  func.return %y : tensor<f32>
}}
"""


def doubling(count: int) -> str:
    """Functions that each call the one before twice."""
    body = "%y = graph.sin %x : tensor<f32>\n  func.return %y : tensor<f32>"
    parts = [f"func.func private @f0(%x: tensor<f32>) -> tensor<f32> {{\n  {body}\n}}"]
    for i in range(1, count):
        call = f"func.call @f{i - 1}"
        body = (
            f"%y = {call}(%x) : (tensor<f32>) -> tensor<f32>\n  %z = {call}(%y) : (tensor<f32>) -> tensor<f32>\n"
            "  func.return %z : tensor<f32>"
        )
        name = "@main" if i == count - 1 else f"private @f{i}"
        parts.append(f"func.func {name}(%x: tensor<f32>) -> tensor<f32> {{\n  {body}\n}}")
    return "\n".join(parts)


def nested(count: int) -> str:
    """Requests that each ask for the gradient of the one before."""
    lines = ["%a = graph.sin %x : tensor<f32>", "%b = graph.exp %a : tensor<f32>"]
    lines.append("%y0 = graph.multiply %x, %b : tensor<f32>")
    for i in range(1, count + 1):
        types = "(tensor<f32>, tensor<f32>) -> tensor<f32>"
        lines.append(f"%y{i} = graph.gradients of (%y{i - 1}) wrt (%x) : {types}")
    body = "\n  ".join([*lines, f"func.return %y{count} : tensor<f32>"])
    return f"func.func @main(%x: tensor<f32>) -> tensor<f32> {{\n  {body}\n}}"


def written(folder: Path, text: str) -> str:
    path = folder / "program.mlir"
    path.write_text(text)
    return str(path)


# ---- splats ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "passes", ["", "gradients,finish", "kernels,loops", "gradients,finish,kernels,gpu", "cse"]
)
def test_splats_are_one_element_in_every_pass(passes: str) -> None:
    module = lowered(parse(context(), SPLAT).module, passes)
    for op in module.walk():
        for attribute in (*op.properties.values(), *op.attributes.values()):
            if isinstance(attribute, DenseIntOrFPElementsAttr):
                assert len(attribute.data.data) <= 64
    assert len(print_module(module)) < 20_000


def test_memory_of_the_tool(tmp_path: Path) -> None:
    text = written(tmp_path, SPLAT.replace("0.5", '"0x0000003F"'))
    limit = 1_500 * 2**20

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    command = [sys.executable, "-m", "pullback.tools.opt", text, "-p", "gradients,finish,kernels"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limited)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_a_splat_in_a_run(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = written(tmp_path, SPLAT.replace(str(MANY), "3000000").replace("0.5", "1.0"))
    assert run.main([text, "--input", "x=2", "--target", target, "--values"]) == 0
    name, _, value = capsys.readouterr().out.partition(" = ")
    assert (name, float(value)) == ("y", 6e6)


def test_equal_elements_are_equal_attributes() -> None:
    ones = np.ones((3, 4), np.float32)
    assert elements(ones) == elements(np.broadcast_to(np.float32(1), (3, 4)))
    assert elements(ones) == elements([[1.0] * 4] * 3)
    text = "func.func @f() { %c = graph.constant dense<1.0> : tensor<3x4xf32> func.return }"
    (constant,) = [op for op in parse(context(), text).module.walk() if isinstance(op, Constant)]
    assert constant.value == elements(ones)
    np.testing.assert_array_equal(constant.array(), ones)
    zeros = np.array([0.0, -0.0], np.float32)
    assert len(elements(zeros).data.data) == 8  # -0.0 is another element than 0.0


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_constants_keep_their_shape(dtype: str, target: str) -> None:
    number = {"i1": True, "i32": -7, "i64": 2**40}.get(dtype, -0.0)
    with pb.Graph():
        x = pb.placeholder(dtype, (3000, 2), name="x")
        array = np.full((3000, 2), number, DTYPES[dtype])
        c = pb.constant(array)
        step = pb.compile([x], [pb.where(pb.equal(x, c), c, x), c], target=target)
        for found in step(array):
            np.testing.assert_array_equal(found, array)
            if isinstance(number, float):
                assert np.signbit(found).all()


# ---- limits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "type_",
    [
        "tensor<1152921504606846977xf32>",
        "tensor<2147483648x2147483648x2xf32>",
        "tensor<99999999999999999999xi8>",
        "tensor<0x99999999999999999999xi8>",
        "memref<4611686018427387905xi8>",
        "!graph.ref<tensor<1152921504606846977xf32>>",
    ],
)
def test_types_larger_than_any_memory(type_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = written(
        tmp_path, f"func.func @f() {{ func.return }}\nfunc.func private @g(%x: {type_}) {{ func.return }}"
    )
    assert opt.main([text]) == 1
    assert f"{text}:2:1: error: 'func.func': size_c1: " in (said := capsys.readouterr().err)
    assert "is larger than 2^62 bytes" in said


def test_tensors_larger_than_any_memory_in_python() -> None:
    with pb.Graph(), pytest.raises(ValueError, match=r"is larger than 2\^62 bytes"):
        pb.placeholder("f64", (2**31, 2**31))
    with pb.Graph(), pytest.raises(ValueError, match=r"is larger than 2\^62 bytes"):
        pb.add(pb.ones((2**20, 1, 2**20)), pb.ones((2**30, 1)))


@pytest.mark.parametrize("count", [0, 1025, 65536, 2**62])
def test_vectors_have_a_bound(count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = f"%c = arith.constant dense<0.0> : vector<{count}xf32>\n  func.return"
    assert opt.main([written(tmp_path, f"func.func @f() {{\n  {body}\n}}")]) == 1
    assert (
        f":2:3: error: 'arith.constant': vector_c1: vector<{count}xf32> has {count}"
        in capsys.readouterr().err
    )


def test_calls_that_multiply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = written(tmp_path, doubling(25))
    for arguments in (["-p", "inline-calls"], ["-p", "gradients"], ["--explain=%x"]):
        assert opt.main([text, *arguments]) == 1
        said = capsys.readouterr().err
        assert "error: inline-calls: the program becomes larger than 1000000 operations" in said
        assert "--max-operations" in said
    for target in ("numpy", "cpu", "simt"):
        assert run.main([text, "--input", "x=1", "--target", target]) == 1
        assert "larger than 1000000 operations" in capsys.readouterr().err


def test_requests_that_multiply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = written(tmp_path, nested(14))
    for arguments in (
        ["-p", "generate-gradients{max-operations=2000}"],
        ["-p", "gradients", "--max-operations", "2000"],
        ["-p", "check-gradients", "--max-operations", "2000"],
        ["--explain=%x", "--max-operations=2000"],
    ):
        assert opt.main([text, *arguments]) == 1
        assert f"{text}:1" in (said := capsys.readouterr().err)
        assert "becomes larger than 2000 operations" in said


def test_an_option_allows_more_or_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = written(tmp_path, doubling(6))
    assert opt.main([text, "-p", "inline-calls", "-o", "/dev/null"]) == 0
    assert opt.main([text, "-p", "inline-calls", "--max-operations", "50"]) == 1
    assert run.main([text, "--input", "x=1", "--max-operations", "50"]) == 1
    assert opt.main([text, "-p", "inline-calls{max-operations=50}"]) == 1
    # What the text of a pipeline says counts.
    assert (
        opt.main([text, "-p", "inline-calls{max-operations=500}", "--max-operations", "5", "-o", "/dev/null"])
        == 0
    )
    capsys.readouterr()
    assert opt.main([text, "-p", "inline-calls{max-operations=0}"]) == 1
    assert "max-operations is 0; expected 1 or more" in capsys.readouterr().err
    assert opt.main([text, "--max-operations", "0"]) == 1
