// What is known of a gradient's shape does not depend on the method of its sum, and a result has the type that is declared.
// RUN: pullback-opt %s -p gradients,finish --no-locations | filecheck %s
// RUN: pullback-run %s -p gradients,finish --target numpy --input 'x=[[1,2]]' --values | filecheck %s --check-prefix=VALUES
// RUN: pullback-run %s -p gradients,finish --target cpu --input 'x=[[1,2]]' --values | filecheck %s --check-prefix=VALUES

// CHECK: graph.add %{{.*}}, %{{.*}} : (tensor<1x?xf32>, tensor<?x?xf32>) -> tensor<1x?xf32>
// CHECK: %dx = graph.identity %{{.*}} : (tensor<1x?xf32>) -> tensor<?x?xf32>
// CHECK: %ds = graph.fill {value = 1.000000e+00 : f32} : tensor<1x2xf32>
// VALUES: dx = {{\[\[}}2.5403023, 1.5838532]]
// VALUES: ds = {{\[\[}}1.0, 1.0]]
func.func @main(%x: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<1x2xf32>) {
  %y = graph.concat %x, %x {axis = 1 : i64} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %ones = graph.fill {value = 1.0 : f32} : tensor<1x4xf32>
  %z = graph.sin %x : tensor<?x?xf32>
  %dx = graph.gradients of (%y, %z) wrt (%x) seeds (%ones, _) {aggregation = #graph.aggregation<tree>} : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<1x4xf32>) -> tensor<?x?xf32>
  %ds = graph.gradients of (%x) wrt (%x) {scope = "ds"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<1x2xf32>
  func.return %dx, %ds : tensor<?x?xf32>, tensor<1x2xf32>
}
