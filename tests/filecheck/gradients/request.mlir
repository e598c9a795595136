// One request, several in a function, a request on another's results, and three orders deep.
// RUN: pullback-opt %s -p generate-gradients --no-locations --split-input-file | filecheck %s

// The gradients of one operation leave it through one marker, those of the request through another.
func.func @both(%a: tensor<2x3xf32>, %b: tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>) {
  %y = graph.multiply %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %da, %db = graph.gradients of (%y) wrt (%a, %b) : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>)
  func.return %da, %db : tensor<2x3xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @both
// CHECK-NEXT: %y = graph.multiply %a, %b
// CHECK-NEXT: %[[ONES:.*]] = graph.fill {value = 1.000000e+00 : f32} : tensor<2x3xf32>
// CHECK-NEXT: %[[A:.*]] = graph.multiply %[[ONES]], %b
// CHECK-NEXT: %[[B:.*]] = graph.multiply %[[ONES]], %a
// CHECK-NEXT: %[[SUM:.*]] = graph.sum_to %[[B]] : (tensor<2x3xf32>) -> tensor<3xf32>
// CHECK-NEXT: %[[GA:.*]], %[[GB:.*]] = graph.backward %[[A]], %[[SUM]]
// CHECK-NEXT: %da, %db = graph.gradient_results %[[GA]], %[[GB]]
// CHECK-NEXT: func.return %da, %db

// -----

// Only what is asked for is built: nothing for %a.
func.func @one(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %y = graph.matmul %a, %b : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %db = graph.gradients of (%y) wrt (%b) : (tensor<2x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  func.return %db : tensor<3x2xf32>
}
// CHECK-LABEL: func.func @one
// CHECK-COUNT-2: graph.matmul
// CHECK-NOT: graph.matmul

// -----

// Two requests, then one on the results of both.
func.func @nested(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %y = graph.multiply %x, %x : tensor<f32>
  %z = graph.multiply %y, %x : tensor<f32>
  %d1 = graph.gradients of (%z) wrt (%x) {scope = "first"} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %d2 = graph.gradients of (%d1) wrt (%x) {scope = "second"} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %d3 = graph.gradients of (%d2) wrt (%x) {scope = "third"} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  func.return %d1, %d2, %d3 : tensor<f32>, tensor<f32>, tensor<f32>
}
// CHECK-LABEL: func.func @nested
// CHECK: %d1 = graph.gradient_results
// CHECK: %d2 = graph.gradient_results
// CHECK: %d3 = graph.gradient_results
// CHECK-NOT: graph.gradients of

// -----

// Seeds with gaps, and a stop: %h is a constant to its consumers and still gets its own gradient.
func.func @seeds(%x: tensor<2xf32>, %s: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %h = graph.tanh %x : tensor<2xf32>
  %y = graph.multiply %h, %x : tensor<2xf32>
  %dx, %dh = graph.gradients of (%h, %y) wrt (%x, %h) seeds (_, %s) stop (%h) : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  func.return %dx, %dh : tensor<2xf32>, tensor<2xf32>
}
// CHECK-LABEL: func.func @seeds
// CHECK: %[[ONES:.*]] = graph.fill {value = 1.000000e+00 : f32} : tensor<2xf32>
// CHECK-NEXT: graph.multiply %s, %x
// CHECK-NEXT: graph.multiply %s, %h
// CHECK-NEXT: %[[H:.*]], %[[X:.*]] = graph.backward
// CHECK-NEXT: %[[DH:.*]] = graph.sum_gradients %[[ONES]], %[[H]]
// CHECK-NEXT: graph.gradient_results %[[X]], %[[DH]]

// -----

// No path: zeros if asked for.
func.func @unconnected(%x: tensor<2xf32>, %y: tensor<f32>) -> tensor<2xf32> {
  %dx = graph.gradients of (%y) wrt (%x) {unconnected = #graph.unconnected<zero>} : (tensor<f32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %dx : tensor<2xf32>
}
// CHECK-LABEL: func.func @unconnected
// CHECK: %[[ZERO:.*]] = graph.fill {value = 0.000000e+00 : f32} : tensor<2xf32>
// CHECK-NEXT: graph.gradient_results %[[ZERO]]

// -----

// Where a `?` may be 1 at run time, the shape is asked for at run time.
func.func @dynamic(%a: tensor<?x3xf32>, %b: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %y = graph.add %a, %b : tensor<?x3xf32>
  %db = graph.gradients of (%y) wrt (%b) : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return %db : tensor<?x3xf32>
}
// CHECK-LABEL: func.func @dynamic
// CHECK: %[[SHAPE:.*]] = graph.shape_of %b
// CHECK: graph.sum_to %{{.*}}, %[[SHAPE]]

// -----

// The gradient of gather is slices; declared dense, it is made dense.
func.func @slices(%p: tensor<5x2xf32>, %i: tensor<3xi32>) -> (tensor<5x2xf32>, !graph.slices<tensor<3x2xf32>, tensor<3xi32>, tensor<5x2xf32>>) {
  %y = graph.gather %p, %i : (tensor<5x2xf32>, tensor<3xi32>) -> tensor<3x2xf32>
  %dense = graph.gradients of (%y) wrt (%p) : (tensor<3x2xf32>, tensor<5x2xf32>) -> tensor<5x2xf32>
  %slices = graph.gradients of (%y) wrt (%p) : (tensor<3x2xf32>, tensor<5x2xf32>) -> !graph.slices<tensor<3x2xf32>, tensor<3xi32>, tensor<5x2xf32>>
  func.return %dense, %slices : tensor<5x2xf32>, !graph.slices<tensor<3x2xf32>, tensor<3xi32>, tensor<5x2xf32>>
}
// CHECK-LABEL: func.func @slices
// CHECK: graph.densify
// CHECK-NOT: graph.densify

// -----

// A variable among xs means the sum over all its reads.
func.func @variable(%x: tensor<2xf32>) -> tensor<2xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<2xf32>>
  %a = graph.read %w : (!graph.ref<tensor<2xf32>>) -> tensor<2xf32>
  %b = graph.read %w : (!graph.ref<tensor<2xf32>>) -> tensor<2xf32>
  %y = graph.multiply %a, %b : tensor<2xf32>
  %dw = graph.gradients of (%y) wrt (%w) : (tensor<2xf32>, !graph.ref<tensor<2xf32>>) -> tensor<2xf32>
  func.return %dw : tensor<2xf32>
}
// CHECK-LABEL: func.func @variable
// CHECK: %[[SUM:.*]] = graph.sum_gradients
// CHECK-NEXT: graph.gradient_results %[[SUM]]
