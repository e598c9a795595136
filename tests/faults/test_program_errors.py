"""Wrong programs of unforeseen kinds: both tools say what is wrong, and where, never a raw error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pullback.tools import opt, run

SCHEDULE = "schedule<kind = pointwise, parallel = [4], cpu = {vector = 16}>"

Fails = Callable[..., str]


@pytest.mark.parametrize(
    "passes", ["", "kernels", "kernels,loops", "lower-to-loops", "verify-level{level=kernels}"]
)
def test_values_of_a_kernel_and_around_it(fails: Fails, passes: str) -> None:
    head = "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %c = graph.exp %x : tensor<4xf32>\n"
    kernel = f"  %y = graph.kernel %x {SCHEDULE} : tensor<4xf32> {{\n  ^bb0(%a: tensor<4xf32>):\n"
    tail = "    %b = graph.exp %a : tensor<4xf32>\n    graph.yield %b : tensor<4xf32>\n  }\n"
    end = "  func.return %y : tensor<4xf32>\n}\n"
    outside = f"{head}{kernel}{tail.replace('yield %b', 'yield %c')}{end}"
    said = fails(outside, "-p", passes)
    assert said.startswith(
        "FILE:6:5: error: 'graph.yield': %c is defined outside of the 'graph.kernel' around it"
    )
    said = fails(f"{head}{kernel}{tail}{end.replace('%y', '%b')}", "-p", passes)
    assert said.startswith("FILE:8:15: error: value %b is used but not defined")
    own = f"{head}{kernel.replace('kernel %x', 'kernel %b')}{tail}{end}"
    assert fails(own, "-p", passes).startswith("FILE:3:21: error: value %b is used outside of the region")


@pytest.mark.parametrize("type_", ["tensor<4xf32>", "memref<4xf32>"])
@pytest.mark.parametrize("passes", ["", "gradients", "kernels", "lower-to-loops", "check-gradients"])
def test_blocks_that_nothing_reaches(fails: Fails, type_: str, passes: str) -> None:
    text = f"func.func @main(%x: {type_}) {{\n  func.return\n^bb1(%y: {type_}):\n  func.return\n}}\n"
    said = fails(text, "-p", passes)
    assert said.startswith("FILE:1:1: error: 'func.func': nothing branches to block 2 of its 2")


def test_shapes_below_zero(fails: Fails) -> None:
    for type_ in ("tensor<-1x4xf32>", "memref<-1x4xf32>", "vector<-1xf32>", "!graph.ref<tensor<-1xf32>>"):
        assert "FILE:1:" in fails(f"func.func @f(%x: {type_}) {{ func.return }}")
    for op in (f"graph.constant dense<1.0> : {type_}" for type_ in ("tensor<-1xf32>", "tensor<2x-3xf32>")):
        assert "FILE:1:" in fails(f"func.func @f() {{ %c = {op} func.return }}")
    assert "FILE:1:" in fails("func.func @f() { %m = memref.alloc() : memref<-1x2xf32> func.return }")


def test_what_llvm_ir_lacks(fails: Fails) -> None:
    text = """func.func @main(%x: memref<4xi32>) {
  %i = arith.constant 0 : index
  %a = memref.load %x[%i] : memref<4xi32>
  %l, %h = arith.mulsi_extended %a, %a : i32
  memref.store %h, %x[%i] : memref<4xi32>
  func.return
}
func.func private @two(%a: i32) -> (i32, i32) {
  func.return %a, %a : i32, i32
}
"""
    said = fails(text, "-t", "llvm-ir")
    assert said.startswith("FILE:4:3: error: 'arith.mulsi_extended' cannot be printed as LLVM IR")
    calls = text.replace("arith.mulsi_extended %a, %a : i32", "func.call @two(%a) : (i32) -> (i32, i32)")
    said = fails(calls, "-t", "llvm-ir")
    assert said.startswith("FILE:4:3: error: 'func.call' cannot be printed as LLVM IR")
    assert "at most one value" in said
    assert "FILE:4:3: error: " in fails(text, "--target", "cpu", "--input", "x=[1,2,3,4]", tool=run.main)


def test_operations_whose_verifiers_raise_anything(fails: Fails) -> None:
    text = """func.func @f(%a: i32) {
  %r, %s = scf.while (%u = %a, %v = %a) : (i32, i32) -> (i32, f32) {
    %more = arith.cmpi ne, %u, %v : i32
    scf.condition(%more) %u, %v : i32, i32
  } do {
  ^bb0(%m: i32, %n: i32):
    scf.yield %n, %m : i32, i32
  }
  func.return
}
"""
    assert fails(text).startswith("FILE:2:3: error: 'scf.while': ")


def on_memory(arguments: str, *lines: str, before: str = "") -> str:
    """A function on memory, after some operations before it."""
    body = "".join(f"  {line}\n" for line in (*lines, "func.return"))
    return f"{before}func.func @main({arguments}) {{\n{body}}}\n"


def load(element: str) -> tuple[str, str]:
    return "%i = arith.constant 0 : index", f"%a = memref.load %x[%i] : memref<4x{element}>"


READ = "%g = memref.get_global @g : memref<4xf32>"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            on_memory("%x: memref<4xf80>"),
            {"numpy": "--input x: it is memref<4xf80>, which no array is a value of"},
        ),
        (on_memory("%x: memref<?x4xf32>"), {"cpu": "--input x is missing: a memref<?x4xf32> has no shape"}),
        (
            on_memory("%x: memref<4xf32>, %n: i32"),
            {"simt": "--input n: it is i32, which no array is a value of"},
        ),
        (on_memory("%x: memref<4xf32>", READ), {"cpu": "FILE:2:3: error: 'memref.get_global': there is no"}),
        (
            on_memory(
                "%x: memref<4xf32>", READ, before='memref.global "private" @g : memref<2xf32> = dense<0.0>\n'
            ),
            {"cpu": "FILE:3:3: error: 'memref.get_global': @g is memref<2xf32>, not memref<4xf32>"},
        ),
        (
            on_memory("%x: memref<4xf32>", READ, before='memref.global "private" @g : memref<4xf32>\n'),
            dict.fromkeys(("numpy", "cpu"), "FILE:1:1: error: "),
        ),
        (
            on_memory(
                "%x: memref<4xf32>", before='memref.global "private" @g : memref<4xi1> = dense<true>\n'
            ),
            {
                "cpu": "FILE:1:1: error: 'memref.global' cannot be printed as LLVM IR: i1 has no place in memory"
            },
        ),
        (on_memory("%x: memref<4xi1>", *load("i1")), {"cpu": "FILE:1:1: error: 'func.func' cannot be"}),
        (
            on_memory("%x: memref<4xf16>", *load("f16"), "%b = math.exp %a : f16"),
            {
                "cpu": "FILE:4:3: error: 'math.exp' cannot be printed as LLVM IR: the math library has no exp for f16"
            },
        ),
        (
            on_memory("%x: memref<4xi32>", *load("i32"), "%w = arith.extsi %a : i32 to i128"),
            {"numpy": "FILE:4:3: error: i128 has no NumPy dtype here"},
        ),
        (
            on_memory("%x: memref<4xi32>", *load("i32"), "%w = arith.extsi %a : i32 to i9999999"),
            {"cpu": "FILE:1:1: error: LLVM refuses the program: "},
        ),
        (
            on_memory(
                "%x: memref<4xf32>",
                "func.call @e(%x) : (memref<4xf32>) -> ()",
                before="func.func private @e(memref<4xf32>) -> ()\n",
            ),
            dict.fromkeys(("numpy", "cpu", "simt"), "FILE:1:1: error: "),
        ),
        (
            on_memory("%x: memref<4xf32>", "func.call @main(%x) : (memref<4xf32>) -> ()"),
            {
                "cpu": "FILE:1:1: error: 'func.func' cannot be printed as LLVM IR: recursion: @main calls @main"
            },
        ),
    ],
)
def test_functions_on_memory_that_no_target_runs(fails: Fails, text: str, messages: dict[str, str]) -> None:
    for target, message in messages.items():
        assert message in fails(text, "--target", target, tool=run.main)


@pytest.mark.parametrize(
    "type_", ["tensor<4xf80>", "!graph.slices<tensor<2xf32>, tensor<2xi32>, tensor<5xf32>>"]
)
def test_arguments_that_no_array_is(fails: Fails, type_: str) -> None:
    text = f"func.func @main(%x: {type_}) -> {type_} {{\n  func.return %x : {type_}\n}}\n"
    for target in ("numpy", "cpu", "simt"):
        said = fails(text, "--input", "x=[1, 2]", "--target", target, tool=run.main)
        assert said == f"pullback-run: error: --input x: it is {type_}, which no array is a value of\n"


def test_gradients_are_checked_of_functions_on_tensors(fails: Fails, tmp_path: Path) -> None:
    text = on_memory("%x: memref<4xf32>", "func.call @main(%x) : (memref<4xf32>) -> ()")
    assert "@main is no function on tensors" in fails(text, "-p", "check-gradients{function=main}")
    assert opt.main([str(tmp_path / "program.mlir"), "-p", "check-gradients", "-o", "/dev/null"]) == 0
