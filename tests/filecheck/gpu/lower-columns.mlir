// Sums down columns: a warp on 32 columns side by side, 16 warps in turns, their sums joined in shared memory.
// RUN: pullback-opt %s -p kernels,gpu --no-locations | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu -t cuda-cpp | filecheck %s --check-prefix CUDA

func.func @main(%x: tensor<500x70xf32>) -> tensor<70xf32> {
  %y = graph.sum %x {axes = array<i64: 0>} : (tensor<500x70xf32>) -> tensor<70xf32>
  func.return %y : tensor<70xf32>
}

// CHECK:      gpu.func @main_kernel_0(%x: memref<35000xf32>, %y: memref<70xf32>) kernel attributes {known_block_size = array<i32: 512, 1, 1>, graph.index_bitwidth = 32 : i64} {
// CHECK:        %exists = arith.cmpi ult, %candidate, %c70 : index
// CHECK-NEXT:   %column = arith.select %exists, %candidate, %c0 : index
// CHECK:        scf.for %k = %warp to %c500 step %c16
// CHECK:        memref.store {{%.*}}, %scratch[%thread] : memref<512xf32, 3 : i64>
// CHECK-NEXT:   gpu.barrier
// CHECK:        scf.for %start = %c0 to %c512 step %c32
// CHECK:        memref.store {{%.*}}, %y[%column] : memref<70xf32>
// CHECK:      gpu.launch_func @kernels::@main_kernel_0 blocks in (%c3, %c1, %c1) threads in (%c512, %c1, %c1)

// CUDA:      __shared__ float main_kernel_0_shared_0[512];
// CUDA:      const unsigned column = exists ? candidate : 0;
// CUDA-NEXT: float total = 0.0f;
// CUDA-NEXT: for (unsigned k = warp; k < 500; k += 16) {
// CUDA:      main_kernel_0_shared_0[thread] = total;
// CUDA-NEXT: __syncthreads();
// CUDA:      if (leads) {
// CUDA-NEXT:   y[column] = total{{.*}};
