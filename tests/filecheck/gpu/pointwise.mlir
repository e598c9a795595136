// A pointwise kernel in upstream spelling: it round-trips, prints as CUDA C++, and runs on the emulator.
// RUN: pullback-opt %s -p verify-level{level=gpu} | pullback-opt | filecheck %s
// RUN: pullback-opt %s -t cuda-cpp | filecheck %s --check-prefix CUDA
// RUN: pullback-run %s --target simt --values --input x=[0,0.5,-1,2,3] --input y=[0,0,0,0,0] | filecheck %s --check-prefix VALUES

builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @scale(%x: memref<5xf32>, %y: memref<5xf32>) kernel attributes {known_block_size = array<i32: 4, 1, 1>} {
      %size = arith.constant 5 : index
      %block = gpu.block_id x
      %thread = gpu.thread_id x
      %threads = gpu.block_dim x
      %before = arith.muli %block, %threads : index
      %i = arith.addi %before, %thread : index
      %inside = arith.cmpi ult, %i, %size : index
      scf.if %inside {
        %a = memref.load %x[%i] : memref<5xf32>
        %e = math.exp %a : f32 loc("layer/exp")
        %two = arith.constant 2.0 : f32
        %b = arith.mulf %e, %two : f32
        memref.store %b, %y[%i] : memref<5xf32>
      }
      gpu.return
    }
  }
  func.func @main(%x: memref<5xf32>, %y: memref<5xf32>) {
    %one = arith.constant 1 : index
    %two = arith.constant 2 : index
    %four = arith.constant 4 : index
    gpu.launch_func @kernels::@scale blocks in (%two, %one, %one) threads in (%four, %one, %one) args(%x : memref<5xf32>, %y : memref<5xf32>)
    func.return
  }
}

// CHECK: builtin.module attributes {gpu.container_module} {
// CHECK-NEXT: gpu.module @kernels {
// CHECK-NEXT: gpu.func @scale(%x: memref<5xf32>, %y: memref<5xf32>) kernel attributes {known_block_size = array<i32: 4, 1, 1>} {
// CHECK: %block = gpu.block_id x
// CHECK-NEXT: %thread = gpu.thread_id x
// CHECK-NEXT: %threads = gpu.block_dim x
// CHECK: gpu.return
// CHECK: gpu.launch_func @kernels::@scale blocks in (%two, %one, %one) threads in (%four, %one, %one) args(%x : memref<5xf32>, %y : memref<5xf32>)

// CUDA: extern "C" __global__ void __launch_bounds__(4) scale_kernel(const float* __restrict__ x, float* __restrict__ y) {
// CUDA-NEXT:   const long long block = blockIdx.x;
// CUDA-NEXT:   const long long thread = threadIdx.x;
// CUDA-NEXT:   const long long threads = blockDim.x;
// CUDA-NEXT:   const long long before = block * threads;
// CUDA-NEXT:   const long long i = before + thread;
// CUDA-NEXT:   const bool inside = (unsigned long long)i < 5;
// CUDA-NEXT:   if (inside) {
// CUDA-NEXT:     const float a = x[i];
// CUDA-NEXT:     const float e = expf(a);  // layer/exp
// CUDA-NEXT:     const float b = e * 2.0f;
// CUDA-NEXT:     y[i] = b;
// CUDA-NEXT:   }
// CUDA-NEXT: }

// VALUES: y = [2.0, 3.29
