// Another block, shorter vectors, another place in the arena: the same values, natively.
// RUN: pullback-opt %s -p 'verify-level{level=kernels},loops' | filecheck %s
// RUN: pullback-run %s --target cpu --input 'x=[[1, 2], [3, 4], [5, 6]]' --input 'v=[[1, 0, 2], [0, 1, 3]]' --values | filecheck %s --check-prefix=VALUES
// RUN: pullback-run %s --target numpy --input 'x=[[1, 2], [3, 4], [5, 6]]' --input 'v=[[1, 0, 2], [0, 1, 3]]' --values | filecheck %s --check-prefix=VALUES

// CHECK-LABEL: func.func private @main_kernel_0
// CHECK: vector<2xf32>
// CHECK-LABEL: func.func private @main_kernel_1
// CHECK: vector<4xf32>
// VALUES: y = [[2.0, 3.0, 9.0], [4.0, 5.0, 19.0], [6.0, 7.0, 29.0]]
// VALUES: s = [14.0, 28.0, 42.0]
func.func @main(%x: tensor<3x2xf32>, %v: tensor<2x3xf32>) -> (tensor<3x3xf32>, tensor<3xf32>) attributes {graph.arena = 256 : i64} {
  %p = graph.kernel %x, %v schedule<kind = matmul, parallel = [3, 3], reduce = [2], cpu = {vector = 2, unroll = 2, tile = [2, 2]}> {memory = [#graph.buffer<arena, 128>]} : (tensor<3x2xf32>, tensor<2x3xf32>) -> tensor<3x3xf32> {
  ^bb0(%x_1: tensor<3x2xf32>, %v_1: tensor<2x3xf32>):
    %0 = graph.matmul %x_1, %v_1 : (tensor<3x2xf32>, tensor<2x3xf32>) -> tensor<3x3xf32>
    graph.yield %0 : tensor<3x3xf32>
  }
  %y, %s = graph.kernel %p schedule<kind = rows, parallel = [3], reduce = [3], cpu = {vector = 8, unroll = 2}> {memory = [#graph.buffer<output, 0>, #graph.buffer<output, 1>]} : (tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<3xf32>) {
  ^bb0(%p_1: tensor<3x3xf32>):
    %1 = graph.fill {value = 1.0 : f32} : tensor<f32>
    %2 = graph.add %p_1, %1 : (tensor<3x3xf32>, tensor<f32>) -> tensor<3x3xf32>
    %3 = graph.sum %2 {axes = array<i64: 1>} : (tensor<3x3xf32>) -> tensor<3xf32>
    graph.yield %2, %3 : tensor<3x3xf32>, tensor<3xf32>
  }
  func.return %y, %s : tensor<3x3xf32>, tensor<3xf32>
}
