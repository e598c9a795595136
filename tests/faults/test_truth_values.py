"""Truth values are bytes 0 and 1 wherever they come from: text gave 255, and other memory any byte but 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.tools import run

TARGETS = ("numpy", "cpu", "simt", "fibers")
BYTES = np.array([0, 1, 2, 255, 128], np.uint8)
TRUTHS = np.array([0, 1, 1, 1, 1], np.uint8)

CONSTANTS = {
    "list": ("dense<[true, false, true]>", [1, 0, 1]),
    "numbers": ("dense<[1, 0, -1]>", [1, 0, 1]),
    "bytes": ('dense<"0x02FF00">', [1, 1, 0]),
    "splat": ("dense<true>", [1, 1, 1]),
    "byte": ('dense<"0x80">', [1, 1, 1]),
    "false": ("dense<false>", [0, 0, 0]),
}


def stored(array: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    assert array.dtype == np.bool_
    return array.view(np.uint8)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("written", CONSTANTS)
def test_constants_of_a_text(written: str, target: str, tmp_path: Path) -> None:
    text, expected = CONSTANTS[written]
    program = tmp_path / "program.mlir"
    program.write_text(
        f"func.func @main() -> (tensor<3xi1>, tensor<3xi1>) {{\n  %c = graph.constant {text} : tensor<3xi1>\n"
        "  %d = graph.logical_not %c : tensor<3xi1>\n  func.return %c, %d : tensor<3xi1>, tensor<3xi1>\n}\n"
    )
    assert run.main([str(program), "--target", target, "--output", str(tmp_path)]) == 0
    np.testing.assert_array_equal(stored(np.load(tmp_path / "c.npy")), expected)
    np.testing.assert_array_equal(stored(np.load(tmp_path / "d.npy")), 1 - np.array(expected))


@pytest.mark.parametrize("target", TARGETS)
def test_files_of_arrays(target: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", BYTES.view(np.bool_))
    program = tmp_path / "program.mlir"
    program.write_text(
        "func.func @main(%x: tensor<5xi1>) -> (tensor<5xi1>, tensor<5xi1>) {\n"
        '  %w = graph.variable {variable = "w"} : !graph.ref<tensor<5xi1>>\n'
        "  %v = graph.read %w : (!graph.ref<tensor<5xi1>>) -> tensor<5xi1>\n"
        "  func.return %x, %v : tensor<5xi1>, tensor<5xi1>\n}\n"
    )
    given = tmp_path / "x.npy"
    arguments = ["--input", f"x={given}", "--variable", f"w={given}", "--target", target]
    assert run.main([str(program), *arguments, "--output", str(tmp_path / "out")]) == 0
    for name in "xvw":
        np.testing.assert_array_equal(stored(np.load(tmp_path / "out" / f"{name}.npy")), TRUTHS)


@pytest.mark.parametrize("target", TARGETS)
def test_memory_that_python_looks_at_as_bool(target: str) -> None:
    given = BYTES.view(np.bool_)
    with pb.Graph():
        x = pb.placeholder("i1", (5,), name="x")
        n = pb.placeholder("i1", (None,), name="n")
        w = pb.Variable(given, name="w")
        w.array.view(np.uint8)[...] = BYTES
        c = pb.constant(given)
        outputs = [
            x,
            n,
            w.read(),
            c,
            pb.equal(x, pb.fill((5,), True)),
            pb.logical_xor(x, c),
            pb.cast(x, "i32"),
            pb.sum(pb.cast(n, "f32")),
            pb.where(x, pb.ones((5,)), 0.0),
            w.assign(x),
        ]
        step = pb.compile([x, n], outputs, target=target)
    x_, n_, w_, c_, equal, xor, integers, count, chosen, _ = step(given, given)
    for found in (x_, n_, w_, c_, equal, w.numpy()):
        np.testing.assert_array_equal(stored(found), TRUTHS)
    assert not xor.any()
    np.testing.assert_array_equal(integers, TRUTHS)
    np.testing.assert_array_equal(chosen, TRUTHS)
    assert count == 4
    np.testing.assert_array_equal(BYTES, [0, 1, 2, 255, 128])  # what a caller gives is never changed


def test_equal_constants_are_equal_text() -> None:
    def printed(elements: str) -> str:
        text = f"func.func @f() {{ %c = graph.constant {elements} : tensor<4xi1> func.return }}"
        return print_module(parse(context(), text).module)

    assert printed('dense<"0x02000300">') == printed("dense<[true, false, true, false]>")
    assert printed('dense<"0x02FF0180">') == printed("dense<true>")


@pytest.mark.parametrize("count", [0, 1, 17, 63, 64, 65, 1000, 100_003])
def test_a_byte_anywhere_in_an_input(count: int) -> None:
    with pb.Graph():
        x = pb.placeholder("i1", (count,), name="x")
        step = pb.compile([x], [x, pb.sum(pb.cast(x, "i32")), pb.logical_not(x)], target="cpu")
    generator = np.random.default_rng(count)
    for odd in {0, count // 2, count - 1} & set(range(count)) | {None}:
        truths = generator.random(count) < 0.5
        given = truths.view(np.uint8).copy()
        if odd is not None:
            given[odd] = 2
            truths[odd] = True
        same, total, opposite = step(given.view(np.bool_))
        np.testing.assert_array_equal(stored(same), truths)
        np.testing.assert_array_equal(stored(opposite), ~truths)
        assert total == truths.sum()
