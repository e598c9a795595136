// `--explain`: the way of a gradient, or where it ends, in place of the program.
// RUN: pullback-opt %s --explain=%w | filecheck %s --check-prefix PATH
// RUN: pullback-opt %s --explain=@main:%z | filecheck %s --check-prefix CUT
// RUN: pullback-opt %s --explain=@main:%result,%y:%x | filecheck %s --check-prefix YS
// RUN: pullback-opt %s -p gradients --explain=%result:%w | filecheck %s --check-prefix ROLES
// RUN: pullback-opt %s --explain=layer/twice | filecheck %s --check-prefix RETURNED
// RUN: pullback-opt %s --explain=@second:%x | filecheck %s --check-prefix ORDER
// RUN: pullback-opt %s --explain=%w --json | filecheck %s --check-prefix JSON
// RUN: not pullback-opt %s --explain=%zz 2>&1 | filecheck %s --check-prefix NEAR
// RUN: not pullback-opt %s --explain=%x 2>&1 | filecheck %s --check-prefix SEVERAL
// RUN: not pullback-opt %s --explain=@mein:%x 2>&1 | filecheck %s --check-prefix FUNCTION
// RUN: not pullback-opt %s --explain=%y:%y:%x 2>&1 | filecheck %s --check-prefix SYNTAX
// RUN: not pullback-opt %s --explain=%0 2>&1 | filecheck %s --check-prefix NUMBER

func.func @main(%x: tensor<2xf32>, %z: tensor<2xf32>) -> tensor<2xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<2xf32>>
  %v = graph.read %w : (!graph.ref<tensor<2xf32>>) -> tensor<2xf32>
  %y = graph.multiply %x, %v : tensor<2xf32>
  %c = graph.stop_gradient %z : tensor<2xf32>
  %result = graph.add %y, %c : tensor<2xf32>
  %dw = graph.gradients of (%result) wrt (%w) : (tensor<2xf32>, !graph.ref<tensor<2xf32>>) -> tensor<2xf32>
  graph.assign_sub %w, %dw : !graph.ref<tensor<2xf32>>, tensor<2xf32>
  func.return %result : tensor<2xf32>
}

func.func @second(%x: tensor<2xf32>) -> tensor<2xf32> {
  %cube = graph.multiply %x, %x : tensor<2xf32>
  %dx = graph.gradients of (%cube) wrt (%x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %ddx = graph.gradients of (%dx) wrt (%x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %ddx : tensor<2xf32>
}

func.func @plain(%p: tensor<2xf32>) -> tensor<2xf32> {
  %q = graph.add %p, %p : tensor<2xf32> loc("layer/twice")
  %r = graph.tanh %q : tensor<2xf32>
  func.return %r : tensor<2xf32>
}

// PATH: d result / d w: one path through 3 operations
// PATH-NEXT: result (graph.add, {{.*}}explain.mlir:20:3), rule: class, to operand 0 (lhs) 'y': tensor<2xf32>
// PATH-NEXT: y (graph.multiply, {{.*}}:18:3), rule: class, to operand 1 (rhs) 'v': tensor<2xf32>
// PATH-NEXT: v (graph.read, {{.*}}:17:3), rule: class, to operand 0 'w': !graph.ref<tensor<2xf32>>
// PATH-NOT: func.func

// CUT: d result / d z: None
// CUT-NEXT: at c (graph.stop_gradient, {{.*}}explain.mlir:19:3), operand 0 'z': not differentiable: x itself, with no gradient through it

// YS: d (result + y) / d x: 2 paths through 2 operations

// ROLES: y (graph.multiply
// ROLES-NEXT: gradient gradients/y_grad/multiply (graph.multiply)
// ROLES: started by
// ROLES-NEXT: seed gradients/grad_ys_0 (graph.fill)

// RETURNED: d r / d layer/twice: one path through 1 operation

// ORDER: d cube / d x: 2 paths through 1 operation
// ORDER: d gradients/results / d x: 4 paths
// ORDER: gradients/cube_grad/multiply (graph.multiply), itself gradient of cube

// JSON: "status": "connected"

// NEAR: --explain:1:1: error: no value %zz in @main; did you mean %z?
// NEAR-NEXT: %zz
// NEAR-NEXT: ^^^

// SEVERAL: --explain:1:1: error: %x is in several functions (@main, @second): write @name:%x

// FUNCTION: --explain:1:1: error: no function @mein; did you mean @main?
// FUNCTION-NEXT: @mein:%x
// FUNCTION-NEXT: ^^^^^

// SYNTAX: error: expected a value such as %w, ys and a value such as %y,%z:%w

// NUMBER: error: %0 is a number, not a name
