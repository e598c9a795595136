// Operations without uses are removed; those with effects stay, with all they need.
// RUN: pullback-opt %s -p dce --no-locations | filecheck %s

func.func @unused(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
  %r = graph.read %w : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
  %a = graph.exp %r : tensor<4xf32>
  %b = graph.exp %a : tensor<4xf32>
  func.return %x : tensor<4xf32>
}
// CHECK-LABEL: func.func @unused(
// CHECK-NEXT: func.return %x : tensor<4xf32>
// CHECK-NEXT: }

func.func @updates_stay(%x: tensor<4xf32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
  %a = graph.exp %x : tensor<4xf32>
  graph.assign %w, %a : !graph.ref<tensor<4xf32>>, tensor<4xf32>
  func.return
}
// CHECK-LABEL: func.func @updates_stay(
// CHECK-NEXT: %w = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
// CHECK-NEXT: %a = graph.exp %x : tensor<4xf32>
// CHECK-NEXT: graph.assign %w, %a : !graph.ref<tensor<4xf32>>, tensor<4xf32>
// CHECK-NEXT: func.return
// CHECK-NEXT: }

// What a gate waits for is needed.
func.func @gates_stay_whole(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.exp %x : tensor<4xf32>
  %b = graph.log %x : tensor<4xf32>
  %c, %d = graph.gate %a, %b : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  func.return %c : tensor<4xf32>
}
// CHECK-LABEL: func.func @gates_stay_whole(
// CHECK-NEXT: %a = graph.exp %x : tensor<4xf32>
// CHECK-NEXT: %b = graph.log %x : tensor<4xf32>
// CHECK-NEXT: %c, %d = graph.gate %a, %b : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
// CHECK-NEXT: func.return %c : tensor<4xf32>
// CHECK-NEXT: }

func.func @loop_without_effect(%i0: tensor<i32>) -> tensor<i32> {
  %r = graph.while %i0 : tensor<i32> {
  ^bb0(%i: tensor<i32>):
    %c = graph.greater %i, %i : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>):
    graph.yield %i : tensor<i32>
  }
  func.return %i0 : tensor<i32>
}
// CHECK-LABEL: func.func @loop_without_effect(
// CHECK-NEXT: func.return %i0 : tensor<i32>
// CHECK-NEXT: }

// Of the four carried values the condition needs %i, and the result %x needs %y; only %z itself needs %z.
func.func @carried_for_nobody(%i0: tensor<i32>, %x0: tensor<f32>) -> tensor<f32> {
  %i1, %x1, %y1, %z1 = graph.while %i0, %x0, %x0, %x0 : tensor<i32>, tensor<f32>, tensor<f32>, tensor<f32> {
  ^bb0(%i: tensor<i32>, %x: tensor<f32>, %y: tensor<f32>, %z: tensor<f32>):
    %zero = graph.fill {value = 0 : i32} : tensor<i32>
    %c = graph.greater %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %x: tensor<f32>, %y: tensor<f32>, %z: tensor<f32>):
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %j = graph.subtract %i, %one : tensor<i32>
    %s = graph.add %x, %y : tensor<f32>
    %e = graph.exp %y : tensor<f32>
    %l = graph.log %z : tensor<f32>
    graph.yield %j, %s, %e, %l : tensor<i32>, tensor<f32>, tensor<f32>, tensor<f32>
  }
  func.return %x1 : tensor<f32>
}
// CHECK-LABEL: func.func @carried_for_nobody(
// CHECK-NEXT: %i1, %x1, %y1 = graph.while %i0, %x0, %x0 : tensor<i32>, tensor<f32>, tensor<f32> {
// CHECK-NEXT: ^bb0(%i: tensor<i32>, %x: tensor<f32>, %y: tensor<f32>):
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %c = graph.greater %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %c : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<i32>, %x_1: tensor<f32>, %y_1: tensor<f32>):
// CHECK-NEXT: %one = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %j = graph.subtract %i_1, %one : tensor<i32>
// CHECK-NEXT: %s = graph.add %x_1, %y_1 : tensor<f32>
// CHECK-NEXT: %e = graph.exp %y_1 : tensor<f32>
// CHECK-NEXT: graph.yield %j, %s, %e : tensor<i32>, tensor<f32>, tensor<f32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return %x1 : tensor<f32>
// CHECK-NEXT: }

// The results are not needed, the update is, and with it what decides how often it happens.
func.func @loop_with_an_update(%i0: tensor<i32>, %x0: tensor<f32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<f32>>
  %i1, %x1, %y1 = graph.while %i0, %x0, %x0 : tensor<i32>, tensor<f32>, tensor<f32> {
  ^bb0(%i: tensor<i32>, %x: tensor<f32>, %y: tensor<f32>):
    %zero = graph.fill {value = 0 : i32} : tensor<i32>
    %c = graph.greater %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %x: tensor<f32>, %y: tensor<f32>):
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %j = graph.subtract %i, %one : tensor<i32>
    %e = graph.exp %x : tensor<f32>
    graph.assign %w, %e : !graph.ref<tensor<f32>>, tensor<f32>
    graph.yield %j, %e, %y : tensor<i32>, tensor<f32>, tensor<f32>
  }
  func.return
}
// CHECK-LABEL: func.func @loop_with_an_update(
// CHECK-NEXT: %w = graph.variable {variable = "w"} : !graph.ref<tensor<f32>>
// CHECK-NEXT: %i1, %x1 = graph.while %i0, %x0 : tensor<i32>, tensor<f32> {
// CHECK-NEXT: ^bb0(%i: tensor<i32>, %x: tensor<f32>):
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %c = graph.greater %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %c : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%i_1: tensor<i32>, %x_1: tensor<f32>):
// CHECK-NEXT: %one = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %j = graph.subtract %i_1, %one : tensor<i32>
// CHECK-NEXT: %e = graph.exp %x_1 : tensor<f32>
// CHECK-NEXT: graph.assign %w, %e : !graph.ref<tensor<f32>>, tensor<f32>
// CHECK-NEXT: graph.yield %j, %e : tensor<i32>, tensor<f32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// CHECK-NEXT: }
