// Each value is copied once to each device, before it is first used there, where it was made.
// RUN: pullback-opt %s --split-input-file -p 'place-devices{device=cuda}' --no-locations | filecheck %s
// Placing what is placed changes nothing.
// RUN: pullback-opt %s --split-input-file -p 'place-devices{device=cuda}' --no-locations -o %t
// RUN: pullback-opt %t --split-input-file -p 'place-devices{device=cuda}' --no-locations | filecheck %s

func.func @once(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %a = graph.tanh %x {device = "cuda:1"} : tensor<4xf32>
  %b = graph.exp %a {device = "cuda:0"} : tensor<4xf32>
  %c = graph.negative %a {device = "cuda:0"} : tensor<4xf32>
  %d = graph.multiply %a, %a {device = "cpu:0"} : tensor<4xf32>
  func.return %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @once
// CHECK-NEXT: %a = graph.tanh %x {device = "cuda:1"}
// CHECK-NEXT: %a_on_cuda0 = graph.copy_to %a {device = "cuda:0"}
// CHECK-NEXT: %b = graph.exp %a_on_cuda0 {device = "cuda:0"}
// CHECK-NEXT: %c = graph.negative %a_on_cuda0 {device = "cuda:0"}
// CHECK-NEXT: %a_on_cpu0 = graph.copy_to %a {device = "cpu:0"}
// CHECK-NEXT: %d = graph.multiply %a_on_cpu0, %a_on_cpu0 {device = "cpu:0"}
// CHECK-NEXT: func.return %b, %c, %d

// -----
// What a loop reads is copied before it; what it carries is on its device, and copied inside.
func.func @loop(%n: tensor<i32>, %x: tensor<4xf32>) -> (tensor<i32>, tensor<4xf32>) {
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %y = graph.tanh %x {device = "cuda:1"} : tensor<4xf32>
  %i, %h = graph.while %zero, %x {device = "cuda:0"} : tensor<i32>, tensor<4xf32> {
  ^bb0(%i0: tensor<i32>, %h0: tensor<4xf32>):
    %c = graph.less %i0, %n {device = "cpu:0"} : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i1: tensor<i32>, %h1: tensor<4xf32>):
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %j = graph.add %i1, %one : tensor<i32>
    %a = graph.multiply %h1, %y {device = "cuda:0"} : tensor<4xf32>
    %b = graph.exp %a {device = "cuda:1"} : tensor<4xf32>
    graph.yield %j, %b : tensor<i32>, tensor<4xf32>
  }
  func.return %i, %h : tensor<i32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @loop
// CHECK-SAME: attributes {graph.devices = ["cpu:0", "cuda:1"]}
// CHECK-NEXT: %zero = graph.fill {value = 0 : i32, device = "cuda:0"}
// CHECK-NEXT: %y = graph.tanh %x {device = "cuda:1"}
// CHECK-NEXT: %x_on_cuda0 = graph.copy_to %x {device = "cuda:0"}
// CHECK-NEXT: %y_on_cuda0 = graph.copy_to %y {device = "cuda:0"}
// CHECK-NEXT: %i, %h = graph.while %zero, %x_on_cuda0 {device = "cuda:0"}
// CHECK: %i0_on_cpu0 = graph.copy_to %i0 {device = "cpu:0"}
// CHECK-NEXT: %c = graph.less %i0_on_cpu0, %n {device = "cpu:0"}
// CHECK-NEXT: %c_on_cuda0 = graph.copy_to %c {device = "cuda:0"}
// CHECK-NEXT: graph.condition %c_on_cuda0 : tensor<i1>
// CHECK: %one = graph.fill {value = 1 : i32, device = "cuda:0"}
// CHECK: %a = graph.multiply %h{{.*}}, %y_on_cuda0 {device = "cuda:0"}
// CHECK-NEXT: %a_on_cuda1 = graph.copy_to %a {device = "cuda:1"}
// CHECK-NEXT: %b = graph.exp %a_on_cuda1 {device = "cuda:1"}
// CHECK-NEXT: %b_on_cuda0 = graph.copy_to %b {device = "cuda:0"}
// CHECK-NEXT: graph.yield %j, %b_on_cuda0

// -----
// A gate moves nothing; copies that the program has stay where they are needed, and are those of the original.
func.func @gate(%x: tensor<4xf32>, %z: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %a = graph.tanh %x {device = "cuda:1"} : tensor<4xf32>
  %b = graph.exp %z {device = "cuda:0"} : tensor<4xf32>
  %g:2 = graph.gate %a, %b : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %here = graph.copy_to %g#0 {device = "/gpu:1"} : tensor<4xf32>
  %c = graph.negative %here : tensor<4xf32>
  %there = graph.copy_to %here {device = "/gpu:0"} : tensor<4xf32>
  %d = graph.add %g#1, %g#0 : tensor<4xf32>
  %e = graph.add %there, %d {device = "cuda:0"} : tensor<4xf32>
  %out = graph.copy_to %e {device = "cpu:0"} : tensor<4xf32>
  func.return %c, %d, %out : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @gate
// CHECK: %[[A:.*]], %[[B:.*]] = graph.gate %a, %b {device = "cuda:1"}
// CHECK-NEXT: %c = graph.negative %[[A]] {device = "cuda:1"}
// CHECK-NEXT: %there = graph.copy_to %[[A]] {device = "cuda:0"}
// CHECK-NEXT: %d = graph.add %[[B]], %there {device = "cuda:0"}
// CHECK-NEXT: %e = graph.add %there, %d {device = "cuda:0"}
// CHECK-NEXT: %out = graph.copy_to %e {device = "cpu:0"}
// CHECK-NEXT: func.return %c, %d, %out

// -----
// Slices are copied whole, kernels as one operation.
func.func @slices(%w: tensor<5x3xf32>, %i: tensor<2xi32>, %v: tensor<2x3xf32>) -> tensor<5x3xf32> {
  %k = graph.kernel %v schedule<kind = pointwise, parallel = [2, 3]> : tensor<2x3xf32> {
  ^bb0(%e: tensor<2x3xf32>):
    %t = graph.tanh %e {device = "cuda:0"} : tensor<2x3xf32>
    graph.yield %t : tensor<2x3xf32>
  }
  %s = graph.make_slices %k, %i {device = "cuda:0"} : (tensor<2x3xf32>, tensor<2xi32>) -> !graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<5x3xf32>>
  %d = graph.densify %s {device = "cuda:1"} : (!graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<5x3xf32>>) -> tensor<5x3xf32>
  func.return %d : tensor<5x3xf32>
}
// CHECK-LABEL: func.func @slices
// CHECK-NEXT: %k = graph.kernel %v schedule<kind = pointwise, parallel = [2, 3]> {device = "cuda:0"}
// CHECK: %t = graph.tanh %e : tensor<2x3xf32>
// CHECK: %s_on_cuda1 = graph.copy_to %s {device = "cuda:1"} : !graph.slices
// CHECK-NEXT: %d = graph.densify %s_on_cuda1 {device = "cuda:1"}
