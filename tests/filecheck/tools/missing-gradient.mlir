// RUN: pullback-opt %s --allow-unregistered-dialect --verify-diagnostics -p gradients

func.func @main(%x: tensor<2xf64>) -> tensor<2xf64> {
  // expected-error@+1 {{No gradient defined for operation 'y'}}
  %y = "other.op"(%x) : (tensor<2xf64>) -> tensor<2xf64>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>
  func.return %dx : tensor<2xf64>
}
