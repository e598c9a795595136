// A request inside of a body goes on through the blocks around it; not through what the loop carries.
// RUN: pullback-run %s -p gradients,finish --target numpy --input x=5 --values | filecheck %s --check-prefix=VALUES
// RUN: pullback-run %s -p gradients,finish --target cpu --input x=5 --values | filecheck %s --check-prefix=VALUES
// RUN: pullback-opt %s -p generate-gradients --no-locations | filecheck %s

// VALUES: s = 175.0

// CHECK: %q = graph.multiply %x, %x
// CHECK: do {
// CHECK: %y = graph.multiply %x, %q
// CHECK: graph.backward
// CHECK: graph.sum_gradients
// CHECK: graph.yield
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %q = graph.multiply %x, %x : tensor<f32>
  %zero = graph.constant dense<0> : tensor<i32>
  %one = graph.constant dense<1> : tensor<i32>
  %two = graph.constant dense<2> : tensor<i32>
  %n, %s = graph.while %zero, %q : tensor<i32>, tensor<f32> {
  ^bb0(%i: tensor<i32>, %t: tensor<f32>):
    %on = graph.less %i, %two : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %t: tensor<f32>):
    %i1 = graph.add %i, %one : tensor<i32>
    %y = graph.multiply %x, %q : tensor<f32>
    %dx = graph.gradients of (%y) wrt (%x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %t1 = graph.add %t, %dx : tensor<f32>
    graph.yield %i1, %t1 : tensor<i32>, tensor<f32>
  }
  func.return %s : tensor<f32>
}
