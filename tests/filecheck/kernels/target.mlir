// What one target has no code for is right at level kernels, and refused where that target is asked for.
// RUN: pullback-opt %s -p 'verify-level{level=kernels}' | filecheck %s
// RUN: pullback-opt %s -p 'verify-level{level=kernels target=cpu}' | filecheck %s
// RUN: pullback-opt %s --verify-diagnostics -p 'verify-level{level=kernels target=gpu}'
// RUN: not pullback-opt %s -p 'verify-level{level=kernels target=tpu}' 2>&1 | filecheck %s --check-prefix=TPU
// RUN: not pullback-opt %s -p 'verify-level{level=graph target=gpu}' 2>&1 | filecheck %s --check-prefix=GRAPH

// CHECK: schedule<kind = matmul, parallel = [4, 6], reduce = [5]>
// TPU: error: verify-level: target is tpu at level kernels; expected one of cpu, gpu, at level kernels
// GRAPH: error: verify-level: target is gpu at level graph; expected one of cpu, gpu, at level kernels
func.func @main(%a: tensor<4x5xf32>, %b: tensor<5x6xf32>) -> tensor<4x6xf32> {
  // expected-error@+1 {{no GPU kernel of kind 'matmul' yet: expected one of pointwise, concat, rows, columns (a matrix product needs blocks in shared memory)}}
  %y = graph.kernel %a, %b schedule<kind = matmul, parallel = [4, 6], reduce = [5]> : (tensor<4x5xf32>, tensor<5x6xf32>) -> tensor<4x6xf32> {
  ^bb0(%0: tensor<4x5xf32>, %1: tensor<5x6xf32>):
    %2 = graph.matmul %0, %1 : (tensor<4x5xf32>, tensor<5x6xf32>) -> tensor<4x6xf32>
    graph.yield %2 : tensor<4x6xf32>
  }
  func.return %y : tensor<4x6xf32>
}
