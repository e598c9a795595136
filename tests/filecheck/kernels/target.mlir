// What one target cannot do as its keys say is right at level kernels, and refused where that target is asked for.
// RUN: pullback-opt %s -p 'verify-level{level=kernels}' | filecheck %s
// RUN: pullback-opt %s -p 'verify-level{level=kernels target=cpu}' | filecheck %s
// RUN: pullback-opt %s --verify-diagnostics -p 'verify-level{level=kernels target=gpu}'
// RUN: not pullback-opt %s -p 'verify-level{level=kernels target=tpu}' 2>&1 | filecheck %s --check-prefix=TPU
// RUN: not pullback-opt %s -p 'verify-level{level=graph target=gpu}' 2>&1 | filecheck %s --check-prefix=GRAPH

// CHECK: schedule<kind = scatter, parallel = [3, 5], gpu = {chunk = 8, method = in_order}>
// TPU: error: verify-level: target is tpu at level kernels; expected one of cpu, gpu, at level kernels
// GRAPH: error: verify-level: target is gpu at level graph; expected one of cpu, gpu, at level kernels
func.func @main(%g: tensor<3x5xf32>, %i: tensor<3xi32>) -> tensor<7x5xf32> {
  // expected-error@+1 {{chunk says nothing here: only sorted rows that add up are added in chunks; remove it}}
  %y = graph.kernel %g, %i schedule<kind = scatter, parallel = [3, 5], gpu = {chunk = 8, method = in_order}> : (tensor<3x5xf32>, tensor<3xi32>) -> tensor<7x5xf32> {
  ^bb0(%0: tensor<3x5xf32>, %1: tensor<3xi32>):
    %2 = graph.make_slices %0, %1 : (tensor<3x5xf32>, tensor<3xi32>) -> !graph.slices<tensor<3x5xf32>, tensor<3xi32>, tensor<7x5xf32>>
    %3 = graph.densify %2 : (!graph.slices<tensor<3x5xf32>, tensor<3xi32>, tensor<7x5xf32>>) -> tensor<7x5xf32>
    graph.yield %3 : tensor<7x5xf32>
  }
  func.return %y : tensor<7x5xf32>
}
