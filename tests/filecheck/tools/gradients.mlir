// Named pipelines, across a pipe and in one run; an op without a rule has a place.
// RUN: pullback-opt %s -p gradients,finish -o %t && pullback-opt %s -p gradients | pullback-opt -p finish | diff %t -
// RUN: pullback-run %t --input x=[1,2] --values | filecheck %s --check-prefix VALUE
// RUN: pullback-run %s -p gradients,finish --input x=[1,2] --values | filecheck %s --check-prefix VALUE
// RUN: not pullback-opt %s -p finish 2>&1 | filecheck %s --check-prefix EARLY

func.func @main(%x: tensor<2xf64>) -> tensor<2xf64> {
  %y = graph.multiply %x, %x : tensor<2xf64> loc("layer/square")
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>
  func.return %dx : tensor<2xf64>
}

// VALUE: = [2.0, 4.0]

// EARLY: gradients.mlir:9:3: error: 'graph.gradients' has no place at level 'graph' (finished graph)
// EARLY: note: in pass 'verify-level{level=graph}'
