// What looks inside a pipeline, under the names that mlir-opt has for it.
// RUN: pullback-opt %s --pass-pipeline='builtin.module(canonicalize,func.func(cse,dce))' --print-ir-after-change --dump-pass-pipeline 2>&1 | filecheck %s
// RUN: pullback-opt %s -p cse,dce --print-ir-before=dce -o %t 2>&1 | filecheck %s --check-prefix BEFORE
// RUN: not pullback-opt %s -p cse,verify-level{level=loops} --print-ir-after-failure 2>&1 | filecheck %s --check-prefix FAILED
// RUN: not pullback-opt %s -p 'builtin.module(cse,func.func(inline-calls))' 2>&1 | filecheck %s --check-prefix NESTED
// RUN: not pullback-opt %s --print-ir-after=canonicalise 2>&1 | filecheck %s --check-prefix NAME

func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = graph.tanh %x : tensor<2xf32>
  %b = graph.tanh %x : tensor<2xf32>
  %c = graph.add %a, %b : tensor<2xf32>
  func.return %c : tensor<2xf32>
}

// CHECK: builtin.module(canonicalize,cse,dce)
// CHECK-NOT: IR Dump After canonicalize
// CHECK: // -----// IR Dump After cse //----- //
// CHECK-NEXT: builtin.module {
// CHECK: graph.add %a, %a
// CHECK-NOT: IR Dump After dce

// BEFORE: // -----// IR Dump Before dce //----- //
// BEFORE-NOT: IR Dump

// FAILED: // -----// IR Dump After verify-level{level=loops} Failed //----- //
// FAILED: error: 'func.func': type tensor<2xf32> has no place at level 'loops'

// NESTED: <pipeline>:1:30: error: pass 'inline-calls' needs the whole module: write it outside of func.func(...)
// NESTED-NEXT: builtin.module(cse,func.func(inline-calls))
// NESTED-NEXT: {{^ +\^+$}}

// NAME: <print-ir-after>:1:1: error: unknown pass 'canonicalise'; did you mean 'canonicalize'?
