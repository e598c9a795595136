// A call is replaced by the body of the function, under the name of the call.
// RUN: pullback-opt %s -p inline-calls | filecheck %s
// RUN: pullback-opt %s -p inline-calls | filecheck %s --check-prefix GONE
// RUN: pullback-opt %s -p inline-calls -o %t && pullback-opt %t -p inline-calls | diff %t -

// GONE-NOT: @square
// GONE-NOT: @both
// GONE-NOT: @scaled

func.func private @square(%a: tensor<3xf32>) -> tensor<3xf32> {
  %m = graph.multiply %a, %a : tensor<3xf32>
  func.return %m : tensor<3xf32>
}

func.func private @both(%a: tensor<3xf32>, %b: tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<f32>) {
  %c = func.call @square(%a) : (tensor<3xf32>) -> tensor<3xf32> loc("inner")
  %d = graph.tanh %c : tensor<3xf32> loc("act")
  func.return %d, %d, %b : tensor<3xf32>, tensor<3xf32>, tensor<f32>
}

// Twice, and with the name of the function for want of another; a public function stays.
func.func @twice(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @square(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %z = func.call @square(%y) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %z : tensor<3xf32>
}
// CHECK-LABEL: func.func @twice(%x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: %y = graph.multiply %x, %x : tensor<3xf32> loc(callsite("m" at "square"))
// CHECK-NEXT: %z = graph.multiply %y, %y : tensor<3xf32> loc(callsite("m" at "square_1"))
// CHECK-NEXT: func.return %z : tensor<3xf32>
// CHECK-NEXT: }

func.func @named(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @twice(%x) {device = "cpu:1"} : (tensor<3xf32>) -> tensor<3xf32> loc("layer/a")
  func.return %y : tensor<3xf32>
}
// CHECK-LABEL: func.func @named(%x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: %layer_a_y = graph.multiply %x, %x {device = "cpu:1"} : tensor<3xf32> loc(callsite(callsite("m" at "square") at "layer/a"))
// CHECK-NEXT: %y = graph.multiply %layer_a_y, %layer_a_y {device = "cpu:1"} : tensor<3xf32> loc(callsite(callsite("m" at "square_1") at "layer/a"))
// CHECK-NEXT: func.return %y : tensor<3xf32>
// CHECK-NEXT: }

// Results are values of their own, also where the function returns one twice or an argument.
func.func @results(%x: tensor<3xf32>, %s: tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<f32>) {
  %p, %q, %r = func.call @both(%x, %s) : (tensor<3xf32>, tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<f32>)
  func.return %p, %q, %r : tensor<3xf32>, tensor<3xf32>, tensor<f32>
}
// CHECK-LABEL: func.func @results(%x: tensor<3xf32>, %s: tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<f32>) {
// CHECK-NEXT: %both_c = graph.multiply %x, %x : tensor<3xf32> loc(callsite(callsite("m" at "inner") at "both"))
// CHECK-NEXT: %p = graph.tanh %both_c : tensor<3xf32> loc(callsite("act" at "both"))
// CHECK-NEXT: %q = graph.identity %p : tensor<3xf32> loc(callsite("act_1" at "both"))
// CHECK-NEXT: %r = graph.identity %s : tensor<f32> loc(callsite("b" at "both"))
// CHECK-NEXT: func.return %p, %q, %r : tensor<3xf32>, tensor<3xf32>, tensor<f32>
// CHECK-NEXT: }

// In the bodies of loops and of custom gradients, too.
func.func @regions(%n: tensor<i32>, %x: tensor<3xf32>) -> tensor<3xf32> {
  %i, %y = graph.while %n, %x : tensor<i32>, tensor<3xf32> {
  ^bb0(%j: tensor<i32>, %a: tensor<3xf32>):
    %c = func.call @more(%j) : (tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%j: tensor<i32>, %a: tensor<3xf32>):
    %k = graph.negative %j : tensor<i32>
    %b = func.call @square(%a) : (tensor<3xf32>) -> tensor<3xf32>
    graph.yield %k, %b : tensor<i32>, tensor<3xf32>
  }
  %z = graph.custom_gradient of (%y) wrt (%x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%dy: tensor<3xf32>):
    %dx = func.call @square(%dy) : (tensor<3xf32>) -> tensor<3xf32>
    graph.yield %dx : tensor<3xf32>
  }
  func.return %z : tensor<3xf32>
}
// CHECK-LABEL: func.func @regions(%n: tensor<i32>, %x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: %i, %y = graph.while %n, %x : tensor<i32>, tensor<3xf32> {
// CHECK-NEXT: ^bb0(%j: tensor<i32>, %a: tensor<3xf32>):
// CHECK-NEXT: %more_zero = graph.fill {value = 0 : i32} : tensor<i32> loc(callsite("zero" at "more"))
// CHECK-NEXT: %c = graph.greater %j, %more_zero : (tensor<i32>, tensor<i32>) -> tensor<i1> loc(callsite("more" at "more"))
// CHECK-NEXT: graph.condition %c : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%j_1: tensor<i32>, %a_1: tensor<3xf32>):
// CHECK-NEXT: %k = graph.negative %j_1 : tensor<i32>
// CHECK-NEXT: %b = graph.multiply %a_1, %a_1 : tensor<3xf32> loc(callsite("m" at "square"))
// CHECK-NEXT: graph.yield %k, %b : tensor<i32>, tensor<3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %z = graph.custom_gradient of (%y) wrt (%x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: ^bb0(%dy: tensor<3xf32>):
// CHECK-NEXT: %dx = graph.multiply %dy, %dy : tensor<3xf32> loc(callsite("m" at "square_1"))
// CHECK-NEXT: graph.yield %dx : tensor<3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return %z : tensor<3xf32>
// CHECK-NEXT: }

