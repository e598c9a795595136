// An update is in place if all that reads the old contents comes first. The new contents of %w are pointwise in %w and
// its gradient %g, and the gradient is needed by a second reader of the old contents. With the gate the update waits for
// that reader, has a kernel of its own, and so is computed in the variable's memory. Without it the update does not join
// the kernel of the gradient either, which runs before the reader. But where the program computes the new contents before
// the reader, they are there before: the variable's memory must wait, and a copy follows.
//
// RUN: pullback-opt %s --split-input-file -p kernels --report=hazards --no-locations -o %t 2>&1 | filecheck %s --check-prefix HAZARDS
// RUN: pullback-opt %s --split-input-file -p kernels --no-locations | filecheck %s

// HAZARDS:      hazards of @with_gate: 0 copies, 1 gates kept
// HAZARDS-NEXT:   w  in place  operation 1  read: no update before the last use
// HAZARDS-NEXT:   w  in place  operation 6  update: all uses of the old contents come first

// CHECK-LABEL: @with_gate
// CHECK:       graph.read %w {memory = [#graph.buffer<variable, "w">]}
// CHECK:       %g = graph.kernel
// CHECK:       %z = graph.kernel {{.*}}kind = matmul
// CHECK:       graph.gate %g, %z
// CHECK:       %next = graph.kernel {{.*}}memory = [#graph.buffer<variable, "w">]
// CHECK:       graph.assign %w, %next
func.func @with_gate(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<8x8xf32>>
  %old = graph.read %w : (!graph.ref<tensor<8x8xf32>>) -> tensor<8x8xf32>
  %y = graph.multiply %old, %x : tensor<8x8xf32>
  %g = graph.tanh %y : tensor<8x8xf32>
  %z = graph.matmul %g, %old : tensor<8x8xf32>
  %g1, %z1 = graph.gate %g, %z : (tensor<8x8xf32>, tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>)
  %rate = graph.fill {value = 0.1 : f32} : tensor<f32>
  %step = graph.multiply %rate, %g1 : (tensor<f32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %next = graph.subtract %old, %step : tensor<8x8xf32>
  graph.assign %w, %next : !graph.ref<tensor<8x8xf32>>, tensor<8x8xf32>
  func.return %z1 : tensor<8x8xf32>
}

// -----

// HAZARDS:      hazards of @without_gate: 0 copies, 0 gates kept
// HAZARDS-NEXT:   w  in place  operation 1  read: no update before the last use
// HAZARDS-NEXT:   w  in place  operation 5  update: all uses of the old contents come first

// CHECK-LABEL: @without_gate
// CHECK:       graph.read %w {memory = [#graph.buffer<variable, "w">]}
// CHECK:       %g = graph.kernel
// CHECK:       %z = graph.kernel {{.*}}kind = matmul
// CHECK:       %next = graph.kernel {{.*}}memory = [#graph.buffer<variable, "w">]
// CHECK:       graph.assign %w, %next
func.func @without_gate(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<8x8xf32>>
  %old = graph.read %w : (!graph.ref<tensor<8x8xf32>>) -> tensor<8x8xf32>
  %y = graph.multiply %old, %x : tensor<8x8xf32>
  %g = graph.tanh %y : tensor<8x8xf32>
  %z = graph.matmul %g, %old : tensor<8x8xf32>
  %rate = graph.fill {value = 0.1 : f32} : tensor<f32>
  %step = graph.multiply %rate, %g : (tensor<f32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %next = graph.subtract %old, %step : tensor<8x8xf32>
  graph.assign %w, %next : !graph.ref<tensor<8x8xf32>>, tensor<8x8xf32>
  func.return %z : tensor<8x8xf32>
}

// -----

// HAZARDS:      hazards of @before_the_reader: 1 copies, 0 gates kept
// HAZARDS-NEXT:   w  in place  operation 1  read: no update before the last use
// HAZARDS-NEXT:   w  copy      operation 4  update: z uses the old contents after the new ones are computed

// CHECK-LABEL: @before_the_reader
// CHECK:       graph.read %w {memory = [#graph.buffer<variable, "w">]}
// CHECK:       %g, %next = graph.kernel {{.*}}memory = [#graph.buffer<arena, {{[0-9]+}}>, #graph.buffer<arena, {{[0-9]+}}>]
// CHECK:       %z = graph.kernel {{.*}}kind = matmul
// CHECK:       graph.assign %w, %next
func.func @before_the_reader(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<8x8xf32>>
  %old = graph.read %w : (!graph.ref<tensor<8x8xf32>>) -> tensor<8x8xf32>
  %y = graph.multiply %old, %x : tensor<8x8xf32>
  %g = graph.tanh %y : tensor<8x8xf32>
  %rate = graph.fill {value = 0.1 : f32} : tensor<f32>
  %step = graph.multiply %rate, %g : (tensor<f32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %next = graph.subtract %old, %step : tensor<8x8xf32>
  %z = graph.matmul %g, %old : tensor<8x8xf32>
  graph.assign %w, %next : !graph.ref<tensor<8x8xf32>>, tensor<8x8xf32>
  func.return %z : tensor<8x8xf32>
}
