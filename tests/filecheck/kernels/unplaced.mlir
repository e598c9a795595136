// Kernels are of programs that are placed: passes that form them and plan their memory say what to run first.
// RUN: not pullback-opt %s -p form-kernels{device=cuda} 2>&1 | filecheck %s --check-prefix FORM
// RUN: not pullback-opt %s -p plan-memory 2>&1 | filecheck %s --check-prefix FORM
// RUN: not pullback-opt %s -p form-kernels 2>&1 | filecheck %s --check-prefix CPU
// RUN: pullback-opt %s -p place-devices{device=cuda},form-kernels{device=cuda},plan-memory,verify-level{level=kernels} | filecheck %s

// FORM: unplaced.mlir:13:3: error: 'graph.exp' is on cpu:0 and 'y' on cuda:1: expected graph.copy_to between them; run place-devices first
// CPU: unplaced.mlir:11:1: error: form-kernels: the program names devices, and kernels for cpu have none: run place-devices first

// CHECK: graph.copy_to
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> attributes {graph.devices = ["cuda:1"]} {
  %y = graph.tanh %x {device = "cuda:1"} : tensor<8xf32>
  %z = graph.exp %y {device = "cpu:0"} : tensor<8xf32>
  func.return %z : tensor<8xf32>
}
