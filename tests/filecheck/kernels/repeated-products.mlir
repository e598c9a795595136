// A product of two tensors that its reader has anyway is computed there, not stored beside them.
// RUN: pullback-opt %s -p form-kernels --no-locations | filecheck %s

func.func @softmax_gradient(%g: tensor<32x8xf32>, %v: tensor<48x8xf32>, %p: tensor<32x48xf32>) -> tensor<32x48xf32> {
  %d = graph.matmul %g, %v {transpose_b} : (tensor<32x8xf32>, tensor<48x8xf32>) -> tensor<32x48xf32>
  %m = graph.multiply %d, %p : tensor<32x48xf32>
  %s = graph.sum %m {axes = array<i64: 1>, keepdims} : (tensor<32x48xf32>) -> tensor<32x1xf32>
  %c = graph.subtract %d, %s : (tensor<32x48xf32>, tensor<32x1xf32>) -> tensor<32x48xf32>
  %r = graph.multiply %c, %p : tensor<32x48xf32>
  func.return %r : tensor<32x48xf32>
}
// CHECK-LABEL: func.func @softmax_gradient(
// CHECK-NEXT: %[[D:.*]] = graph.kernel %g, %v schedule<kind = matmul,
// CHECK: graph.yield %{{.*}} : tensor<32x48xf32>
// CHECK: graph.kernel %[[D]], %p schedule<kind = rows,
// CHECK: graph.multiply
// CHECK-NEXT: graph.sum
// CHECK-NEXT: graph.subtract
// CHECK-NEXT: graph.multiply
// CHECK-NEXT: graph.yield
