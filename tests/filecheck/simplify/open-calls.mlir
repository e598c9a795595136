// Calls have a place in programs as they were written, and at the levels of memory: in between they have gone.
// RUN: pullback-opt %s -p verify-level{level=request} | filecheck %s
// RUN: not pullback-opt %s -p verify-level{level=gradients} 2>&1 | filecheck %s --check-prefix GRADIENTS
// RUN: not pullback-opt %s -p verify-level{level=graph} 2>&1 | filecheck %s --check-prefix GRAPH
// RUN: not pullback-opt %s -p generate-gradients 2>&1 | filecheck %s --check-prefix GENERATE
// RUN: not pullback-opt %s -p specialize-shapes{main=4} 2>&1 | filecheck %s --check-prefix SHAPES
// RUN: pullback-opt %s -p canonicalize,cse,dce,merge-loops --no-locations | filecheck %s --check-prefix KEPT
// RUN: pullback-opt %s -p gradients,finish,specialize-shapes{main=4},simplify,kernels,loops | filecheck %s --check-prefix LOOPS

// What a request passes through is left alone with it: here the gradient is x, and not 2 x.
func.func private @constant(%a: tensor<?xf32>) -> tensor<?xf32> {
  %b = graph.stop_gradient %a : tensor<?xf32>
  func.return %b : tensor<?xf32>
}

func.func private @product(%a: tensor<?xf32>) -> tensor<?xf32> {
  %b = func.call @constant(%a) : (tensor<?xf32>) -> tensor<?xf32>
  %m = graph.multiply %a, %b : tensor<?xf32>
  func.return %m : tensor<?xf32>
}

func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = func.call @product(%x) : (tensor<?xf32>) -> tensor<?xf32>
  %d = graph.gradients of (%y) wrt (%x) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  func.return %d : tensor<?xf32>
}

func.func private @elsewhere(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.stop_gradient %x : tensor<4xf32>
  %z = graph.tanh %y : tensor<4xf32>
  func.return %z : tensor<4xf32>
}

// CHECK: func.call @product

// GRADIENTS: open-calls.mlir:17:3: error: 'func.call' has no place at level 'gradients' ({{.*}}): run inline-calls first
// GRAPH: open-calls.mlir:17:3: error: 'func.call' has no place at level 'graph' ({{.*}}): run inline-calls first
// GENERATE: open-calls.mlir:23:3: error: No gradient defined for operation 'y' (op type: func.call): run inline-calls first
// SHAPES: open-calls.mlir:23:3: error: specialize-shapes: @main is not defined on (tensor<4xf32>): func.call: no shapes are known of a call: run inline-calls first

// KEPT-LABEL: func.func private @constant
// KEPT-NEXT: graph.stop_gradient
// KEPT-LABEL: func.func private @elsewhere
// KEPT-NEXT: graph.tanh %x

// LOOPS-NOT: private @product
// LOOPS: func.func @main(%x: memref<4xf32>, %output0: memref<4xf32>)
// LOOPS: func.func @elsewhere(
