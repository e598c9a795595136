// One kernel yields several updates: it comes after all reads and before all assignments, and is in place for each.
//
// RUN: pullback-opt %s --split-input-file -p kernels --report=hazards --no-locations -o %t 2>&1 | filecheck %s --check-prefix HAZARDS
// RUN: pullback-opt %s --split-input-file -p kernels --no-locations | filecheck %s

// HAZARDS: hazards of @momentum: 0 copies

// CHECK-LABEL: @momentum
// CHECK-SAME:  graph.arena = 0
// CHECK:       %old = graph.read %w {memory = [#graph.buffer<variable, "w">]}
// CHECK-NEXT:  %gain, %next = graph.kernel %speed, %g, %old {{.*}}memory = [#graph.buffer<variable, "m">, #graph.buffer<variable, "w">]
// CHECK:       graph.yield
// CHECK-NEXT:  }
// CHECK-NEXT:  graph.assign %m, %gain
// CHECK-NEXT:  graph.assign %w, %next
// CHECK-NEXT:  func.return
func.func @momentum(%g: tensor<33xf32>) {
  %m = graph.variable {variable = "m"} : !graph.ref<tensor<33xf32>>
  %speed = graph.read %m : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %gain = graph.add %speed, %g : tensor<33xf32>
  graph.assign %m, %gain : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<33xf32>>
  %old = graph.read %w : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %next = graph.subtract %old, %gain : tensor<33xf32>
  graph.assign %w, %next : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  func.return
}

// -----

// A read after the assignment sees the new contents: the assignment stays before it, and so does the kernel.

// HAZARDS: hazards of @read_again: 0 copies

// CHECK-LABEL: @read_again
// CHECK:       %gain = graph.kernel {{.*}}memory = [#graph.buffer<variable, "m">]
// CHECK:       graph.assign %m, %gain
// CHECK:       %new = graph.read %m {memory = [#graph.buffer<variable, "m">]}
// CHECK:       %next = graph.kernel {{.*}}%new{{.*}}memory = [#graph.buffer<variable, "w">]
// CHECK:       graph.assign %w, %next
func.func @read_again(%g: tensor<33xf32>) {
  %m = graph.variable {variable = "m"} : !graph.ref<tensor<33xf32>>
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<33xf32>>
  %speed = graph.read %m : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %gain = graph.add %speed, %g : tensor<33xf32>
  graph.assign %m, %gain : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  %new = graph.read %m : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %old = graph.read %w : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %step = graph.multiply %gain, %new : tensor<33xf32>
  %next = graph.subtract %old, %step : tensor<33xf32>
  graph.assign %w, %next : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  func.return
}

// -----

// Two updates of one variable from one kernel: only the first is in place.

// HAZARDS: hazards of @twice: 1 copies

// CHECK-LABEL: @twice
// CHECK:       %a, %b = graph.kernel {{.*}}memory = [#graph.buffer<variable, "m">, #graph.buffer<arena, 0>]
// CHECK:       graph.assign %m, %a
// CHECK:       graph.assign %m, %b
func.func @twice(%g: tensor<33xf32>) {
  %m = graph.variable {variable = "m"} : !graph.ref<tensor<33xf32>>
  %old = graph.read %m : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %a = graph.add %old, %g : tensor<33xf32>
  graph.assign %m, %a : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  %b = graph.multiply %a, %g : tensor<33xf32>
  graph.assign %m, %b : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  func.return
}

// -----

// Updates do not move across a loop: what it reads and updates comes in its order, and Ctrl-C stops it while no variable
// has changed.

// CHECK-LABEL: @around_a_loop
// CHECK:       %d, %gain = graph.kernel {{.*}}memory = [#graph.buffer<arena, {{[0-9]+}}>, #graph.buffer<variable, "m">]
// CHECK:       graph.assign %m, %gain
// CHECK:       graph.while
// CHECK:       graph.assign %m
// CHECK:       %old = graph.read %w
// CHECK:       %next = graph.kernel {{.*}}memory = [#graph.buffer<variable, "w">]
// CHECK:       graph.assign %w, %next
func.func @around_a_loop(%g: tensor<33xf32>) {
  %m = graph.variable {variable = "m"} : !graph.ref<tensor<33xf32>>
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<33xf32>>
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %speed = graph.read %m : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %d = graph.tanh %g : tensor<33xf32>
  %gain = graph.add %speed, %d : tensor<33xf32>
  graph.assign %m, %gain : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  %n = graph.while %zero : tensor<i32> {
  ^bb0(%i: tensor<i32>):
    %three = graph.fill {value = 3 : i32} : tensor<i32>
    %c = graph.less %i, %three : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>):
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %j = graph.add %i, %one : tensor<i32>
    graph.assign_add %m, %g : !graph.ref<tensor<33xf32>>, tensor<33xf32>
    graph.yield %j : tensor<i32>
  }
  %old = graph.read %w : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %next = graph.subtract %old, %d : tensor<33xf32>
  graph.assign %w, %next : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  func.return
}
