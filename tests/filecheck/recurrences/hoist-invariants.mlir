// What every trip would compute alike is computed before the loop; constants and views stay.
// RUN: pullback-opt %s -p hoist-invariants --no-locations | filecheck %s

func.func @invariant(%w: tensor<4x4xf32>, %x: tensor<2x4xf32>, %n: tensor<i32>) -> tensor<2x4xf32> {
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %end, %last = graph.while %zero, %x : tensor<i32>, tensor<2x4xf32> {
  ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
    %two = graph.fill {value = 2 : i32} : tensor<i32>
    %m = graph.multiply %n, %two : tensor<i32>
    %on = graph.less %i, %m : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
    %t = graph.transpose %w {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %e = graph.exp %t : tensor<4x4xf32>
    %f = graph.reshape %w : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %y = graph.matmul %a, %e : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
    %z = graph.matmul %y, %f : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
    %v = graph.matmul %z, %w {transpose_b} : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %next = graph.add %i, %one : tensor<i32>
    graph.yield %next, %v : tensor<i32>, tensor<2x4xf32>
  }
  func.return %last : tensor<2x4xf32>
}
// CHECK-LABEL: func.func @invariant(
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %two = graph.fill {value = 2 : i32} : tensor<i32>
// CHECK-NEXT: %m = graph.multiply %n, %two : tensor<i32>
// CHECK-NEXT: %t = graph.transpose %w {permutation = array<i64: 1, 0>} : tensor<4x4xf32>
// CHECK-NEXT: %e = graph.exp %t : tensor<4x4xf32>
// CHECK-NEXT: %0 = graph.transpose %w {permutation = array<i64: 1, 0>} : tensor<4x4xf32>
// CHECK-NEXT: %end, %last = graph.while %zero, %x : tensor<i32>, tensor<2x4xf32> {
// CHECK-NEXT: ^bb0(%i: tensor<i32>, %a: tensor<2x4xf32>):
// CHECK-NEXT: %on = graph.less %i, %m : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %on : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<i32>, %a_1: tensor<2x4xf32>):
// CHECK-NEXT: %f = graph.reshape %w : tensor<4x4xf32>
// CHECK-NEXT: %y = graph.matmul %a_1, %e : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: %z = graph.matmul %y, %f : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: %1 = graph.matmul %z, %0 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: %one = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %next = graph.add %i_1, %one : tensor<i32>
// CHECK-NEXT: graph.yield %next, %1 : tensor<i32>, tensor<2x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return %last : tensor<2x4xf32>
// CHECK-NEXT: }

// What is larger than what it is made of would be read in each trip instead of being computed.
func.func @larger(%c: tensor<1x4xf32>, %r: tensor<4x1xf32>, %x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %end, %last = graph.while %zero, %x : tensor<i32>, tensor<4x4xf32> {
  ^bb0(%i: tensor<i32>, %a: tensor<4x4xf32>):
    %nine = graph.fill {value = 9 : i32} : tensor<i32>
    %on = graph.less %i, %nine : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %on : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<4x4xf32>):
    %s = graph.add %c, %r : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
    %b = graph.multiply %a, %s : tensor<4x4xf32>
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %next = graph.add %i, %one : tensor<i32>
    graph.yield %next, %b : tensor<i32>, tensor<4x4xf32>
  }
  func.return %last : tensor<4x4xf32>
}
// CHECK-LABEL: func.func @larger(
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %end, %last = graph.while %zero, %x : tensor<i32>, tensor<4x4xf32> {
// CHECK-NEXT: ^bb0(%i: tensor<i32>, %a: tensor<4x4xf32>):
// CHECK-NEXT: %nine = graph.fill {value = 9 : i32} : tensor<i32>
// CHECK-NEXT: %on = graph.less %i, %nine : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %on : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<i32>, %a_1: tensor<4x4xf32>):
// CHECK-NEXT: %s = graph.add %c, %r : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
// CHECK-NEXT: %b = graph.multiply %a_1, %s : tensor<4x4xf32>
// CHECK-NEXT: %one = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %next = graph.add %i_1, %one : tensor<i32>
// CHECK-NEXT: graph.yield %next, %b : tensor<i32>, tensor<4x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return %last : tensor<4x4xf32>
// CHECK-NEXT: }
