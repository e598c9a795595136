// What one target has no code for is right at level kernels, and refused where that target is asked for.
// RUN: pullback-opt %s -p 'verify-level{level=kernels}' | filecheck %s
// RUN: pullback-opt %s -p 'verify-level{level=kernels target=cpu}' | filecheck %s
// RUN: pullback-opt %s --verify-diagnostics -p 'verify-level{level=kernels target=gpu}'
// RUN: not pullback-opt %s -p 'verify-level{level=kernels target=tpu}' 2>&1 | filecheck %s --check-prefix=TPU
// RUN: not pullback-opt %s -p 'verify-level{level=graph target=gpu}' 2>&1 | filecheck %s --check-prefix=GRAPH

// CHECK: schedule<kind = rows, parallel = [4], reduce = [6]>
// TPU: error: verify-level: target is tpu at level kernels; expected one of cpu, gpu, at level kernels
// GRAPH: error: verify-level: target is gpu at level graph; expected one of cpu, gpu, at level kernels
func.func @main(%x: tensor<4x6xf32>) -> tensor<6xf32> {
  // expected-error@+1 {{totals over all lines and across them are used together}}
  %r = graph.kernel %x schedule<kind = rows, parallel = [4], reduce = [6]> : (tensor<4x6xf32>) -> tensor<6xf32> {
  ^bb0(%0: tensor<4x6xf32>):
    %across = graph.sum %0 {axes = array<i64: 0>} : (tensor<4x6xf32>) -> tensor<6xf32>
    %all = graph.sum %0 {axes = array<i64: 0, 1>} : (tensor<4x6xf32>) -> tensor<f32>
    %y = graph.multiply %across, %all : (tensor<6xf32>, tensor<f32>) -> tensor<6xf32>
    graph.yield %y : tensor<6xf32>
  }
  func.return %r : tensor<6xf32>
}
