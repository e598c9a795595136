// A program on two GPUs: equal kernels are one function, launched on the device of its memory; stacks grow there.
// RUN: pullback-opt %s -p 'form-kernels{device=cuda},plan-memory,lower-to-gpu,verify-level{level=gpu}' --no-locations | filecheck %s

func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>, %n: tensor<i32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {graph.devices = ["cuda:0", "cuda:1", "cuda:1"]} {
  %k = graph.constant {device = "cuda:0"} dense<[1., 2., 3., 4.]> : tensor<4xf32>
  %l = graph.constant {device = "cuda:1"} dense<[1., 2., 3., 4.]> : tensor<4xf32>
  %0 = graph.add %x, %k {device = "cuda:0"} : tensor<4xf32>
  %1 = graph.add %y, %l {device = "cuda:1"} : tensor<4xf32>
  %2 = graph.copy_to %0 {device = "cuda:1"} : tensor<4xf32>
  %e = graph.empty_stack {device = "cuda:1"} : !graph.stack<tensor<4xf32>>
  %m, %a, %s = graph.while %n, %1, %e {device = "cuda:1"} : tensor<i32>, tensor<4xf32>, !graph.stack<tensor<4xf32>> {
  ^bb0(%j: tensor<i32>, %b: tensor<4xf32>, %t: !graph.stack<tensor<4xf32>>):
    %zero = graph.fill {value = 0 : i32, device = "cuda:1"} : tensor<i32>
    %c = graph.greater %j, %zero {device = "cuda:1"} : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%j: tensor<i32>, %b: tensor<4xf32>, %t: !graph.stack<tensor<4xf32>>):
    %one = graph.fill {value = 1 : i32, device = "cuda:1"} : tensor<i32>
    %i = graph.subtract %j, %one {device = "cuda:1"} : tensor<i32>
    %d = graph.multiply %b, %2 {device = "cuda:1"} : tensor<4xf32>
    %u = graph.push %t, %b {device = "cuda:1"} : (!graph.stack<tensor<4xf32>>, tensor<4xf32>) -> !graph.stack<tensor<4xf32>>
    graph.yield %i, %d, %u : tensor<i32>, tensor<4xf32>, !graph.stack<tensor<4xf32>>
  }
  %h = graph.copy_to %s {device = "cuda:0"} : !graph.stack<tensor<4xf32>>
  %r, %top = graph.pop %h {device = "cuda:0"} : (!graph.stack<tensor<4xf32>>) -> (!graph.stack<tensor<4xf32>>, tensor<4xf32>)
  func.return %top, %a : tensor<4xf32>, tensor<4xf32>
}

// CHECK:      gpu.func @main_kernel_0(%x: memref<4xf32>, %k: memref<4xf32>, %output0: memref<4xf32>) kernel
// CHECK-NOT:  gpu.func @main_kernel_1(
// CHECK:      func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %n: memref<i32>, %output0: memref<4xf32>,
// CHECK-SAME: graph.arguments = ["input", "input", "input", "output", "output", "arena", "arena", "constant:main_constant_0", "constant:main_constant_1", "host_arena"],
// CHECK-SAME: graph.devices = ["cuda:0", "cuda:1", "cuda:1", "cuda:0", "cuda:1", "cuda:0", "cuda:1", "cuda:0", "cuda:1", "cpu:0"]} {
// CHECK:      gpu.launch_func @kernels::@main_kernel_0 {{.*}} args(%x : memref<4xf32>, %constant : memref<4xf32>, %buffer : memref<4xf32>)
// CHECK-NEXT: gpu.launch_func @kernels::@main_kernel_0 {{.*}} args(%y : memref<4xf32>, %constant_1 : memref<4xf32>, %output1 : memref<4xf32>)
// CHECK-NEXT: gpu.memcpy %buffer_1, %buffer : memref<4xf32>, memref<4xf32>
// CHECK-NEXT: %rows = gpu.alloc(%c16) {graph.device = "cuda:1"} : memref<?x4xf32>
// CHECK:      scf.while
// CHECK:      gpu.memcpy %host, %buffer_4 : memref<1xi8>, memref<1xi8>
// CHECK-NEXT: %host_1 = memref.load %host[%c0] : memref<1xi8>
// CHECK:      %rows_5 = gpu.alloc(%room_4) {graph.device = "cuda:1"} : memref<?x4xf32>

// A stack is copied as the rows that are in use, and freed where it was.
// CHECK:      %rows_7 = gpu.alloc(%room) : memref<?x4xf32>
// CHECK-NEXT: %rows_8 = memref.subview %rows_1[0, 0] [%size, 4] [1, 1]
// CHECK-NEXT: %rows_9 = memref.subview %rows_7[0, 0] [%size, 4] [1, 1]
// CHECK-NEXT: gpu.memcpy %rows_9, %rows_8
// CHECK-NEXT: gpu.dealloc %rows_1
// CHECK:      gpu.dealloc %rows_7
// CHECK-NEXT: func.return
