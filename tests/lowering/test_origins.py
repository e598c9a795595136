"""Origins of generated code: names and roles in locations and comments, which nothing that is compiled depends on."""

from __future__ import annotations

import re

import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import UNKNOWN_LOC, LocationAttr, ModuleOp

from pullback.backends.cpu.emit_objects import emit_object
from pullback.backends.cpu.llvm.printer import print_llvm, print_module
from pullback.dialects.context import context
from pullback.dialects.graph.tensor.location import Origin, Role, called_at, named, named_with_role
from pullback.dialects.graph.tensor.origins import fuse, spelled
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import lowered

TANH = named("layer/tanh")
GRADIENT = named_with_role("gradients/layer/tanh_grad/", Role(Origin.GRADIENT, "layer/tanh"))
GATE = named_with_role("gradients/layer/tanh_grad/", Role(Origin.GATE, "layer/tanh"))


@pytest.mark.parametrize(
    ("locations", "text", "comment"),
    [
        ([], "loc(unknown)", ""),
        ([UNKNOWN_LOC, TANH, TANH], 'loc("layer/tanh")', "layer/tanh"),
        (
            [GRADIENT, GATE, TANH],
            'loc(fused["gradients/layer/tanh_grad/", "gradient of layer/tanh", "gate of layer/tanh", "layer/tanh"])',
            "gradients/layer/tanh_grad/ (gradient of layer/tanh, gate of layer/tanh), layer/tanh",
        ),
        ([called_at(TANH, named("call"))], 'loc("call/layer/tanh")', "call/layer/tanh"),
        (
            [called_at(GRADIENT, named("call"))],
            'loc(fused["call/gradients/layer/tanh_grad/", "gradient of call/layer/tanh"])',
            "call/gradients/layer/tanh_grad/ (gradient of call/layer/tanh)",
        ),
        ([named("two\nlines\\")], 'loc("two\\0Alines\\\\")', "two lines"),
    ],
)
def test_locations_of_several_operations(locations: list[LocationAttr], text: str, comment: str) -> None:
    assert str(fuse(locations)) == text
    assert spelled(fuse(locations)) == comment
    assert fuse([fuse(locations)]) == fuse(locations)


def test_the_first_eight_and_how_many_more() -> None:
    names = [named(f"t{i}") for i in range(11)]
    eight = ", ".join(f'"t{i}"' for i in range(8))
    assert str(fuse(names)) == f'loc(fused[{eight}, "and 3 more"])'
    assert str(fuse([fuse(names), named("u")])) == f'loc(fused[{eight}, "and 4 more"])'
    assert spelled(fuse(names, most=2)) == "t0, t1, and 9 more"


def test_a_shared_kernel_states_all_that_it_serves() -> None:
    kernels = "".join(
        f"""
  %{i} = graph.kernel %x schedule<kind = pointwise, parallel = [64]> : (tensor<64xf32>) -> tensor<64xf32> {{
  ^bb0(%a: tensor<64xf32>):
    %t = graph.tanh %a : tensor<64xf32> loc("t{i}")
    graph.yield %t : tensor<64xf32>
  }}"""
        for i in range(11)
    )
    results, types = ", ".join(f"%{i}" for i in range(11)), ", ".join(["tensor<64xf32>"] * 11)
    text = (
        f"func.func @main(%x: tensor<64xf32>) -> ({types}) {{{kernels}\nfunc.return {results} : {types}\n}}"
    )
    module = parse(context(), text).module
    loops = lowered(module, "plan-memory,lower-to-loops")
    kernel, main = loops.ops
    assert isinstance(kernel, func.FuncOp) and isinstance(main, func.FuncOp)
    assert spelled(kernel.location) == "t0, t1, t2, t3, t4, t5, t6, t7, and 3 more"
    calls = [op for op in main.walk() if isinstance(op, func.CallOp)]
    assert [spelled(op.location) for op in calls] == [f"t{i}" for i in range(11)]
    inside = {spelled(op.location) for op in kernel.body.walk()} - {""}
    assert inside == {"t0, and 10 more"}
    llvm = print_llvm(loops)
    assert (
        "; computes t0, t1, t2, t3, t4, t5, t6, t7, and 3 more\ndefine internal void @main_kernel_0" in llvm
    )
    assert "; t0, and 10 more" in llvm


PROGRAM = """
func.func @main(%x: tensor<64x32xf32>, %w: tensor<32x32xf32>) -> (tensor<64x32xf32>, tensor<32x32xf32>) {
  %0 = graph.matmul %x, %w : (tensor<64x32xf32>, tensor<32x32xf32>) -> tensor<64x32xf32> loc("a/product")
  %1 = graph.softmax %0 {axis = 1 : i64} : tensor<64x32xf32> loc("a/soft")
  %2 = graph.matmul %1, %w : (tensor<64x32xf32>, tensor<32x32xf32>) -> tensor<64x32xf32> loc("b/product")
  %3 = graph.softmax %2 {axis = 1 : i64} : tensor<64x32xf32> loc("b/soft")
  %4 = graph.gradients of (%3) wrt (%w) : (tensor<64x32xf32>, tensor<32x32xf32>) -> tensor<32x32xf32>
  func.return %3, %4 : tensor<64x32xf32>, tensor<32x32xf32>
}
"""
TO_LOOPS = "gradients,finish,kernels,loops"


def loops_of(text: str) -> ModuleOp:
    return lowered(parse(context(), text).module, TO_LOOPS)


def test_what_is_compiled_does_not_depend_on_names() -> None:
    """Kernels are shared as they are without locations; the LLVM IR and the object are the same."""
    other = re.sub(r'"b/(\w+)"', r'"another.scope/\1_1"', PROGRAM)
    none = re.sub(r' loc\("[^"]*"\)', "", PROGRAM)
    modules = [loops_of(text) for text in (PROGRAM, other, none)]
    objects = {emit_object(print_module(module).text) for module in modules}
    assert len({print_module(module).text for module in modules}) == 1
    assert len(objects) == 1
    commented = [print_llvm(module) for module in modules]
    assert len(set(commented)) == 3
    assert {emit_object(text) for text in commented} == objects


def test_a_program_without_names_has_no_comments() -> None:
    with_none = print_llvm(loops_of(re.sub(r' loc\("[^"]*"\)', "", PROGRAM)))
    assert "; computes gradients/" in with_none  # what the engine made has names of its own
    forward = re.sub(r' loc\("[^"]*"\)', "", PROGRAM).replace("return %3, %4", "return %3, %w")
    without = "\n".join(line for line in forward.splitlines() if "graph.gradients" not in line)
    assert ";" not in print_llvm(loops_of(without))


def test_every_kernel_call_and_store_states_its_origin() -> None:
    for op in loops_of(PROGRAM).walk():
        private = isinstance(op, func.FuncOp) and op.sym_visibility is not None
        stores = op.name in ("vector.store", "memref.store", "vector.maskedstore") and "scratch" not in str(
            op
        )
        if private or isinstance(op, func.CallOp):
            assert spelled(op.location), op
        if stores and "panel" not in str(op):
            assert spelled(op.location), op
