// Gates by each mode. What the request asks for holds where the pass is not told otherwise.
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients,gate-gradients --no-locations | filecheck %s --check-prefix OP
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients,gate-gradients{mode=graph} --no-locations | filecheck %s --check-prefix GRAPH
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients,gate-gradients{mode=none} --no-locations | filecheck %s --check-prefix NONE

func.func @main(%a: tensor<2x2xf32>, %b: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %y = graph.matmul %a, %b : tensor<2x2xf32>
  %z = graph.matmul %y, %b : tensor<2x2xf32>
  %da, %db = graph.gradients of (%z) wrt (%a, %b) {gate = #graph.gate<op>} : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>)
  func.return %da, %db : tensor<2x2xf32>, tensor<2x2xf32>
}

// Each product has two needed gradients: two gates.
// OP-COUNT-2: graph.gate
// OP-NOT: graph.gate
// OP-NOT: graph.backward
// OP-NOT: graph.gradient_results

// GRAPH: %[[DA:.*]], %[[DB:.*]] = graph.gate
// GRAPH-NEXT: func.return %[[DA]], %[[DB]]

// NONE-NOT: graph.gate
