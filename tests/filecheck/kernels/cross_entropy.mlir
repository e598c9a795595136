// Softmax cross entropy from its primitive operations, forward and gradient, is one kernel of rows.
// RUN: pullback-opt %s -p gradients,finish,form-kernels,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p gradients,finish,form-kernels -o %t && pullback-opt %t -p form-kernels | diff %t -

// CHECK:     graph.constant
// CHECK-NOT: graph.{{(max|sum|exp|log|subtract|multiply|gather)}}
// CHECK:     %loss, %dx = graph.kernel %x, %eye, %labels schedule<kind = rows, parallel = [128], reduce = [3], cpu = {vector = 16, unroll = 4}>
// CHECK-NOT: graph.kernel
// CHECK:     graph.yield %{{.*}}, %{{.*}} : tensor<f32>, tensor<128x3xf32>
// CHECK-NOT: graph
// CHECK:     func.return %loss, %dx
func.func @main(%x: tensor<128x3xf32>, %labels: tensor<128xi32>) -> (tensor<f32>, tensor<128x3xf32>) {
  %eye = graph.constant dense<[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]> : tensor<3x3xf32>
  %m = graph.max %x {axes = array<i64: 1>, keepdims} : (tensor<128x3xf32>) -> tensor<128x1xf32>
  %z = graph.subtract %x, %m : (tensor<128x3xf32>, tensor<128x1xf32>) -> tensor<128x3xf32>
  %e = graph.exp %z : tensor<128x3xf32>
  %s = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<128x3xf32>) -> tensor<128x1xf32>
  %l = graph.log %s : tensor<128x1xf32>
  %logp = graph.subtract %z, %l : (tensor<128x3xf32>, tensor<128x1xf32>) -> tensor<128x3xf32>
  %hot = graph.gather %eye, %labels : (tensor<3x3xf32>, tensor<128xi32>) -> tensor<128x3xf32>
  %picked = graph.multiply %logp, %hot : tensor<128x3xf32>
  %rows = graph.sum %picked {axes = array<i64: 1>} : (tensor<128x3xf32>) -> tensor<128xf32>
  %total = graph.sum %rows {axes = array<i64: 0>} : (tensor<128xf32>) -> tensor<f32>
  %scale = graph.fill {value = -0.0078125 : f32} : tensor<f32>
  %loss = graph.multiply %total, %scale : tensor<f32>
  %dx = graph.gradients of (%loss) wrt (%x) : (tensor<f32>, tensor<128x3xf32>) -> tensor<128x3xf32>
  func.return %loss, %dx : tensor<f32>, tensor<128x3xf32>
}
