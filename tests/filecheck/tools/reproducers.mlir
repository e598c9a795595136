// A reproducer is a program, and repeats the run that it was written by.
// RUN: pullback-opt %s -p cse,dce --no-locations --reproducer %t.mlir -o %t.first && pullback-opt --run-reproducer %t.mlir | diff %t.first -
// RUN: pullback-opt %t.mlir | filecheck %s
// RUN: filecheck %s --check-prefix TEXT < %t.mlir
// RUN: pullback-run %s --input x=[1,2] --values --reproducer %t.run && pullback-run --run-reproducer %t.run | filecheck %s --check-prefix VALUES
// RUN: not pullback-opt %s -p cse,verify-level{level=loops} --crash-reproducer %t.crash --local-reproducer 2>&1 | filecheck %s --check-prefix CRASH
// RUN: not pullback-opt --run-reproducer %t.crash 2>&1 | filecheck %s --check-prefix AGAIN
// RUN: not pullback-opt --run-reproducer %s 2>&1 | filecheck %s --check-prefix NONE

func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = graph.square %x : tensor<2xf32>
  %b = graph.square %x : tensor<2xf32>
  %c = graph.add %a, %b : tensor<2xf32>
  func.return %c : tensor<2xf32>
}

// CHECK: graph.add %a, %b

// TEXT: // pullback-reproducer: {
// TEXT: "pipeline": "cse,dce"
// TEXT: "arguments": ["--no-locations"]
// TEXT: "xdsl": "0.74.

// VALUES: c = [2.0, 8.0]

// CRASH: error: 'func.func': type tensor<2xf32> has no place at level 'loops'
// CRASH: note: reproducer generated at [[PATH:.*]]; repeat with pullback-opt --run-reproducer [[PATH]]

// AGAIN: error: 'func.func': type tensor<2xf32> has no place at level 'loops'
// AGAIN: note: in pass 'verify-level{level=loops}'

// NONE: reproducers.mlir:1:1: error: no reproducer: expected comments
