// Each operation gets its position in the file that is written; names and roles stay.
// RUN: pullback-opt %s -p 'gradients,snapshot-op-locations{filename="%t.mlir"},finish' | filecheck %s
// RUN: pullback-opt %s -p gradients | diff %t.mlir -

// CHECK: %t = graph.tanh %x : tensor<3xf32> loc("t"("{{.*}}.mlir":3:5))
// CHECK: graph.multiply {{.*}} loc(fused["gradients/t_grad/"("{{.*}}.mlir":{{[0-9]+}}:5), "gradient of t"])
func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %t = graph.tanh %x : tensor<3xf32> loc("t")
  %dx = graph.gradients of (%t) wrt (%x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %t, %dx : tensor<3xf32>, tensor<3xf32>
}
