// A path that goes on only through what a loop carries ends there: by its start, or by what earlier trips made of it.
// RUN: not pullback-opt %s -p generate-gradients --split-input-file 2>&1 | filecheck %s

// CHECK: carried.mlir:15:{{[0-9]+}}: error: no gradient with respect to 'x' inside loop 'n': a path goes on only through 't' (loop variable 1)
func.func @start(%x: tensor<f32>) -> tensor<f32> {
  %q = graph.multiply %x, %x : tensor<f32>
  %zero = graph.constant dense<0> : tensor<i32>
  %n, %s = graph.while %zero, %q : tensor<i32>, tensor<f32> {
  ^bb0(%i: tensor<i32>, %t: tensor<f32>):
    %on = graph.less %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %t: tensor<f32>):
    %y = graph.multiply %t, %t : tensor<f32>
    %dx = graph.gradients of (%y) wrt (%x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    graph.yield %i, %dx : tensor<i32>, tensor<f32>
  }
  func.return %s : tensor<f32>
}

// -----

// CHECK: carried.mlir:34:{{[0-9]+}}: error: no gradient with respect to 'x' inside loop 'n': a path goes on only through 't' (loop variable 1)
func.func @trips(%x: tensor<f32>) -> tensor<f32> {
  %zero = graph.constant dense<0> : tensor<i32>
  %none = graph.constant dense<1.0> : tensor<f32>
  %n, %s = graph.while %zero, %none : tensor<i32>, tensor<f32> {
  ^bb0(%i: tensor<i32>, %t: tensor<f32>):
    %on = graph.less %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %t: tensor<f32>):
    %y = graph.multiply %t, %x : tensor<f32>
    %dx = graph.gradients of (%y) wrt (%x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %t1 = graph.multiply %t, %x : tensor<f32>
    graph.yield %i, %t1 : tensor<i32>, tensor<f32>
  }
  func.return %s : tensor<f32>
}
