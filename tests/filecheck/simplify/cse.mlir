// What is computed twice is computed once, and read twice only if it may have changed.
// RUN: pullback-opt %s -p cse --no-locations | filecheck %s

func.func @equal_operations(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.multiply %x, %y : tensor<4xf32>
  %b = graph.multiply %y, %x : tensor<4xf32>
  %c = graph.subtract %x, %y : tensor<4xf32>
  %d = graph.subtract %y, %x : tensor<4xf32>
  %e = graph.add_n %a, %b, %c, %d : tensor<4xf32>
  func.return %e : tensor<4xf32>
}
// CHECK-LABEL: func.func @equal_operations(
// CHECK-NEXT: %a = graph.multiply %x, %y : tensor<4xf32>
// CHECK-NEXT: %c = graph.subtract %x, %y : tensor<4xf32>
// CHECK-NEXT: %d = graph.subtract %y, %x : tensor<4xf32>
// CHECK-NEXT: %e = graph.add_n %a, %a, %c, %d : tensor<4xf32>
// CHECK-NEXT: func.return %e : tensor<4xf32>
// CHECK-NEXT: }

func.func @zeros_of_both_signs() -> (tensor<f32>, tensor<f32>, tensor<f64>) {
  %a = graph.fill {value = 0.0 : f32} : tensor<f32>
  %b = graph.fill {value = -0.0 : f32} : tensor<f32>
  %c = graph.fill {value = 0.0 : f64} : tensor<f64>
  func.return %a, %b, %c : tensor<f32>, tensor<f32>, tensor<f64>
}
// CHECK-LABEL: func.func @zeros_of_both_signs(
// CHECK-NEXT: %a = graph.fill {value = 0.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %b = graph.fill {value = -0.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %c = graph.fill {value = 0.000000e+00 : f64} : tensor<f64>
// CHECK-NEXT: func.return %a, %b, %c : tensor<f32>, tensor<f32>, tensor<f64>
// CHECK-NEXT: }

func.func @devices(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = graph.exp %x {device = "a"} : tensor<4xf32>
  %b = graph.exp %x {device = "b"} : tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @devices(
// CHECK-NEXT: %a = graph.exp %x {device = "a"} : tensor<4xf32>
// CHECK-NEXT: %b = graph.exp %x {device = "b"} : tensor<4xf32>
// CHECK-NEXT: func.return %a, %b : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// Types that are given, not inferred, tell operations apart.
func.func @casts(%x: tensor<4xf32>) -> (tensor<4xf64>, tensor<4xi32>) {
  %a = graph.cast %x : (tensor<4xf32>) -> tensor<4xf64>
  %b = graph.cast %x : (tensor<4xf32>) -> tensor<4xi32>
  func.return %a, %b : tensor<4xf64>, tensor<4xi32>
}
// CHECK-LABEL: func.func @casts(
// CHECK-NEXT: %a = graph.cast %x : (tensor<4xf32>) -> tensor<4xf64>
// CHECK-NEXT: %b = graph.cast %x : (tensor<4xf32>) -> tensor<4xi32>
// CHECK-NEXT: func.return %a, %b : tensor<4xf64>, tensor<4xi32>
// CHECK-NEXT: }

func.func @reads(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
  %again = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
  %other = graph.variable {variable = "v"} : !graph.ref<tensor<4xf32>>
  %a = graph.read %w : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
  %v = graph.read %other : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
  %b = graph.read %again : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
  graph.assign %again, %x : !graph.ref<tensor<4xf32>>, tensor<4xf32>
  %c = graph.read %w : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
  %u = graph.read %other : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
  %e = graph.add_n %a, %b, %c, %u, %v : tensor<4xf32>
  func.return %e : tensor<4xf32>
}
// CHECK-LABEL: func.func @reads(
// CHECK-NEXT: %w = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
// CHECK-NEXT: %other = graph.variable {variable = "v"} : !graph.ref<tensor<4xf32>>
// CHECK-NEXT: %a = graph.read %w : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
// CHECK-NEXT: %v = graph.read %other : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
// CHECK-NEXT: graph.assign %w, %x : !graph.ref<tensor<4xf32>>, tensor<4xf32>
// CHECK-NEXT: %c = graph.read %w : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
// CHECK-NEXT: %e = graph.add_n %a, %a, %c, %v, %v : tensor<4xf32>
// CHECK-NEXT: func.return %e : tensor<4xf32>
// CHECK-NEXT: }

// The body reads what the trip before assigned; a loop sees what was computed before it.
func.func @reads_in_a_loop(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<f32>>
  %a = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
  %t = graph.tanh %x : tensor<f32>
  %r = graph.while %a : tensor<f32> {
  ^bb0(%i: tensor<f32>):
    %b = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
    %c = graph.greater %b, %i : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<f32>):
    %b = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
    %u = graph.tanh %x : tensor<f32>
    %n = graph.add %i, %u : tensor<f32>
    graph.assign %w, %n : !graph.ref<tensor<f32>>, tensor<f32>
    %d = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
    %s = graph.add %b, %d : tensor<f32>
    graph.yield %s : tensor<f32>
  }
  %z = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
  func.return %r, %z : tensor<f32>, tensor<f32>
}
// CHECK-LABEL: func.func @reads_in_a_loop(
// CHECK-NEXT: %w = graph.variable {variable = "w"} : !graph.ref<tensor<f32>>
// CHECK-NEXT: %a = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
// CHECK-NEXT: %t = graph.tanh %x : tensor<f32>
// CHECK-NEXT: %r = graph.while %a : tensor<f32> {
// CHECK-NEXT: ^bb0(%i: tensor<f32>):
// CHECK-NEXT: %b = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
// CHECK-NEXT: %c = graph.greater %b, %i : (tensor<f32>, tensor<f32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %c : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<f32>):
// CHECK-NEXT: %b_1 = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
// CHECK-NEXT: %n = graph.add %i_1, %t : tensor<f32>
// CHECK-NEXT: graph.assign %w, %n : !graph.ref<tensor<f32>>, tensor<f32>
// CHECK-NEXT: %d = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
// CHECK-NEXT: %s = graph.add %b_1, %d : tensor<f32>
// CHECK-NEXT: graph.yield %s : tensor<f32>
// CHECK-NEXT: }
// CHECK-NEXT: %z = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
// CHECK-NEXT: func.return %r, %z : tensor<f32>, tensor<f32>
// CHECK-NEXT: }
