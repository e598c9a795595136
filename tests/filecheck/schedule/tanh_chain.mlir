// A chain of tanh, forward and gradient, is one pointwise kernel that stores no value in between.
// RUN: pullback-opt %s -p form-kernels{vector-bits=256},verify-level{level=kernels} --no-locations | filecheck %s

// CHECK:     %y3, %dx = graph.kernel %x schedule {kind = "pointwise", parallel = array<i64: 1000>, reduce = array<i64>, vector = 8 : i64, unroll = 4 : i64} : (tensor<1000xf32>) -> (tensor<1000xf32>, tensor<1000xf32>) {
// CHECK-NOT: graph.kernel
// CHECK:     func.return %y3, %dx
func.func @main(%x: tensor<1000xf32>) -> (tensor<1000xf32>, tensor<1000xf32>) {
  %y1 = graph.tanh %x : tensor<1000xf32>
  %y2 = graph.tanh %y1 : tensor<1000xf32>
  %y3 = graph.tanh %y2 : tensor<1000xf32>
  %seed = graph.fill {value = 1.0 : f32} : tensor<1000xf32>
  %one = graph.fill {value = 1.0 : f32} : tensor<f32>
  %s3 = graph.multiply %y3, %y3 : tensor<1000xf32>
  %d3 = graph.subtract %one, %s3 : (tensor<f32>, tensor<1000xf32>) -> tensor<1000xf32>
  %g3 = graph.multiply %seed, %d3 : tensor<1000xf32>
  %s2 = graph.multiply %y2, %y2 : tensor<1000xf32>
  %d2 = graph.subtract %one, %s2 : (tensor<f32>, tensor<1000xf32>) -> tensor<1000xf32>
  %g2 = graph.multiply %g3, %d2 : tensor<1000xf32>
  %s1 = graph.multiply %y1, %y1 : tensor<1000xf32>
  %d1 = graph.subtract %one, %s1 : (tensor<f32>, tensor<1000xf32>) -> tensor<1000xf32>
  %dx = graph.multiply %g2, %d1 : tensor<1000xf32>
  func.return %y3, %dx : tensor<1000xf32>, tensor<1000xf32>
}
