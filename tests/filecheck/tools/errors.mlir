// Wrong command lines and programs: a place, a caret, exit status 1, and never a traceback.
// RUN: not pullback-opt %s 2>&1 | filecheck %s --check-prefix TYPE
// RUN: not pullback-opt %s -p nosuch 2>&1 | filecheck %s --check-prefix PASS
// RUN: not pullback-opt %s -p canonicalise 2>&1 | filecheck %s --check-prefix NEAR
// RUN: not pullback-opt %s -p lower-to-kernels 2>&1 | filecheck %s --check-prefix RENAMED
// RUN: not pullback-opt %s -p verify-level{level=roof} 2>&1 | filecheck %s --check-prefix OPTION
// RUN: not pullback-opt %s -t nosuch 2>&1 | filecheck %s --check-prefix TARGET
// RUN: not pullback-opt %t.missing 2>&1 | filecheck %s --check-prefix FILE

func.func @f(%x: tensor<4xnosuch>) {
  func.return
}

// TYPE: errors.mlir:10:27: error: expected shape type.
// TYPE-NEXT: func.func @f(%x: tensor<4xnosuch>) {
// TYPE-NEXT: ^

// PASS: <pipeline>:1:1: error: unknown pass or pipeline 'nosuch'
// PASS-NEXT: nosuch
// PASS-NEXT: ^^^^^^

// NEAR: did you mean 'canonicalize'?

// RENAMED: did you mean 'lower-to-gpu'?

// OPTION: error: pass 'verify-level': option 'level' is roof; expected request | gradients | graph

// TARGET: <target>:1:1: error: unknown target 'nosuch'; expected one of mlir, llvm-ir, cuda-cpp

// FILE: missing: error: cannot read: No such file or directory
