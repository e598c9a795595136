// Where operations go: told, by variable, by largest operand, by first user, by default.
// RUN: pullback-opt %s --split-input-file -p 'place-devices{device=cuda}' --no-locations | filecheck %s

// Every spelling of a device is one name.
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %a = graph.tanh %x {device = "/job:localhost/replica:0/task:0/device:GPU:1"} : tensor<4xf32>
  %b = graph.exp %a {device = "cuda:1"} : tensor<4xf32>
  %c = graph.exp %x {device = "/CPU:3"} : tensor<4xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK: func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) attributes {graph.devices = ["cuda:1"]} {
// CHECK-NEXT: %a = graph.tanh %x {device = "cuda:1"} : tensor<4xf32>
// CHECK-NEXT: %b = graph.exp %a {device = "cuda:1"} : tensor<4xf32>
// CHECK-NEXT: %x_on_cpu0 = graph.copy_to %x {device = "cpu:0"} : tensor<4xf32>
// CHECK-NEXT: %c = graph.exp %x_on_cpu0 {device = "cpu:0"} : tensor<4xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>

// -----
// A variable is where it was told to be, or where an update of it was; reads and updates are there.
func.func @main(%x: tensor<4xf32>) {
  %v = graph.variable {variable = "v", device = "/gpu:1"} : !graph.ref<tensor<4xf32>>
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
  %u = graph.variable {variable = "u"} : !graph.ref<tensor<4xf32>>
  %r = graph.read %v : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
  graph.assign %w, %x {device = "/cpu:0"} : !graph.ref<tensor<4xf32>>, tensor<4xf32>
  graph.assign_add %u, %r : !graph.ref<tensor<4xf32>>, tensor<4xf32>
  func.return
}
// CHECK: func.func @main(%x: tensor<4xf32>) attributes {graph.devices = ["cpu:0"]} {
// CHECK-NEXT: %v = graph.variable {variable = "v", device = "cuda:1"} : !graph.ref<tensor<4xf32>>
// CHECK-NEXT: %w = graph.variable {variable = "w", device = "cpu:0"} : !graph.ref<tensor<4xf32>>
// CHECK-NEXT: %u = graph.variable {variable = "u", device = "cuda:0"} : !graph.ref<tensor<4xf32>>
// CHECK-NEXT: %r = graph.read %v {device = "cuda:1"} : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
// CHECK-NEXT: graph.assign %w, %x {device = "cpu:0"} : !graph.ref<tensor<4xf32>>, tensor<4xf32>
// CHECK-NEXT: %r_on_cuda0 = graph.copy_to %r {device = "cuda:0"} : tensor<4xf32>
// CHECK-NEXT: graph.assign_add %u, %r_on_cuda0 {device = "cuda:0"} : !graph.ref<tensor<4xf32>>, tensor<4xf32>

// -----
// The largest operand decides, the first of equal ones; inputs go where they are first asked for.
func.func @main(%x: tensor<8x4xf32>, %s: tensor<4xf32>, %n: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<4xf32>) {
  %a = graph.tanh %x {device = "cuda:1"} : tensor<8x4xf32>
  %b = graph.add %s, %a : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %e = graph.exp %n {device = "cuda:2"} : tensor<4xf32>
  %c = graph.add %s, %e : tensor<4xf32>
  func.return %b, %c : tensor<8x4xf32>, tensor<4xf32>
}
// CHECK: func.func @main({{.*}} attributes {graph.devices = ["cuda:1", "cuda:0", "cuda:2"]} {
// CHECK-NEXT: %a = graph.tanh %x {device = "cuda:1"} : tensor<8x4xf32>
// CHECK-NEXT: %s_on_cuda1 = graph.copy_to %s {device = "cuda:1"} : tensor<4xf32>
// CHECK-NEXT: %b = graph.add %s_on_cuda1, %a {device = "cuda:1"} : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT: %e = graph.exp %n {device = "cuda:2"} : tensor<4xf32>
// CHECK-NEXT: %e_on_cuda0 = graph.copy_to %e {device = "cuda:0"} : tensor<4xf32>
// CHECK-NEXT: %c = graph.add %s, %e_on_cuda0 {device = "cuda:0"} : tensor<4xf32>

// -----
// Constants, and what is made of them alone, are where they are first used; and once on each other device, uncopied.
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<f32>) {
  %two = graph.fill {value = 2.0 : f32} : tensor<f32>
  %wide = graph.broadcast_to %two : (tensor<f32>) -> tensor<4xf32>
  %unused = graph.negative %two : tensor<f32>
  %a = graph.multiply %x, %wide {device = "cuda:1"} : tensor<4xf32>
  %b = graph.multiply %x, %two {device = "cpu:0"} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a, %b, %unused : tensor<4xf32>, tensor<4xf32>, tensor<f32>
}
// CHECK:   %two = graph.fill {value = 2.000000e+00 : f32, device = "cuda:1"} : tensor<f32>
// CHECK-NEXT: %wide = graph.broadcast_to %two {device = "cuda:1"} : (tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: %two_1 = graph.fill {value = 2.000000e+00 : f32, device = "cuda:0"} : tensor<f32>
// CHECK-NEXT: %unused = graph.negative %two_1 {device = "cuda:0"} : tensor<f32>
// CHECK-NEXT: %a = graph.multiply %x, %wide {device = "cuda:1"} : tensor<4xf32>
// CHECK-NEXT: %x_on_cpu0 = graph.copy_to %x {device = "cpu:0"} : tensor<4xf32>
// CHECK-NEXT: %two_2 = graph.fill {value = 2.000000e+00 : f32, device = "cpu:0"} : tensor<f32>
// CHECK-NEXT: %b = graph.multiply %x_on_cpu0, %two_2 {device = "cpu:0"} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>

// -----
// So is a constant that was told where to be, but for what uses it: there it pulls others to it, as any operand does.
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<3xf32>) {
  %two = graph.fill {value = 2.0 : f32, device = "cuda:1"} : tensor<f32>
  %a = graph.multiply %x, %two {device = "/gpu:0"} : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %three = graph.fill {value = 3.0 : f32, device = "cuda:1"} : tensor<3xf32>
  %s = graph.sum %x {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
  %b = graph.multiply %s, %three : (tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %a, %b : tensor<2xf32>, tensor<3xf32>
}
// CHECK: %two = graph.fill {value = 2.000000e+00 : f32, device = "cuda:0"} : tensor<f32>
// CHECK-NEXT: %a = graph.multiply %x, %two {device = "cuda:0"} : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
// CHECK-NEXT: %three = graph.fill {value = 3.000000e+00 : f32, device = "cuda:1"} : tensor<3xf32>
// CHECK-NEXT: %s = graph.sum %x {axes = array<i64: 0>, device = "cuda:0"}
// CHECK-NEXT: %s_on_cuda1 = graph.copy_to %s {device = "cuda:1"} : tensor<f32>
// CHECK-NEXT: %b = graph.multiply %s_on_cuda1, %three {device = "cuda:1"}
