// Sums of exponentials have two accumulators, and four in the parts of a long loop; one where a step
// has many of them side by side.
// RUN: pullback-opt %s -p 'plan-memory,lower-to-loops{vector-bits=256},verify-level{level=loops}' --no-locations | filecheck %s

func.func @main(%x: tensor<100xf64>, %z: tensor<4096xf64>) -> (tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>) {
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
  %c = graph.kernel %z schedule<kind = rows, parallel = [], reduce = [4096], cpu = {split = 8}> : (tensor<4096xf64>) -> tensor<f64> {
  ^bb0(%0: tensor<4096xf64>):
    %f0 = graph.exp %0 : tensor<4096xf64>
    %f1 = graph.log %0 : tensor<4096xf64>
    %f2 = graph.sin %0 : tensor<4096xf64>
    %f3 = graph.cos %0 : tensor<4096xf64>
    %f4 = graph.tanh %0 : tensor<4096xf64>
    %f5 = graph.erf %0 : tensor<4096xf64>
    %f6 = graph.expm1 %0 : tensor<4096xf64>
    %f7 = graph.log1p %0 : tensor<4096xf64>
    %f8 = graph.sigmoid %0 : tensor<4096xf64>
    %a1 = graph.add %f0, %f1 : tensor<4096xf64>
    %a2 = graph.add %a1, %f2 : tensor<4096xf64>
    %a3 = graph.add %a2, %f3 : tensor<4096xf64>
    %a4 = graph.add %a3, %f4 : tensor<4096xf64>
    %a5 = graph.add %a4, %f5 : tensor<4096xf64>
    %a6 = graph.add %a5, %f6 : tensor<4096xf64>
    %a7 = graph.add %a6, %f7 : tensor<4096xf64>
    %a8 = graph.add %a7, %f8 : tensor<4096xf64>
    %2 = graph.sum %a8 {axes = array<i64: 0>} : (tensor<4096xf64>) -> tensor<f64>
    graph.yield %2 : tensor<f64>
  }
  %d = graph.kernel %z schedule<kind = rows, parallel = [], reduce = [4096], cpu = {split = 8}> : (tensor<4096xf64>) -> tensor<f64> {
  ^bb0(%0: tensor<4096xf64>):
    %e0 = graph.sin %0 : tensor<4096xf64>
    %e1 = graph.sin %e0 : tensor<4096xf64>
    %e2 = graph.sin %e1 : tensor<4096xf64>
    %e3 = graph.sin %e2 : tensor<4096xf64>
    %e4 = graph.sin %e3 : tensor<4096xf64>
    %e5 = graph.sin %e4 : tensor<4096xf64>
    %e6 = graph.sin %e5 : tensor<4096xf64>
    %e7 = graph.sin %e6 : tensor<4096xf64>
    %e8 = graph.sin %e7 : tensor<4096xf64>
    %2 = graph.sum %e8 {axes = array<i64: 0>} : (tensor<4096xf64>) -> tensor<f64>
    graph.yield %2 : tensor<f64>
  }
  func.return %a, %b, %c, %d : tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>
}

// CHECK:      func.func private @main_kernel_0
// CHECK:      scf.for %column = {{.*}} -> (vector<4xf64>, vector<4xf64>) {
// CHECK:      func.func private @main_kernel_1
// CHECK:      scf.parallel (%part)
// CHECK:      scf.for %column = {{.*}} -> (vector<4xf64>, vector<4xf64>, vector<4xf64>, vector<4xf64>) {
// CHECK:      func.func private @main_kernel_2
// CHECK:      scf.parallel (%part)
// CHECK:      scf.for %column = {{.*}} -> (vector<4xf64>) {
// CHECK:      func.func private @main_kernel_3
// CHECK:      scf.parallel (%part)
// CHECK:      scf.for %column = {{.*}} -> (vector<4xf64>, vector<4xf64>, vector<4xf64>, vector<4xf64>) {
