// A chain of tanh, forward and gradient, is one pointwise kernel that stores no value in between.
// RUN: pullback-opt %s -p gradients,finish,form-kernels{vector-bits=256},verify-level{level=kernels} --no-locations | filecheck %s

// CHECK:     %y3, %dx = graph.kernel %x schedule<kind = pointwise, parallel = [1000], cpu = {vector = 8, unroll = 4}> : (tensor<1000xf32>) -> (tensor<1000xf32>, tensor<1000xf32>) {
// CHECK-NOT: graph.kernel
// CHECK:     func.return %y3, %dx
func.func @main(%x: tensor<1000xf32>) -> (tensor<1000xf32>, tensor<1000xf32>) {
  %y1 = graph.tanh %x : tensor<1000xf32>
  %y2 = graph.tanh %y1 : tensor<1000xf32>
  %y3 = graph.tanh %y2 : tensor<1000xf32>
  %dx = graph.gradients of (%y3) wrt (%x) : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
  func.return %y3, %dx : tensor<1000xf32>, tensor<1000xf32>
}
