// Shared memory, a barrier, shuffles and loops: one block adds up its row.
// RUN: pullback-opt %s -p verify-level{level=gpu} | pullback-opt | filecheck %s
// RUN: pullback-opt %s -t cuda-cpp | filecheck %s --check-prefix CUDA

builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    memref.global "private" @partial : memref<2xf64, 3> = uninitialized
    gpu.func @sum(%x: memref<3x100xf64>, %y: memref<3xf64>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
      %c0 = arith.constant 0 : index
      %c32 = arith.constant 32 : index
      %c64 = arith.constant 64 : index
      %c100 = arith.constant 100 : index
      %c1 = arith.constant 1 : index
      %distance = arith.constant 16 : i32
      %width = arith.constant 32 : i32
      %zero = arith.constant 0.0 : f64
      %row = gpu.block_id x
      %t = gpu.thread_id x
      %total = scf.for %j = %t to %c100 step %c64 iter_args(%acc = %zero) -> (f64) {
        %v = memref.load %x[%row, %j] : memref<3x100xf64>
        %s = arith.addf %acc, %v : f64
        scf.yield %s : f64
      }
      %other, %valid = gpu.shuffle xor %total, %distance, %width : f64
      %pair = arith.addf %total, %other : f64
      %shared = memref.get_global @partial : memref<2xf64, 3>
      %warp = arith.divui %t, %c32 : index
      %lane = arith.remui %t, %c32 : index
      %leads = arith.cmpi eq, %lane, %c0 : index
      scf.if %leads {
        memref.store %pair, %shared[%warp] : memref<2xf64, 3>
      }
      gpu.barrier
      %first = arith.cmpi eq, %t, %c0 : index
      %sum = scf.if %first -> (f64) {
        %a = memref.load %shared[%c0] : memref<2xf64, 3>
        %b = memref.load %shared[%c1] : memref<2xf64, 3>
        %ab = arith.addf %a, %b : f64
        memref.store %ab, %y[%row] : memref<3xf64>
        scf.yield %ab : f64
      } else {
        scf.yield %zero : f64
      }
      gpu.return
    }
  }
}

// CHECK: memref.global "private" @partial : memref<2xf64, 3 : i64> = uninitialized
// CHECK: %other, %valid = gpu.shuffle xor %total, %distance, %width : f64
// CHECK: gpu.barrier

// CUDA: extern "C" __global__ void __launch_bounds__(64) sum_kernel(const double* __restrict__ x, double* __restrict__ y) {
// CUDA-NEXT:   __shared__ double partial[2];
// CUDA-NEXT:   const long long row = blockIdx.x;
// CUDA-NEXT:   const long long t = threadIdx.x;
// CUDA-NEXT:   double acc = 0.0;
// CUDA-NEXT:   for (long long j = t; j < 100; j += 64) {
// CUDA-NEXT:     const double v = x[row * 100 + j];
// CUDA-NEXT:     const double s = acc + v;
// CUDA-NEXT:     acc = s;
// CUDA-NEXT:   }
// CUDA-NEXT:   const double other = __shfl_xor_sync(0xffffffff, acc, 16);
// CUDA-NEXT:   const double pair = acc + other;
// CUDA:        if (leads) {
// CUDA-NEXT:     partial[warp] = pair;
// CUDA-NEXT:   }
// CUDA-NEXT:   __syncthreads();
// CUDA-NEXT:   const bool first = t == 0;
// CUDA-NEXT:   double sum;
// CUDA-NEXT:   if (first) {
// CUDA-NEXT:     const double a = partial[0];
// CUDA:          y[row] = ab;
// CUDA-NEXT:     sum = ab;
// CUDA-NEXT:   } else {
// CUDA-NEXT:     sum = 0.0;
// CUDA-NEXT:   }