func.func private @more(%i: tensor<i32>) -> tensor<i1> {
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %more = graph.greater %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
  func.return %more : tensor<i1>
}

// A loop in the function, whose own values get names under the call as well.
func.func @loop_within(%n: tensor<i32>, %x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @regions(%n, %x) : (tensor<i32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}
// CHECK-LABEL: func.func @loop_within(%n: tensor<i32>, %x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: %regions_x = graph.identity %x : tensor<3xf32> loc(callsite("x" at "regions"))
// CHECK-NEXT: %regions_i, %regions_y = graph.while %n, %regions_x : tensor<i32>, tensor<3xf32> {
// CHECK-NEXT: ^bb0(%regions_j: tensor<i32>, %regions_a: tensor<3xf32>):
// CHECK-NEXT: %regions_more_zero = graph.fill {value = 0 : i32} : tensor<i32> loc(callsite(callsite("zero" at "more") at "regions"))
// CHECK-NEXT: %regions_c = graph.greater %regions_j, %regions_more_zero : (tensor<i32>, tensor<i32>) -> tensor<i1> loc(callsite(callsite("more" at "more") at "regions"))
// CHECK-NEXT: graph.condition %regions_c : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%regions_j_1: tensor<i32>, %regions_a_1: tensor<3xf32>):
// CHECK-NEXT: %regions_k = graph.negative %regions_j_1 : tensor<i32> loc(callsite("k" at "regions"))
// CHECK-NEXT: %regions_b = graph.multiply %regions_a_1, %regions_a_1 : tensor<3xf32> loc(callsite(callsite("m" at "square") at "regions"))
// CHECK-NEXT: graph.yield %regions_k, %regions_b : tensor<i32>, tensor<3xf32>
// CHECK-NEXT: } loc(callsite("i" at "regions"))
// CHECK-NEXT: %y = graph.custom_gradient of (%regions_y) wrt (%regions_x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: ^bb0(%regions_dy: tensor<3xf32>):
// CHECK-NEXT: %regions_dx = graph.multiply %regions_dy, %regions_dy : tensor<3xf32> loc(callsite(callsite("m" at "square_1") at "regions"))
// CHECK-NEXT: graph.yield %regions_dx : tensor<3xf32>
// CHECK-NEXT: } loc(callsite("z" at "regions"))
// CHECK-NEXT: func.return %y : tensor<3xf32>
// CHECK-NEXT: }

// One variable is one reference, before everything that uses it.
func.func private @scaled(%a: tensor<3xf32>) -> tensor<3xf32> {
  %v = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
  %w = graph.read %v : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  %m = graph.multiply %a, %w : tensor<3xf32>
  func.return %m : tensor<3xf32>
}

func.func private @step(%ref: !graph.ref<tensor<3xf32>>, %a: tensor<3xf32>) {
  graph.assign_sub %ref, %a : !graph.ref<tensor<3xf32>>, tensor<3xf32>
  func.return
}

func.func @variables(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @scaled(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
  func.call @step(%w, %y) : (!graph.ref<tensor<3xf32>>, tensor<3xf32>) -> ()
  %z = func.call @scaled(%y) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %z : tensor<3xf32>
}
// CHECK-LABEL: func.func @variables(%x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: %w = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
// CHECK-NEXT: %scaled_w = graph.read %w : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32> loc(callsite("w" at "scaled"))
// CHECK-NEXT: %y = graph.multiply %x, %scaled_w : tensor<3xf32> loc(callsite("m" at "scaled"))
// CHECK-NEXT: graph.assign_sub %w, %y : !graph.ref<tensor<3xf32>>, tensor<3xf32> loc(callsite("assign_sub" at "step"))
// CHECK-NEXT: %scaled_1_w = graph.read %w : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32> loc(callsite("w" at "scaled_1"))
// CHECK-NEXT: %z = graph.multiply %y, %scaled_1_w : tensor<3xf32> loc(callsite("m" at "scaled_1"))
// CHECK-NEXT: func.return %z : tensor<3xf32>
// CHECK-NEXT: }

// Where gradients are asked for at an argument or a result, that is told apart from all that is equal to it.
func.func private @slope(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %m = graph.multiply %a, %b : tensor<3xf32>
  %d = graph.gradients of (%m) wrt (%a) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %d : tensor<3xf32>
}

func.func @requests(%x: tensor<3xf32>) -> tensor<3xf32> {
  %d = func.call @slope(%x, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %y = func.call @square(%d) : (tensor<3xf32>) -> tensor<3xf32>
  %e = graph.gradients of (%y) wrt (%d) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %e : tensor<3xf32>
}
// CHECK-LABEL: func.func @requests(%x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: %slope_a = graph.identity %x : tensor<3xf32> loc(callsite("a" at "slope"))
// CHECK-NEXT: %slope_m = graph.multiply %slope_a, %x : tensor<3xf32> loc(callsite("m" at "slope"))
// CHECK-NEXT: %slope_d = graph.gradients of (%slope_m) wrt (%slope_a) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> loc(callsite("d" at "slope"))
// CHECK-NEXT: %d = graph.identity %slope_d : tensor<3xf32> loc(callsite("d_1" at "slope"))
// CHECK-NEXT: %y = graph.multiply %d, %d : tensor<3xf32> loc(callsite("m" at "square"))
// CHECK-NEXT: %e = graph.gradients of (%y) wrt (%d) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
// CHECK-NEXT: func.return %e : tensor<3xf32>
// CHECK-NEXT: }

// Of memory, this is no business.
func.func private @on_memory(%m: memref<3xf32>) {
  func.return
}
// CHECK-LABEL: func.func private @on_memory(%m: memref<3xf32>) {
// CHECK-NEXT: func.return
// CHECK-NEXT: }

func.func private @on_scalars(%s: f32) -> f32 {
  func.return %s : f32
}
// CHECK-LABEL: func.func private @on_scalars(%s: f32) -> f32 {
// CHECK-NEXT: func.return %s : f32
// CHECK-NEXT: }

func.func @lower(%m: memref<3xf32>, %s: f32) -> f32 {
  func.call @on_memory(%m) : (memref<3xf32>) -> ()
  %r = func.call @on_scalars(%s) : (f32) -> f32
  func.return %r : f32
}
// CHECK-LABEL: func.func @lower(%m: memref<3xf32>, %s: f32) -> f32 {
// CHECK-NEXT: func.call @on_memory(%m) : (memref<3xf32>) -> ()
// CHECK-NEXT: %r = func.call @on_scalars(%s) : (f32) -> f32
// CHECK-NEXT: func.return %r : f32
// CHECK-NEXT: }

// A request about a variable asks about what the function does with it, not about how its arguments were computed.
func.func private @of_variable(%a: tensor<3xf32>) -> tensor<3xf32> {
  %v = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
  %w = graph.read %v : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  %m = graph.multiply %a, %w : tensor<3xf32>
  %d = graph.gradients of (%m) wrt (%v) {scope = "g"} : (tensor<3xf32>, !graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  %e = graph.negative %d : tensor<3xf32>
  func.return %e : tensor<3xf32>
}

func.func @asked_about(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @scaled(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %d = func.call @of_variable(%y) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %d : tensor<3xf32>
}
// CHECK-LABEL: func.func @asked_about(%x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT: %v = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
// CHECK-NEXT: %scaled_w = graph.read %v : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32> loc(callsite("w" at "scaled"))
// CHECK-NEXT: %y = graph.multiply %x, %scaled_w : tensor<3xf32> loc(callsite("m" at "scaled"))
// CHECK-NEXT: %of_variable_w = graph.read %v : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32> loc(callsite("w" at "of_variable"))
// CHECK-NEXT: %of_variable_m = graph.multiply %y, %of_variable_w : tensor<3xf32> loc(callsite("m" at "of_variable"))
// CHECK-NEXT: %of_variable_d = graph.gradients of (%of_variable_m) wrt (%v) stop (%y) {scope = "g"} : (tensor<3xf32>, !graph.ref<tensor<3xf32>>, tensor<3xf32>) -> tensor<3xf32> loc(callsite("d" at "of_variable"))
// CHECK-NEXT: %d = graph.negative %of_variable_d : tensor<3xf32> loc(callsite("e" at "of_variable"))
// CHECK-NEXT: func.return %d : tensor<3xf32>
// CHECK-NEXT: }
