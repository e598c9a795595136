// Random numbers fuse with what uses them, also behind a product, whose vectors are as long as without them.
// RUN: pullback-opt %s -p form-kernels{vector-bits=512} --no-locations | filecheck %s

func.func @main(%seed: tensor<2xi64>, %x: tensor<128x512xf32>, %w: tensor<512x256xf32>) -> tensor<128x256xf32> {
  %u = graph.random_uniform %seed : (tensor<2xi64>) -> tensor<128x256xf32>
  %p = graph.matmul %x, %w : (tensor<128x512xf32>, tensor<512x256xf32>) -> tensor<128x256xf32>
  %y = graph.multiply %p, %u : tensor<128x256xf32>
  func.return %y : tensor<128x256xf32>
}

// CHECK:      %y = graph.kernel %seed, %x, %w schedule<kind = matmul, parallel = [128, 256], reduce = [512], cpu = {vector = 16,
// CHECK-NEXT: ^bb0
// CHECK-NEXT: graph.random_uniform
// CHECK-NEXT: graph.matmul
// CHECK-NEXT: graph.multiply
// CHECK-NEXT: graph.yield
