// Products of rows of a sequence come before a loop, products that are summed up behind it.
// RUN: pullback-opt %s -p batch-products --no-locations | filecheck %s

func.func @rows(%xs: tensor<6x2x3xf32>, %w: tensor<4x3xf32>, %h: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %end, %last = graph.while %zero, %h : tensor<i32>, tensor<2x4xf32> {
  ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
    %six = graph.fill {value = 6 : i32} : tensor<i32>
    %on = graph.less %i, %six : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
    %x = graph.gather %xs, %i : (tensor<6x2x3xf32>, tensor<i32>) -> tensor<2x3xf32>
    %y = graph.matmul %x, %w {transpose_b} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
    %b = graph.add %a, %y : tensor<2x4xf32>
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %next = graph.add %i, %one : tensor<i32>
    graph.yield %next, %b : tensor<i32>, tensor<2x4xf32>
  }
  func.return %last : tensor<2x4xf32>
}
// CHECK-LABEL: func.func @rows(
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %0 = graph.reshape %xs : (tensor<6x2x3xf32>) -> tensor<12x3xf32>
// CHECK-NEXT: %1 = graph.matmul %0, %w {transpose_b} : (tensor<12x3xf32>, tensor<4x3xf32>) -> tensor<12x4xf32>
// CHECK-NEXT: %2 = graph.reshape %1 : (tensor<12x4xf32>) -> tensor<6x2x4xf32>
// CHECK-NEXT: %end, %last = graph.while %zero, %h : tensor<i32>, tensor<2x4xf32> {
// CHECK-NEXT: ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
// CHECK-NEXT: %six = graph.fill {value = 6 : i32} : tensor<i32>
// CHECK-NEXT: %on = graph.less %i, %six : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %on : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<i32>, %a_1: tensor<2x4xf32>):
// CHECK-NEXT: %3 = graph.gather %2, %i_1 : (tensor<6x2x4xf32>, tensor<i32>) -> tensor<2x4xf32>
// CHECK-NEXT: %b = graph.add %a_1, %3 : tensor<2x4xf32>
// CHECK-NEXT: %one = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %next = graph.add %i_1, %one : tensor<i32>
// CHECK-NEXT: graph.yield %next, %b : tensor<i32>, tensor<2x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return %last : tensor<2x4xf32>
// CHECK-NEXT: }

// Five of six rows are read: to multiply all would be more work.
func.func @fewer_rows(%xs: tensor<6x2x3xf32>, %w: tensor<3x4xf32>, %h: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %end, %last = graph.while %zero, %h : tensor<i32>, tensor<2x4xf32> {
  ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
    %five = graph.fill {value = 5 : i32} : tensor<i32>
    %on = graph.less %i, %five : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
    %x = graph.gather %xs, %i : (tensor<6x2x3xf32>, tensor<i32>) -> tensor<2x3xf32>
    %y = graph.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
    %b = graph.add %a, %y : tensor<2x4xf32>
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %next = graph.add %i, %one : tensor<i32>
    graph.yield %next, %b : tensor<i32>, tensor<2x4xf32>
  }
  func.return %last : tensor<2x4xf32>
}
// CHECK-LABEL: func.func @fewer_rows(
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %end, %last = graph.while %zero, %h : tensor<i32>, tensor<2x4xf32> {
// CHECK-NEXT: ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
// CHECK-NEXT: %five = graph.fill {value = 5 : i32} : tensor<i32>
// CHECK-NEXT: %on = graph.less %i, %five : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %on : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<i32>, %a_1: tensor<2x4xf32>):
// CHECK-NEXT: %x = graph.gather %xs, %i_1 : (tensor<6x2x3xf32>, tensor<i32>) -> tensor<2x3xf32>
// CHECK-NEXT: %y = graph.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: %b = graph.add %a_1, %y : tensor<2x4xf32>
// CHECK-NEXT: %one = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %next = graph.add %i_1, %one : tensor<i32>
// CHECK-NEXT: graph.yield %next, %b : tensor<i32>, tensor<2x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return %last : tensor<2x4xf32>
// CHECK-NEXT: }

// Of the factors one is a sequence whose rows are read in order, the other one is kept.
func.func @sum(%xs: tensor<6x2x3xf32>, %h: tensor<2x4xf32>, %s: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %end, %last, %sum = graph.while %zero, %h, %s : tensor<i32>, tensor<2x4xf32>, tensor<3x4xf32> {
  ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>, %t: tensor<3x4xf32>):
    %six = graph.fill {value = 6 : i32} : tensor<i32>
    %on = graph.less %i, %six : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>, %t: tensor<3x4xf32>):
    %x = graph.gather %xs, %i : (tensor<6x2x3xf32>, tensor<i32>) -> tensor<2x3xf32>
    %b = graph.tanh %a : tensor<2x4xf32>
    %p = graph.matmul %x, %b {transpose_a} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
    %u = graph.add %t, %p : tensor<3x4xf32>
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %next = graph.add %i, %one : tensor<i32>
    graph.yield %next, %b, %u : tensor<i32>, tensor<2x4xf32>, tensor<3x4xf32>
  }
  func.return %sum : tensor<3x4xf32>
}
// CHECK-LABEL: func.func @sum(
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %0 = graph.fill {value = 0.000000e+00 : f32} : tensor<6x2x4xf32>
// CHECK-NEXT: %end, %last, %1 = graph.while %zero, %h, %0 : tensor<i32>, tensor<2x4xf32>, tensor<6x2x4xf32> {
// CHECK-NEXT: ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>, %2: tensor<6x2x4xf32>):
// CHECK-NEXT: %six = graph.fill {value = 6 : i32} : tensor<i32>
// CHECK-NEXT: %on = graph.less %i, %six : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %on : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<i32>, %a_1: tensor<2x4xf32>, %3: tensor<6x2x4xf32>):
// CHECK-NEXT: %b = graph.tanh %a_1 : tensor<2x4xf32>
// CHECK-NEXT: %one = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %next = graph.add %i_1, %one : tensor<i32>
// CHECK-NEXT: %4 = graph.reshape %b : (tensor<2x4xf32>) -> tensor<1x2x4xf32>
// CHECK-NEXT: %5 = graph.reshape %i_1 : (tensor<i32>) -> tensor<1xi32>
// CHECK-NEXT: %6 = graph.make_slices %4, %5 : (tensor<1x2x4xf32>, tensor<1xi32>) -> !graph.slices<tensor<1x2x4xf32>, tensor<1xi32>, tensor<6x2x4xf32>>
// CHECK-NEXT: %7 = graph.replace_rows %3, %6 : (tensor<6x2x4xf32>, !graph.slices<tensor<1x2x4xf32>, tensor<1xi32>, tensor<6x2x4xf32>>) -> tensor<6x2x4xf32>
// CHECK-NEXT: graph.yield %next, %b, %7 : tensor<i32>, tensor<2x4xf32>, tensor<6x2x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %8 = graph.reshape %xs : (tensor<6x2x3xf32>) -> tensor<12x3xf32>
// CHECK-NEXT: %9 = graph.reshape %1 : (tensor<6x2x4xf32>) -> tensor<12x4xf32>
// CHECK-NEXT: %10 = graph.matmul %8, %9 {transpose_a} : (tensor<12x3xf32>, tensor<12x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: %11 = graph.add %s, %10 : tensor<3x4xf32>
// CHECK-NEXT: func.return %11 : tensor<3x4xf32>
// CHECK-NEXT: }
