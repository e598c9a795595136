// A pointwise graph becomes one gpu.func, a thread for each element, and a launch: as MLIR, as CUDA C++, and run.
// RUN: pullback-opt %s -p kernels,gpu --no-locations | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu | pullback-opt | pullback-opt -p verify-level{level=gpu} --no-locations | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu -t cuda-cpp | filecheck %s --check-prefix CUDA

func.func @main(%x: tensor<8x500xf32>, %bias: tensor<500xf32>) -> (tensor<8x500xf32>, tensor<8x500xi1>) {
  %t = graph.tanh %x : tensor<8x500xf32>
  %y = graph.add %t, %bias : (tensor<8x500xf32>, tensor<500xf32>) -> tensor<8x500xf32>
  %positive = graph.greater %y, %x : (tensor<8x500xf32>, tensor<8x500xf32>) -> tensor<8x500xi1>
  func.return %y, %positive : tensor<8x500xf32>, tensor<8x500xi1>
}

// CHECK:      builtin.module attributes {gpu.container_module} {
// CHECK-NEXT:   gpu.module @kernels {
// CHECK-NEXT:     gpu.func @main_kernel_0(%x: memref<4000xf32>, %bias: memref<500xf32>, %y: memref<4000xf32>, %positive: memref<4000xi8>) kernel attributes {known_block_size = array<i32: 256, 1, 1>, graph.index_bitwidth = 32 : i64} {
// CHECK:            %before = arith.muli %block, %c256 : index
// CHECK-NEXT:       %i = arith.addi %before, %thread : index
// CHECK-NEXT:       %inside = arith.cmpi ult, %i, %c4000 : index
// CHECK-NEXT:       scf.if %inside {
// CHECK-NEXT:         [[X:%.*]] = memref.load %x[%i] : memref<4000xf32>
// CHECK-NEXT:         [[T:%.*]] = math.tanh [[X]] : f32
// CHECK-NEXT:         [[COLUMN:%.*]] = arith.remui %i, %c500 : index
// CHECK-NEXT:         [[B:%.*]] = memref.load %bias{{\[}}[[COLUMN]]{{\]}} : memref<500xf32>
// CHECK-NEXT:         [[Y:%.*]] = arith.addf [[T]], [[B]] : f32
// CHECK-NEXT:         [[P:%.*]] = arith.cmpf ogt, [[Y]], [[X]] : f32
// CHECK-NEXT:         memref.store [[Y]], %y[%i] : memref<4000xf32>
// CHECK-NEXT:         [[BYTE:%.*]] = arith.extui [[P]] : i1 to i8
// CHECK-NEXT:         memref.store [[BYTE]], %positive[%i] : memref<4000xi8>
// CHECK-NEXT:       }
// CHECK-NEXT:       gpu.return
// CHECK:        func.func @main(%x: memref<8x500xf32>, %bias: memref<500xf32>, %output0: memref<8x500xf32>, %output1: memref<8x500xi8>) attributes {graph.arguments = ["input", "input", "output", "output"], graph.devices = ["cuda:0", "cuda:0", "cuda:0", "cuda:0"]} {
// CHECK:          gpu.launch_func @kernels::@main_kernel_0 blocks in (%c16, %c1, %c1) threads in (%c256, %c1, %c1)
// CHECK-NEXT:     func.return

// CUDA:      extern "C" __global__ void __launch_bounds__(256) main_kernel_0(const float* __restrict__ x, const float* __restrict__ bias, float* __restrict__ y, signed char* __restrict__ positive) {
// CUDA:        if (inside) {
// CUDA-NEXT:     const float x_0 = x[i];
// CUDA-NEXT:     const float tanh_0 = tanhf(x_0);
// CUDA-NEXT:     const {{.*}} inner = {{.*}}i % 500;
// CUDA-NEXT:     const float bias_0 = bias[inner];
// CUDA-NEXT:     const float sum = tanh_0 + bias_0;
// CUDA-NEXT:     const bool condition = sum > x_0;
// CUDA-NEXT:     y[i] = sum;
// CUDA-NEXT:     const signed char extui = (signed char)condition;
// CUDA-NEXT:     positive[i] = extui;
// CUDA-NEXT:   }
// CUDA-NEXT: }
