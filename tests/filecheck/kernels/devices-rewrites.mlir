// What forming makes of operations on several devices. Slices are copied as rows and indices, and put together where they
// are needed. On cpu:0 kernels compute all that any kernels do, whatever those of the target compute. What sees nothing
// but itself on a device, as a softmax, is taken apart there.
// RUN: pullback-opt %s --split-input-file -p 'form-kernels{device=cuda dtypes=f32,i32},plan-memory,verify-level{level=kernels}' --no-locations | filecheck %s

// CHECK-LABEL: @slices
// CHECK:      %r = graph.kernel %t, %i {{.*}} {device = "cuda:0"
// CHECK:      %[[ROWS:.*]] = graph.copy_to %r {device = "cpu:0"
// CHECK:      %[[AT:.*]] = graph.copy_to %i {device = "cpu:0"
// CHECK:      %[[GATED:.*]], %[[GATED_AT:.*]], %z = graph.gate %[[ROWS]], %[[AT]], %x {device = "cuda:0"}
// CHECK:      %y = graph.kernel %[[GATED]], %[[GATED_AT]] {{.*}}kind = scatter{{.*}}cpu = {{.*}} {device = "cpu:0", memory = [#graph.buffer<output, 0>]}
func.func @slices(%x: tensor<2x3xf32>, %i: tensor<2xi32>) -> (tensor<4x3xf32>, tensor<2x3xf32>) attributes {graph.devices = ["cuda:0", "cuda:0"]} {
  %t = graph.tanh %x {device = "cuda:0"} : tensor<2x3xf32>
  %r = graph.gather %t, %i {device = "cuda:0"} : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  %s = graph.make_slices %r, %i {device = "cuda:0"} : (tensor<2x3xf32>, tensor<2xi32>) -> !graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<4x3xf32>>
  %c = graph.copy_to %s {device = "cpu:0"} : !graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<4x3xf32>>
  %g, %z = graph.gate %c, %x {device = "cuda:0"} : (!graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<4x3xf32>>, tensor<2x3xf32>) -> (!graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<4x3xf32>>, tensor<2x3xf32>)
  %y = graph.densify %g {device = "cpu:0"} : (!graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<4x3xf32>>) -> tensor<4x3xf32>
  func.return %y, %z : tensor<4x3xf32>, tensor<2x3xf32>
}

// -----

// What passes the gate stays on cpu:0, and so do slices of it, which no kernel holds.
// CHECK-LABEL: @slices_outside
// CHECK:       %[[ROWS:.*]], %[[AT:.*]], %z = graph.gate %{{.*}} {device = "cuda:0"}
// CHECK:       %g = graph.make_slices %[[ROWS]], %[[AT]] {device = "cpu:0"}
// CHECK:       %y = graph.densify %g {device = "cpu:0", memory
func.func @slices_outside(%x: tensor<2x3xui8>, %i: tensor<2xi32>, %u: tensor<3xf32>) -> (tensor<4x3xui8>, tensor<3xf32>) attributes {graph.devices = ["cpu:0", "cpu:0", "cuda:0"]} {
  %s = graph.make_slices %x, %i {device = "cpu:0"} : (tensor<2x3xui8>, tensor<2xi32>) -> !graph.slices<tensor<2x3xui8>, tensor<2xi32>, tensor<4x3xui8>>
  %g, %z = graph.gate %s, %u {device = "cuda:0"} : (!graph.slices<tensor<2x3xui8>, tensor<2xi32>, tensor<4x3xui8>>, tensor<3xf32>) -> (!graph.slices<tensor<2x3xui8>, tensor<2xi32>, tensor<4x3xui8>>, tensor<3xf32>)
  %y = graph.densify %g {device = "cpu:0"} : (!graph.slices<tensor<2x3xui8>, tensor<2xi32>, tensor<4x3xui8>>) -> tensor<4x3xui8>
  func.return %y, %z : tensor<4x3xui8>, tensor<3xf32>
}

// -----

// CHECK-LABEL: @dtypes
// CHECK:       %e = graph.copy_to %d {device = "cpu:0"
// CHECK:       %there = graph.tanh %d {device = "cuda:0", host, memory
// CHECK:       %here = graph.kernel %e {{.*}}cpu = {vector = 8, unroll = 4}> {device = "cpu:0"
func.func @dtypes(%d: tensor<4x3xf64>) -> (tensor<4x3xf64>, tensor<4x3xf64>) attributes {graph.devices = ["cuda:0"]} {
  %e = graph.copy_to %d {device = "cpu:0"} : tensor<4x3xf64>
  %there = graph.tanh %d {device = "cuda:0"} : tensor<4x3xf64>
  %here = graph.tanh %e {device = "cpu:0"} : tensor<4x3xf64>
  func.return %there, %here : tensor<4x3xf64>, tensor<4x3xf64>
}

// -----

// CHECK-LABEL: @softmax
// CHECK:       graph.kernel %x {{.*}}kind = rows{{.*}}gpu = {{.*}} {device = "cuda:1"
// CHECK:         graph.exp %{{[^ ]*}} : tensor<4x3xf32>
// CHECK:       graph.kernel %c {{.*}}kind = rows{{.*}}cpu = {{.*}} {device = "cpu:0"
// CHECK:         graph.exp %{{[^ ]*}} : tensor<4x3xf32>
func.func @softmax(%x: tensor<4x3xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>) attributes {graph.devices = ["cuda:1"]} {
  %c = graph.copy_to %x {device = "cpu:0"} : tensor<4x3xf32>
  %there = graph.softmax %x {axis = 1 : i64, device = "cuda:1"} : tensor<4x3xf32>
  %here = graph.softmax %c {axis = 1 : i64, device = "cpu:0"} : tensor<4x3xf32>
  func.return %there, %here : tensor<4x3xf32>, tensor<4x3xf32>
}
