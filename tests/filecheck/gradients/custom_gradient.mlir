// A gradient written out beside its values: the region answers for %x, through the closure flows the ordinary one.
// RUN: pullback-opt %s -p generate-gradients --no-locations | filecheck %s
// RUN: pullback-opt %s -p gradients,finish --no-locations | filecheck %s --check-prefix DONE

func.func @main(%x: tensor<3xf32>, %w: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %v = graph.multiply %x, %w : tensor<3xf32>
  %y = graph.custom_gradient of (%v) wrt (%x) closure (%w) : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%dy: tensor<3xf32>):
    %t = graph.tanh %dy : tensor<3xf32>
    graph.yield %t : tensor<3xf32>
  }
  %dx, %dw = graph.gradients of (%y) wrt (%x, %w) : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  func.return %dx, %dw : tensor<3xf32>, tensor<3xf32>
}

// CHECK:      %y = graph.custom_gradient of (%v) wrt (%x) closure (%w)
// CHECK:        graph.yield
// CHECK:      [[SEED:%[0-9a-z_]+]] = graph.fill {value = 1.000000e+00 : f32}
// CHECK-NEXT: [[DX:%[0-9a-z_]+]] = graph.tanh [[SEED]]
// CHECK-NEXT: [[DW:%[0-9a-z_]+]] = graph.multiply [[SEED]], %x
// CHECK-NEXT: [[A:%[0-9a-z_]+]], [[B:%[0-9a-z_]+]] = graph.backward [[DX]], [[DW]]
// CHECK-NEXT: %dx, %dw = graph.gradient_results [[A]], [[B]]

// DONE-NOT: graph.custom_gradient
// DONE: graph.tanh
