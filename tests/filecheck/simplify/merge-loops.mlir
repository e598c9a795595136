// The gradient of a loop: the original and its twin become one, and shapes flow through both loops and their stacks.
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients,gate-gradients --no-locations | filecheck %s --check-prefix BEFORE
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients,gate-gradients,merge-loops,canonicalize,cse,dce --no-locations -o %t && filecheck %s --input-file %t
// RUN: pullback-opt %t -p 'specialize-shapes{main=4,4,scalar},canonicalize,cse,dce,verify-level{level=kernels}' --no-locations | filecheck %s --check-prefix STATIC

func.func @main(%x: tensor<?xf32>, %w: tensor<?xf32>, %n: tensor<i32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %i, %h = graph.while %n, %x : tensor<i32>, tensor<?xf32> {
  ^bb0(%i: tensor<i32>, %h: tensor<?xf32>):
    %zero = graph.fill {value = 0 : i32} : tensor<i32>
    %c = graph.greater %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %h: tensor<?xf32>):
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %j = graph.subtract %i, %one : tensor<i32>
    %m = graph.multiply %h, %w : tensor<?xf32>
    %t = graph.tanh %m : tensor<?xf32>
    graph.yield %j, %t : tensor<i32>, tensor<?xf32>
  }
  %dw = graph.gradients of (%h) wrt (%w) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  func.return %h, %dw : tensor<?xf32>, tensor<?xf32>
}

// BEFORE-COUNT-3: graph.while
// BEFORE-NOT: graph.while
// BEFORE: func.func @stays

// CHECK: %i, %h, %[[COUNT:.*]], %[[S:.*]], %[[T:.*]] = graph.while %n, %x,
// CHECK: graph.push
// CHECK: graph.push
// CHECK: %dw, {{.*}} = graph.while %[[COUNT]], {{.*}}, %[[S]], %[[T]] :
// CHECK-NOT: graph.while
// CHECK: func.return %h, %dw

// STATIC-NOT: ?
// STATIC: graph.while %n, %x, {{.*}} : tensor<i32>, tensor<4xf32>, tensor<i64>, !graph.stack<tensor<4xf32>>, !graph.stack<tensor<4xf32>>
// STATIC-NOT: shape_of
// STATIC-NOT: sum_to
// STATIC-NOT: ?
// STATIC: func.return %h, %dw : tensor<4xf32>, tensor<4xf32>

// A loop whose results are used before the longer one is defined stays, and so does one between whose runs a variable
// that it reads is updated.
func.func @stays(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<f32>>
  %a = graph.while %x : tensor<f32> {
  ^bb0(%i: tensor<f32>):
    %r = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
    %c = graph.greater %r, %i : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<f32>):
    %e = graph.exp %i : tensor<f32>
    graph.yield %e : tensor<f32>
  }
  graph.assign %w, %x : !graph.ref<tensor<f32>>, tensor<f32>
  %b, %d = graph.while %x, %x : tensor<f32>, tensor<f32> {
  ^bb0(%i: tensor<f32>, %j: tensor<f32>):
    %r = graph.read %w : (!graph.ref<tensor<f32>>) -> tensor<f32>
    %c = graph.greater %r, %i : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<f32>, %j: tensor<f32>):
    %e = graph.exp %i : tensor<f32>
    graph.yield %e, %i : tensor<f32>, tensor<f32>
  }
  func.return %a, %d : tensor<f32>, tensor<f32>
}

// CHECK-LABEL: @stays
// CHECK-COUNT-2: graph.while

// A body that computes something else.
func.func @differs(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %a = graph.while %x : tensor<f32> {
  ^bb0(%i: tensor<f32>):
    %c = graph.greater %x, %i : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<f32>):
    %e = graph.exp %i : tensor<f32>
    graph.yield %e : tensor<f32>
  }
  %b, %d = graph.while %x, %x : tensor<f32>, tensor<f32> {
  ^bb0(%i: tensor<f32>, %j: tensor<f32>):
    %c = graph.greater %x, %i : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<f32>, %j: tensor<f32>):
    %e = graph.exp %i : tensor<f32>
    %f = graph.exp %e : tensor<f32>
    graph.yield %f, %e : tensor<f32>, tensor<f32>
  }
  func.return %a, %d : tensor<f32>, tensor<f32>
}

// CHECK-LABEL: @differs
// CHECK-COUNT-2: graph.while

// The condition of the longer loop looks at what only it carries.
func.func @goes_on_longer(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %a = graph.while %x : tensor<f32> {
  ^bb0(%i: tensor<f32>):
    %c = graph.greater %x, %i : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<f32>):
    %e = graph.exp %i : tensor<f32>
    graph.yield %e : tensor<f32>
  }
  %b, %d = graph.while %x, %x : tensor<f32>, tensor<f32> {
  ^bb0(%i: tensor<f32>, %j: tensor<f32>):
    %c = graph.greater %x, %j : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<f32>, %j: tensor<f32>):
    %e = graph.exp %i : tensor<f32>
    graph.yield %e, %i : tensor<f32>, tensor<f32>
  }
  func.return %a, %d : tensor<f32>, tensor<f32>
}

// CHECK-LABEL: @goes_on_longer
// CHECK-COUNT-2: graph.while
