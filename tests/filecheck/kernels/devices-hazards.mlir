// Updates where another device reads the old contents. The copy there ends the use of the variable's memory: an update
// that comes later is in place, an earlier one has the read copied. What two devices compute waits at one gate, or at
// two side by side, and stays where it is. A copy from another device may go to the variable's memory at once.
//
// RUN: pullback-opt %s --split-input-file -p 'form-kernels{device=cuda},plan-memory{report=hazards},verify-level{level=kernels}' --no-locations -o %t 2>&1 | filecheck %s --check-prefix HAZARDS
// RUN: pullback-opt %s --split-input-file -p 'form-kernels{device=cuda},plan-memory,verify-level{level=kernels}' --no-locations | filecheck %s

// HAZARDS:      hazards of @proved: 0 copies, 0 gates kept, 0 barriers over several devices, 2 copies between devices
// HAZARDS-NEXT:   cuda:0  w  in place  operation 1  read: no update before the last use
// HAZARDS-NEXT:   cuda:0  w  in place  operation 6  update: all uses of the old contents come first, copies to cpu:0 among them

// CHECK-LABEL: @proved
// CHECK:       %old = graph.read %w {device = "cuda:0", memory = [#graph.buffer<variable, "w">]}
// CHECK:       graph.copy_to %old {device = "cpu:0", memory = [#graph.buffer<output, 0>]}
// CHECK:       %next = graph.kernel {{.*}}device = "cuda:0", memory = [#graph.buffer<variable, "w">]
func.func @proved(%x: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {graph.devices = ["cuda:0"]} {
  %w = graph.variable {variable = "w", device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>
  %old = graph.read %w {device = "cuda:0"} : (!graph.ref<tensor<8x8xf32>>) -> tensor<8x8xf32>
  %0 = graph.copy_to %old {device = "cpu:0"} : tensor<8x8xf32>
  %g = graph.tanh %0 {device = "cpu:0"} : tensor<8x8xf32>
  %1 = graph.copy_to %g {device = "cuda:0"} : tensor<8x8xf32>
  %next = graph.subtract %old, %1 {device = "cuda:0"} : tensor<8x8xf32>
  graph.assign %w, %next {device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>, tensor<8x8xf32>
  func.return %g : tensor<8x8xf32>
}

// -----

// HAZARDS:      hazards of @copied: 1 copies, 0 gates kept, 0 barriers over several devices, 1 copies between devices
// HAZARDS-NEXT:   cuda:0  w  copy      operation 1  read: the copy to cpu:0 uses the old contents after the update
// HAZARDS-NEXT:   cuda:0  w  in place  operation 3  update: all uses of the old contents come first

// CHECK-LABEL: @copied
// CHECK-SAME:  graph.arenas = {"cuda:0" = 256 : i64}
// CHECK:       %old = graph.read %w {device = "cuda:0", memory = [#graph.buffer<arena, 0>]}
// CHECK:       %next = graph.kernel %old, %x {{.*}}device = "cuda:0", memory = [#graph.buffer<variable, "w">]
// CHECK:       graph.copy_to %old {device = "cpu:0", memory = [#graph.buffer<output, 0>]}
func.func @copied(%x: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {graph.devices = ["cuda:0"]} {
  %w = graph.variable {variable = "w", device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>
  %old = graph.read %w {device = "cuda:0"} : (!graph.ref<tensor<8x8xf32>>) -> tensor<8x8xf32>
  %next = graph.subtract %old, %x {device = "cuda:0"} : tensor<8x8xf32>
  graph.assign %w, %next {device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>, tensor<8x8xf32>
  %0 = graph.copy_to %old {device = "cpu:0"} : tensor<8x8xf32>
  %g = graph.tanh %0 {device = "cpu:0"} : tensor<8x8xf32>
  func.return %g : tensor<8x8xf32>
}

// -----

// HAZARDS:      hazards of @gate: 0 copies, 1 gates kept, 1 barriers over several devices, 1 copies between devices
// HAZARDS-NEXT:   cuda:0  w  in place  operation 1  read: no update before the last use
// HAZARDS-NEXT:   cuda:0  w  in place  operation 7  update: all uses of the old contents come first, copies to cpu:0 among them

// CHECK-LABEL: @gate
// CHECK:       graph.gate
// CHECK:       %next = graph.kernel {{.*}}device = "cuda:0", memory = [#graph.buffer<variable, "w">]
// CHECK:       graph.kernel %h1 {{.*}}device = "cpu:0", memory = [#graph.buffer<output, 0>]
func.func @gate(%x: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {graph.devices = ["cuda:0"]} {
  %w = graph.variable {variable = "w", device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>
  %old = graph.read %w {device = "cuda:0"} : (!graph.ref<tensor<8x8xf32>>) -> tensor<8x8xf32>
  %g = graph.tanh %old {device = "cuda:0"} : tensor<8x8xf32>
  %0 = graph.copy_to %old {device = "cpu:0"} : tensor<8x8xf32>
  %h = graph.exp %0 {device = "cpu:0"} : tensor<8x8xf32>
  %g1, %h1 = graph.gate %g, %h {device = "cuda:0"} : (tensor<8x8xf32>, tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>)
  %next = graph.subtract %old, %g1 {device = "cuda:0"} : tensor<8x8xf32>
  graph.assign %w, %next {device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>, tensor<8x8xf32>
  %z = graph.negative %h1 {device = "cpu:0"} : tensor<8x8xf32>
  func.return %z : tensor<8x8xf32>
}

// -----

// HAZARDS:      hazards of @gates: 0 copies, 2 gates kept, 1 barriers over several devices, 1 copies between devices
func.func @gates(%x: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {graph.devices = ["cuda:0"]} {
  %w = graph.variable {variable = "w", device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>
  %old = graph.read %w {device = "cuda:0"} : (!graph.ref<tensor<8x8xf32>>) -> tensor<8x8xf32>
  %g = graph.tanh %old {device = "cuda:0"} : tensor<8x8xf32>
  %0 = graph.copy_to %old {device = "cpu:0"} : tensor<8x8xf32>
  %h = graph.exp %0 {device = "cpu:0"} : tensor<8x8xf32>
  %g1 = graph.gate %g {device = "cuda:0"} : tensor<8x8xf32>
  %h1 = graph.gate %h {device = "cpu:0"} : tensor<8x8xf32>
  %next = graph.subtract %old, %g1 {device = "cuda:0"} : tensor<8x8xf32>
  graph.assign %w, %next {device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>, tensor<8x8xf32>
  %z = graph.negative %h1 {device = "cpu:0"} : tensor<8x8xf32>
  func.return %z : tensor<8x8xf32>
}

// -----

// HAZARDS:      hazards of @assigned: 0 copies, 0 gates kept, 0 barriers over several devices, 1 copies between devices
// HAZARDS-NEXT:   cuda:0  w  in place  operation 3  update: all uses of the old contents come first

// CHECK-LABEL: @assigned
// CHECK:       graph.copy_to {{.*}}device = "cuda:0", memory = [#graph.buffer<variable, "w">]
func.func @assigned(%x: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {graph.devices = ["cpu:0"]} {
  %w = graph.variable {variable = "w", device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>
  %0 = graph.tanh %x {device = "cpu:0"} : tensor<8x8xf32>
  %1 = graph.copy_to %0 {device = "cuda:0"} : tensor<8x8xf32>
  graph.assign %w, %1 {device = "cuda:0"} : !graph.ref<tensor<8x8xf32>>, tensor<8x8xf32>
  func.return %0 : tensor<8x8xf32>
}
