// Sums of exponentials have two accumulators, and four in the parts of a long loop.
// RUN: pullback-opt %s -p 'plan-memory,lower-to-loops{vector-bits=256},verify-level{level=loops}' --no-locations | filecheck %s

func.func @main(%x: tensor<100xf64>, %z: tensor<4096xf64>) -> (tensor<f64>, tensor<f64>) {
  %a = graph.kernel %x schedule<kind = rows, parallel = [], reduce = [100]> : (tensor<100xf64>) -> tensor<f64> {
  ^bb0(%0: tensor<100xf64>):
    %1 = graph.exp %0 : tensor<100xf64>
    %2 = graph.sum %1 {axes = array<i64: 0>} : (tensor<100xf64>) -> tensor<f64>
    graph.yield %2 : tensor<f64>
  }
  %b = graph.kernel %z schedule<kind = rows, parallel = [], reduce = [4096], cpu = {split = 8}> : (tensor<4096xf64>) -> tensor<f64> {
  ^bb0(%0: tensor<4096xf64>):
    %1 = graph.exp %0 : tensor<4096xf64>
    %2 = graph.sum %1 {axes = array<i64: 0>} : (tensor<4096xf64>) -> tensor<f64>
    graph.yield %2 : tensor<f64>
  }
  func.return %a, %b : tensor<f64>, tensor<f64>
}

// CHECK:      func.func private @main_kernel_0
// CHECK:      scf.for %column = {{.*}} -> (vector<4xf64>, vector<4xf64>) {
// CHECK:      func.func private @main_kernel_1
// CHECK:      scf.parallel (%part)
// CHECK:      scf.for %column = {{.*}} -> (vector<4xf64>, vector<4xf64>, vector<4xf64>, vector<4xf64>) {
