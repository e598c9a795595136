// The pass `check-gradients`: the program stays, numbers go to standard error, and a wrong rule is named at its place.
// RUN: pullback-opt %s -p 'check-gradients{function=main report=true}' -o %t.out 2>&1 | filecheck %s --check-prefix REPORT
// RUN: pullback-opt %s -p 'check-gradients{function=main}' -o %t.checked && pullback-opt %s -o %t && diff %t %t.checked
// RUN: pullback-opt %s -p 'check-gradients{function=plain wrt=p order=2 low=3.0 high=4.0 report=true}' -o %t.out 2>&1 | filecheck %s --check-prefix PLAIN
// RUN: not pullback-opt %s -p check-gradients 2>&1 | filecheck %s --check-prefix WRONG
// RUN: not pullback-opt %s -p 'check-gradients{function=mein}' 2>&1 | filecheck %s --check-prefix FUNCTION
// RUN: not pullback-opt %s -p 'check-gradients{function=plain wrt=pp}' 2>&1 | filecheck %s --check-prefix VALUE
// RUN: not pullback-opt %s -p 'check-gradients{function=plain wrt=i}' 2>&1 | filecheck %s --check-prefix DTYPE
// RUN: not pullback-opt %s -p 'check-gradients{order=3}' 2>&1 | filecheck %s --check-prefix ORDER

func.func @main(%x: tensor<?x3xf32>, %b: tensor<3xf16>) -> tensor<?x3xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<3x3xf32>>
  %v = graph.read %w : (!graph.ref<tensor<3x3xf32>>) -> tensor<3x3xf32>
  %wide = graph.cast %b : (tensor<3xf16>) -> tensor<3xf32>
  %m = graph.matmul %x, %v : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  %s = graph.add %m, %wide : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %y = graph.tanh %s : tensor<?x3xf32>
  %dw, %db = graph.gradients of (%y) wrt (%w, %b) : (tensor<?x3xf32>, !graph.ref<tensor<3x3xf32>>, tensor<3xf16>) -> (tensor<3x3xf32>, tensor<3xf16>)
  %ddb = graph.gradients of (%db) wrt (%b) : (tensor<3xf16>, tensor<3xf16>) -> tensor<3xf16>
  graph.assign_sub %w, %dw : !graph.ref<tensor<3x3xf32>>, tensor<3x3xf32>
  func.return %y : tensor<?x3xf32>
}

func.func @plain(%p: tensor<2xf32>, %i: tensor<2xi32>) -> tensor<2xf32> {
  %q = graph.log %p : tensor<2xf32>
  func.return %q : tensor<2xf32>
}

func.func @wrong(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = graph.exp %x : tensor<2xf32>
  %z = graph.tanh %y {gradient_op_type = "graph.negative"} : tensor<2xf32> loc("layer/careless")
  func.return %z : tensor<2xf32>
}

// REPORT: gradients of @main: 6 comparisons in f64, the worst relative error
// REPORT-NEXT: order 1, w: gradient
// REPORT-NEXT: order 1, b: gradient
// REPORT-NEXT: order 2, w: gradient
// REPORT-NEXT: order 2, b: gradient
// REPORT-NEXT: order 1, b: gradient
// REPORT-NEXT: order 2, b: gradient

// PLAIN: gradients of @plain: 1 comparison in f64
// PLAIN-NEXT: order 2, p: gradient

// WRONG: check-gradients.mlir:31:3: error: the gradient with respect to 'x' is not what differences say
// WRONG-SAME: the rule of graph.tanh 'layer/careless' (override 'graph.negative') is wrong: for operand 0 it gives
// WRONG-NEXT: %z = graph.tanh
// WRONG-NEXT: ^
// WRONG-NEXT: note: in pass 'check-gradients'

// FUNCTION: no function @mein; did you mean @main?

// VALUE: check-gradients: no value pp in @plain; did you mean p?

// DTYPE: check-gradients: i in @plain is tensor<2xi32>: expected floating-point data

// ORDER: pass 'check-gradients': option 'order' is 3; expected 1 | 2 | both
