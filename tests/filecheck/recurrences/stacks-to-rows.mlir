// What one loop pushes and another one pops becomes a tensor with a row for each trip.
// RUN: pullback-opt %s -p stacks-to-rows --no-locations | filecheck %s

func.func @both(%x: tensor<2xf32>) -> tensor<2xf32> {
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %none = graph.empty_stack : !graph.stack<tensor<2xf32>>
  %end, %y, %stack = graph.while %zero, %x, %none : tensor<i32>, tensor<2xf32>, !graph.stack<tensor<2xf32>> {
  ^bb0(%i: tensor<i32>, %a: tensor<2xf32>, %s: !graph.stack<tensor<2xf32>>):
    %six = graph.fill {value = 6 : i32} : tensor<i32>
    %on = graph.less %i, %six : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<2xf32>, %s: !graph.stack<tensor<2xf32>>):
    %b = graph.sin %a : tensor<2xf32>
    %t = graph.push %s, %a : (!graph.stack<tensor<2xf32>>, tensor<2xf32>) -> !graph.stack<tensor<2xf32>>
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %next = graph.add %i, %one : tensor<i32>
    graph.yield %next, %b, %t : tensor<i32>, tensor<2xf32>, !graph.stack<tensor<2xf32>>
  }
  %five = graph.fill {value = 5 : i32} : tensor<i32>
  %last, %g, %left = graph.while %five, %y, %stack : tensor<i32>, tensor<2xf32>, !graph.stack<tensor<2xf32>> {
  ^bb0(%j: tensor<i32>, %h: tensor<2xf32>, %s: !graph.stack<tensor<2xf32>>):
    %nought = graph.fill {value = 0 : i32} : tensor<i32>
    %on = graph.greater_equal %j, %nought : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%j: tensor<i32>, %h: tensor<2xf32>, %s: !graph.stack<tensor<2xf32>>):
    %t, %a = graph.pop %s : (!graph.stack<tensor<2xf32>>) -> (!graph.stack<tensor<2xf32>>, tensor<2xf32>)
    %c = graph.cos %a : tensor<2xf32>
    %d = graph.multiply %h, %c : tensor<2xf32>
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %before = graph.subtract %j, %one : tensor<i32>
    graph.yield %before, %d, %t : tensor<i32>, tensor<2xf32>, !graph.stack<tensor<2xf32>>
  }
  func.return %g : tensor<2xf32>
}
// CHECK-LABEL: func.func @both(
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %0 = graph.fill {value = 0.000000e+00 : f32} : tensor<6x2xf32>
// CHECK-NEXT: %end, %y, %1 = graph.while %zero, %x, %0 : tensor<i32>, tensor<2xf32>, tensor<6x2xf32> {
// CHECK-NEXT: ^bb0(%i: tensor<i32>, %a: tensor<2xf32>, %2: tensor<6x2xf32>):
// CHECK-NEXT: %six = graph.fill {value = 6 : i32} : tensor<i32>
// CHECK-NEXT: %on = graph.less %i, %six : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %on : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<i32>, %a_1: tensor<2xf32>, %3: tensor<6x2xf32>):
// CHECK-NEXT: %b = graph.sin %a_1 : tensor<2xf32>
// CHECK-NEXT: %one = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %next = graph.add %i_1, %one : tensor<i32>
// CHECK-NEXT: %4 = graph.reshape %a_1 : (tensor<2xf32>) -> tensor<1x2xf32>
// CHECK-NEXT: %5 = graph.reshape %i_1 : (tensor<i32>) -> tensor<1xi32>
// CHECK-NEXT: %6 = graph.make_slices %4, %5 : (tensor<1x2xf32>, tensor<1xi32>) -> !graph.slices<tensor<1x2xf32>, tensor<1xi32>, tensor<6x2xf32>>
// CHECK-NEXT: %7 = graph.replace_rows %3, %6 : (tensor<6x2xf32>, !graph.slices<tensor<1x2xf32>, tensor<1xi32>, tensor<6x2xf32>>) -> tensor<6x2xf32>
// CHECK-NEXT: graph.yield %next, %b, %7 : tensor<i32>, tensor<2xf32>, tensor<6x2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %five = graph.fill {value = 5 : i32} : tensor<i32>
// CHECK-NEXT: %last, %g = graph.while %five, %y : tensor<i32>, tensor<2xf32> {
// CHECK-NEXT: ^bb0(%j: tensor<i32>, %h: tensor<2xf32>):
// CHECK-NEXT: %nought = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %on_1 = graph.greater_equal %j, %nought : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %on_1 : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%j_1: tensor<i32>, %h_1: tensor<2xf32>):
// CHECK-NEXT: %8 = graph.gather %1, %j_1 : (tensor<6x2xf32>, tensor<i32>) -> tensor<2xf32>
// CHECK-NEXT: %c = graph.cos %8 : tensor<2xf32>
// CHECK-NEXT: %d = graph.multiply %h_1, %c : tensor<2xf32>
// CHECK-NEXT: %one_1 = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %before = graph.subtract %j_1, %one_1 : tensor<i32>
// CHECK-NEXT: graph.yield %before, %d : tensor<i32>, tensor<2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return %g : tensor<2xf32>
// CHECK-NEXT: }
