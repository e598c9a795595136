// In a square, a sum over the columns may be written where a value of each column is meant: refused, not read askew.
// RUN: not pullback-opt %s -p plan-memory,lower-to-loops{vector-bits=256} 2>&1 | filecheck %s
// RUN: not pullback-opt %s -p plan-memory,lower-to-gpu 2>&1 | filecheck %s
// RUN: not pullback-opt %s -p verify-level{level=kernels} 2>&1 | filecheck %s

func.func @main(%x: tensor<3x3xf32>) -> tensor<3x3xf32> {
  %r = graph.kernel %x schedule<kind = rows, parallel = [3], reduce = [3]> : tensor<3x3xf32> {
  ^bb0(%a: tensor<3x3xf32>):
    %s = graph.sum %a {axes = array<i64: 1>} : (tensor<3x3xf32>) -> tensor<3xf32>
    %y = graph.multiply %a, %s : (tensor<3x3xf32>, tensor<3xf32>) -> tensor<3x3xf32>
    graph.yield %y : tensor<3x3xf32>
  }
  func.return %r : tensor<3x3xf32>
}
// CHECK: crossed.mlir:{{[0-9]+}}:{{[0-9]+}}: error: 'graph.sum' is reduced along the loop that its result runs along
