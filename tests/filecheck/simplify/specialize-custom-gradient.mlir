// The region of a custom gradient takes the types of the values.
// RUN: pullback-opt %s -p 'specialize-shapes{main=2x3}' --no-locations | filecheck %s

// CHECK: graph.custom_gradient of (%y) wrt (%x) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: ^bb0(%dy: tensor<2x3xf32>):
// CHECK-NEXT: graph.negative %dy : tensor<2x3xf32>
func.func @main(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %y = graph.exp %x : tensor<?x3xf32>
  %r = graph.custom_gradient of (%y) wrt (%x) closure () : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32> {
  ^bb0(%dy: tensor<?x3xf32>):
    %dx = graph.negative %dy : tensor<?x3xf32>
    graph.yield %dx : tensor<?x3xf32>
  }
  func.return %r : tensor<?x3xf32>
}
