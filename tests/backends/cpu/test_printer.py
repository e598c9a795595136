"""The printed LLVM IR: deterministic, and as expected; operations without a translation are refused by name."""

from __future__ import annotations

import pytest
from xdsl.dialects import arith, func
from xdsl.dialects.builtin import FunctionType, MemRefType, ModuleOp, f32, i32
from xdsl.ir import Block, Region

from pullback.backends.cpu.llvm.printer import EMITTERS, print_llvm
from pullback.dialects.upstream import upstream_dialects
from pullback.tests.backends.cpu.native import print_text, program


def body(text: str) -> str:
    """The lines of the only function of a module whose body is `text`."""
    printed = print_text(
        f"func.func @main(%x: memref<4xf32>, %n: memref<1xindex>) {{\n{text}\nfunc.return\n}}"
    )
    return printed[printed.index("entry:\n") + len("entry:\n") : printed.index("\n  ret void")]


def test_printing_is_deterministic() -> None:
    assert print_text(program("softmax")) == print_text(program("softmax"))
    assert print_text(program("stack")) == print_text(program("stack"))


def test_a_static_loop_needs_no_guard() -> None:
    text = body("""
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.5 : f32
  %sum = scf.for %i = %c0 to %c4 step %c1 iter_args(%s = %zero) -> (f32) {
    %v = memref.load %x[%i] : memref<4xf32>
    %t = arith.addf %s, %v : f32
    scf.yield %t : f32
  }
  memref.store %sum, %x[%c1] : memref<4xf32>""")
    assert (
        text
        == """\
  br label %i.loop
i.loop:
  %i = phi i64 [ 0, %entry ], [ %i.next, %i.loop ]
  %s = phi float [ 0.5, %entry ], [ %t, %i.loop ]
  %x.at = getelementptr inbounds float, ptr %x, i64 %i
  %v = load float, ptr %x.at, align 4
  %t = fadd float %s, %v
  %i.next = add nsw i64 %i, 1
  %i.again = icmp slt i64 %i.next, 4
  br i1 %i.again, label %i.loop, label %i.end
i.end:
  %x.at_1 = getelementptr inbounds float, ptr %x, i64 1
  store float %t, ptr %x.at_1, align 4"""
    )


def test_a_dynamic_loop_is_guarded() -> None:
    text = body("""
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = memref.load %n[%c0] : memref<1xindex>
  scf.for %i = %c0 to %m step %c1 {
  }""")
    assert "br i1 %i.any, label %i.loop, label %i.end" in text


def test_fast_math_is_what_the_text_says() -> None:
    text = body("""
  %a = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %b = memref.load %x[%c0] : memref<4xf32>
  %c = arith.addf %b, %a : f32
  %d = arith.mulf %c, %a fastmath<contract> : f32
  %e = arith.mulf %d, %a fastmath<nsz,contract> : f32""")
    assert "%c = fadd float %b, 1.0" in text
    assert "%d = fmul contract float %c, 1.0" in text
    assert "%e = fmul nsz contract float %d, 1.0" in text


def test_only_arguments_that_are_written_may_be_written() -> None:
    text = print_text(program("softmax"))
    assert (
        "define internal void @softmax_rows(ptr noalias captures(none) readonly align 4 %x, "
        "ptr noalias captures(none) align 4 %e, ptr noalias captures(none) align 4 %y)" in text
    )
    # The entry learns it from the function that it calls, through the view of the arena.
    assert (
        "define void @main(ptr noalias captures(none) readonly align 4 %x, "
        "ptr noalias captures(none) align 4 %y, ptr noalias captures(none) align 1 %arena)" in text
    )


def test_memory_that_is_chosen_is_written() -> None:
    """A memref that `arith.select` gives may be either of its operands."""
    text = print_text("""
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %z: memref<4xf32>) {
  %true = arith.constant true
  %zero = arith.constant 0 : index
  %m = arith.select %true, %x, %y : memref<4xf32>
  %v = memref.load %z[%zero] : memref<4xf32>
  memref.store %v, %m[%zero] : memref<4xf32>
  func.return
}""")
    assert text.count("readonly") == 1
    assert "readonly align 4 %z" in text


REFUSED = {
    "vector.create_mask.*mask of rank 2 needs constant bounds": """
  %c0 = arith.constant 0 : index
  %m = memref.load %n[%c0] : memref<1xindex>
  %mask = vector.create_mask %m, %m : vector<4x4xi1>""",
    "memref.dim.*not known here; pass it beside the memref": """
  %c0 = arith.constant 0 : index
  %true = arith.constant true
  %s = memref.alloc(%c0) : memref<?xf32>
  %t = scf.if %true -> (memref<?xf32>) {
    scf.yield %s : memref<?xf32>
  } else {
    scf.yield %s : memref<?xf32>
  }
  %d = memref.dim %t, %c0 : memref<?xf32>""",
    "memref.alloc.*i1 has no place in memory: store it as i8": """
  %c0 = arith.constant 0 : index
  %b = memref.alloc() : memref<4xi1>
  %v = memref.load %b[%c0] : memref<4xi1>""",
    "vector.load.*last dimension has stride 1": """
  %c0 = arith.constant 0 : index
  %b = memref.alloc() : memref<4x4xf32>
  %s = memref.reinterpret_cast %b to offset: [0], sizes: [4], strides: [4]
    : memref<4x4xf32> to memref<4xf32, strided<[4]>>
  %v = vector.load %s[%c0] : memref<4xf32, strided<[4]>>, vector<4xf32>""",
    "math.fpowi.*no such operation": """
  %a = arith.constant 1.0 : f32
  %i = arith.constant 2 : i32
  %b = math.fpowi %a, %i : f32, i32""",
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_level_4c_lacks_is_refused_by_name(message: str) -> None:
    with pytest.raises(ValueError, match=f"'{message}"):
        body(REFUSED[message])


def test_xdsl_classes_print_as_ours_do() -> None:
    block = Block(arg_types=[MemRefType(f32, [4])])
    one = arith.ConstantOp.from_int_and_width(1, i32)
    block.add_ops([one, arith.CmpiOp(one, one, "slt"), func.ReturnOp()])
    function = func.FuncOp("main", FunctionType.from_lists(block.arg_types, []), Region(block))
    assert "icmp slt i32 1, 1" in print_llvm(ModuleOp([function]))


def test_every_row_is_of_an_operation_that_our_context_knows_or_its_twin() -> None:
    known = {operation.name for dialect in upstream_dialects() for operation in dialect.operations}
    assert {operation.name for operation in EMITTERS} <= known
