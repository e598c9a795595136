// Softmax cross entropy from its primitive operations, forward and gradient, is one kernel of rows.
// RUN: pullback-opt %s -p form-kernels,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p form-kernels -o %t && pullback-opt %t -p form-kernels | diff %t -

// CHECK:     graph.constant
// CHECK-NOT: graph.{{(max|sum|exp|log|subtract|multiply|gather)}}
// CHECK:     %loss, %dx = graph.kernel %x, %eye, %labels schedule {kind = "rows", parallel = array<i64: 128>, reduce = array<i64: 10>, vector = 16 : i64, unroll = 4 : i64}
// CHECK-NOT: graph.kernel
// CHECK:     graph.yield %{{.*}}, %{{.*}} : tensor<f32>, tensor<128x10xf32>
// CHECK-NOT: graph
// CHECK:     func.return %loss, %dx

func.func @main(%x: tensor<128x10xf32>, %labels: tensor<128xi32>) -> (tensor<f32>, tensor<128x10xf32>) {
  %eye = graph.constant dense<1.0> : tensor<10x10xf32>
  %m = graph.max %x {axes = array<i64: 1>, keepdims} : (tensor<128x10xf32>) -> tensor<128x1xf32>
  %z = graph.subtract %x, %m : (tensor<128x10xf32>, tensor<128x1xf32>) -> tensor<128x10xf32>
  %e = graph.exp %z : tensor<128x10xf32>
  %s = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<128x10xf32>) -> tensor<128x1xf32>
  %l = graph.log %s : tensor<128x1xf32>
  %logp = graph.subtract %z, %l : (tensor<128x10xf32>, tensor<128x1xf32>) -> tensor<128x10xf32>
  %hot = graph.gather %eye, %labels : (tensor<10x10xf32>, tensor<128xi32>) -> tensor<128x10xf32>
  %picked = graph.multiply %logp, %hot : tensor<128x10xf32>
  %rows = graph.sum %picked {axes = array<i64: 1>} : (tensor<128x10xf32>) -> tensor<128xf32>
  %total = graph.sum %rows {axes = array<i64: 0>} : (tensor<128xf32>) -> tensor<f32>
  %scale = graph.fill {value = -0.0078125 : f32} : tensor<f32>
  %loss = graph.multiply %total, %scale : tensor<f32>
  %one = graph.fill {value = 1.0 : f32} : tensor<f32>
  %dtotal = graph.multiply %one, %scale : tensor<f32>
  %drows = graph.broadcast_to %dtotal : (tensor<f32>) -> tensor<128xf32>
  %drows1 = graph.expand_dims %drows {axes = array<i64: 1>} : (tensor<128xf32>) -> tensor<128x1xf32>
  %dpicked = graph.broadcast_to %drows1 : (tensor<128x1xf32>) -> tensor<128x10xf32>
  %dlogp = graph.multiply %dpicked, %hot : tensor<128x10xf32>
  %ndlogp = graph.negative %dlogp : tensor<128x10xf32>
  %dl = graph.sum %ndlogp {axes = array<i64: 1>, keepdims} : (tensor<128x10xf32>) -> tensor<128x1xf32>
  %ds = graph.divide %dl, %s : tensor<128x1xf32>
  %de = graph.broadcast_to %ds : (tensor<128x1xf32>) -> tensor<128x10xf32>
  %dz1 = graph.multiply %de, %e : tensor<128x10xf32>
  %dz = graph.add_n %dlogp, %dz1 : tensor<128x10xf32>
  %ndz = graph.negative %dz : tensor<128x10xf32>
  %dm = graph.sum %ndz {axes = array<i64: 1>, keepdims} : (tensor<128x10xf32>) -> tensor<128x1xf32>
  %zero = graph.fill {value = 0.0 : f32} : tensor<f32>
  %ones = graph.fill {value = 1.0 : f32} : tensor<f32>
  %below = graph.greater %m, %x : (tensor<128x1xf32>, tensor<128x10xf32>) -> tensor<128x10xi1>
  %ties = graph.where %below, %zero, %ones : (tensor<128x10xi1>, tensor<f32>, tensor<f32>) -> tensor<128x10xf32>
  %count = graph.sum %ties {axes = array<i64: 1>, keepdims} : (tensor<128x10xf32>) -> tensor<128x1xf32>
  %share = graph.divide %dm, %count : tensor<128x1xf32>
  %dmx = graph.where %below, %zero, %share : (tensor<128x10xi1>, tensor<f32>, tensor<128x1xf32>) -> tensor<128x10xf32>
  %dx = graph.add_n %dz, %dmx : tensor<128x10xf32>
  func.return %loss, %dx : tensor<f32>, tensor<128x10xf32>
}
