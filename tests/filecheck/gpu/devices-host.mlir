// A program on the host and a GPU: each has an arena, copies go between them, the host's kernels are functions of loops.
// RUN: pullback-opt %s -p 'form-kernels{device=cuda},plan-memory,lower-to-gpu{vector-bits=128},verify-level{level=gpu}' --no-locations | filecheck %s

func.func @main(%x: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) attributes {graph.devices = ["cuda:0"]} {
  %k = graph.constant {device = "cuda:0"} dense<[1., 2., 3., 4., 5., 6., 7., 8.]> : tensor<8xf32>
  %0 = graph.add %x, %k {device = "cuda:0"} : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  %1 = graph.copy_to %0 {device = "cpu:0"} : tensor<2x8xf32>
  %c = graph.constant {device = "cpu:0"} dense<[1., 2., 3., 4., 5., 6., 7., 8.]> : tensor<8xf32>
  %2 = graph.multiply %1, %c {device = "cpu:0"} : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  %3 = graph.cumsum %2 {axis = 1 : i64, host, device = "cpu:0"} : tensor<2x8xf32>
  %4 = graph.multiply %3, %c {device = "cpu:0"} : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  %5 = graph.copy_to %4 {device = "cuda:0"} : tensor<2x8xf32>
  %6 = graph.cumsum %5 {axis = 1 : i64, host, device = "cuda:0"} : tensor<2x8xf32>
  func.return %6, %4 : tensor<2x8xf32>, tensor<2x8xf32>
}

// The constant of the GPU is an argument there, that of the host stays in the module. Equal kernels of the host are one.
// CHECK:      gpu.module @kernels {
// CHECK-NEXT: gpu.func @main_kernel_0(%x: memref<16xf32>, %k: memref<8xf32>, %output0: memref<16xf32>) kernel
// CHECK-NOT:  gpu.func
// CHECK:      memref.global "private" constant @main_constant_0
// CHECK-NEXT: memref.global "private" constant @main_constant_1
// CHECK-NEXT: func.func private @main_host_0
// CHECK-NEXT: func.func private @main_host_1
// CHECK-NEXT: func.func private @main_kernel_1(%input0: memref<2x8xf32>, %c: memref<8xf32>) {
// CHECK:      vector.store %{{.*}}, %input0[%row, %c0] : memref<2x8xf32>, vector<8xf32>
// CHECK:      func.func @main(%x: memref<2x8xf32>, %output0: memref<2x8xf32>, %output1: memref<2x8xf32>,
// CHECK-SAME: %arena_cpu0: memref<256xi8>, %arena_cuda0: memref<256xi8>, %constant: memref<8xf32>, %host_arena: memref<128xi8>)
// CHECK-SAME: graph.arguments = ["input", "output", "output", "arena", "arena", "constant:main_constant_0", "host_arena"],
// CHECK-SAME: graph.devices = ["cuda:0", "cuda:0", "cpu:0", "cpu:0", "cuda:0", "cuda:0", "cpu:0"]} {
// CHECK:      %buffer = memref.view %arena_cuda0[%c0][] : memref<256xi8> to memref<16xf32>
// CHECK:      %buffer_2 = memref.view %arena_cpu0[%c0][] : memref<256xi8> to memref<2x8xf32>
// CHECK-NEXT: %constant_1 = memref.get_global @main_constant_1 : memref<8xf32>

// One copy each way; the host's own operations reach its memory, those on tensors of the GPU work on copies in the arena
// of the host.
// CHECK:      gpu.launch_func @kernels::@main_kernel_0 {{.*}} args(%x_1 : memref<16xf32>, %constant : memref<8xf32>, %buffer
// CHECK-NEXT: gpu.memcpy %buffer_2, %buffer_1
// CHECK-NEXT: func.call @main_kernel_1(%buffer_2, %constant_1)
// CHECK-NEXT: func.call @main_host_0(%buffer_2, %output1)
// CHECK-NEXT: func.call @main_kernel_1(%output1, %constant_1)
// CHECK-NEXT: gpu.memcpy %buffer_1, %output1
// CHECK-NEXT: gpu.memcpy %host, %buffer_1
// CHECK-NEXT: func.call @main_host_1(%host, %host_1)
// CHECK-NEXT: gpu.memcpy %output0, %host_1
// CHECK-NEXT: func.return
