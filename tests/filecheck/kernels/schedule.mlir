// A schedule in custom and in generic form: what another target tunes is kept, lists that are empty are not written.
// RUN: pullback-opt %s | filecheck %s
// RUN: pullback-opt %s --print-op-generic | pullback-opt | filecheck %s
// RUN: pullback-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC
// RUN: pullback-opt %s -p 'verify-level{level=kernels},kernels' | filecheck %s

// CHECK:   %y = graph.kernel %x schedule<kind = pointwise, parallel = [8], cpu = {vector = 8, unroll = 2}, gpu = {threads = 64}>
// GENERIC: <{schedule = #graph.schedule<kind = pointwise, parallel = [8], cpu = {vector = 8, unroll = 2}, gpu = {threads = 64}>}>
// CHECK:   %z = graph.kernel %y schedule<kind = rows, parallel = [], reduce = [8]>
func.func @main(%x: tensor<8xf32>) -> tensor<f32> {
  %y = graph.kernel %x schedule<gpu = {threads = 64}, cpu = {unroll = 2, vector = 8}, reduce = [], parallel = [8], kind = pointwise> : tensor<8xf32> {
  ^bb0(%0: tensor<8xf32>):
    %1 = graph.tanh %0 : tensor<8xf32>
    graph.yield %1 : tensor<8xf32>
  }
  %z = graph.kernel %y schedule<kind = rows, reduce = [8], cpu = {tile = []}, gpu = {}> : (tensor<8xf32>) -> tensor<f32> {
  ^bb0(%0: tensor<8xf32>):
    %1 = graph.sum %0 {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    graph.yield %1 : tensor<f32>
  }
  func.return %z : tensor<f32>
}
