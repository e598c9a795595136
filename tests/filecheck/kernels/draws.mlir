// Random numbers fuse with elementwise operations alone, and not with products and sums; seeds do not narrow vectors.
// RUN: pullback-opt %s -p form-kernels{vector-bits=512} --no-locations | filecheck %s

func.func @main(%seed: tensor<2xi64>, %x: tensor<128x512xf32>, %w: tensor<512x256xf32>) -> (tensor<128x256xf32>, tensor<64xf32>, tensor<f32>) {
  %u = graph.random_uniform %seed : (tensor<2xi64>) -> tensor<128x256xf32>
  %p = graph.matmul %x, %w : (tensor<128x512xf32>, tensor<512x256xf32>) -> tensor<128x256xf32>
  %h = graph.multiply %p, %u : tensor<128x256xf32>
  %y = graph.relu %h : tensor<128x256xf32>
  %v = graph.random_normal %seed : (tensor<2xi64>) -> tensor<64xf32>
  %z = graph.negative %v : tensor<64xf32>
  %s = graph.sum %v {axes = array<i64: 0>} : (tensor<64xf32>) -> tensor<f32>
  func.return %y, %z, %s : tensor<128x256xf32>, tensor<64xf32>, tensor<f32>
}

// CHECK:      %u = graph.kernel %seed schedule<kind = pointwise, parallel = [128, 256], cpu = {vector = 16,
// CHECK-NEXT: ^bb0
// CHECK-NEXT: graph.random_uniform
// CHECK-NEXT: graph.yield
// CHECK:      %y = graph.kernel %x, %w, %u schedule<kind = matmul
// CHECK:      graph.multiply
// CHECK:      %v, %z = graph.kernel %seed schedule<kind = pointwise, parallel = [64], cpu = {vector = 16,
// CHECK-NEXT: ^bb0
// CHECK-NEXT: graph.random_normal
// CHECK-NEXT: graph.negative
// CHECK:      graph.kernel %v schedule<kind = rows
