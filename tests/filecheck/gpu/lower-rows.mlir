// A softmax and the sum of its logarithms: a block for each row, whose elements stay in registers, then one block for
// the total of all rows.
// RUN: pullback-opt %s -p kernels,gpu --no-locations | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu -t cuda-cpp | filecheck %s --check-prefix CUDA

func.func @main(%x: tensor<64x300xf32>) -> (tensor<64x300xf32>, tensor<f32>) {
  %max = graph.max %x {axes = array<i64: 1>, keepdims} : (tensor<64x300xf32>) -> tensor<64x1xf32>
  %d = graph.subtract %x, %max : (tensor<64x300xf32>, tensor<64x1xf32>) -> tensor<64x300xf32>
  %e = graph.exp %d : tensor<64x300xf32>
  %sum = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<64x300xf32>) -> tensor<64x1xf32>
  %p = graph.divide %e, %sum : (tensor<64x300xf32>, tensor<64x1xf32>) -> tensor<64x300xf32>
  %l = graph.log %sum : tensor<64x1xf32>
  %loss = graph.sum %l {axes = array<i64: 0, 1>} : (tensor<64x1xf32>) -> tensor<f32>
  func.return %p, %loss : tensor<64x300xf32>, tensor<f32>
}

// CHECK:      gpu.module @kernels {
// CHECK-NEXT:   memref.global "private" @main_kernel_0_shared_0 : memref<4xf32, 3 : i64> = uninitialized
// CHECK-NEXT:   memref.global "private" @main_kernel_0_shared_1 : memref<4xf32, 3 : i64> = uninitialized
// CHECK-NEXT:   gpu.func @main_kernel_0(%x: memref<19200xf32>, %p: memref<19200xf32>, %partial3: memref<64xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>, graph.index_bitwidth = 32 : i64} {
// CHECK:          %row = gpu.block_id x
// CHECK:          [[X:%.*]] = memref.load %x[
// CHECK:          memref.load %x[
// CHECK:          [[LAST:%.*]] = memref.load %x[
// CHECK-NEXT:     [[TERM:%.*]] = arith.select %exists, [[LAST]], {{%.*}} : f32
// CHECK:          arith.maximumf {{%.*}}, [[TERM]] : f32
// CHECK:          gpu.shuffle xor
// CHECK:          [[SCRATCH:%.*]] = memref.get_global @main_kernel_0_shared_0 : memref<4xf32, 3 : i64>
// CHECK:          scf.if %leads_warp {
// CHECK-NEXT:       memref.store {{%.*}}, [[SCRATCH]][%warp] : memref<4xf32, 3 : i64>
// CHECK-NEXT:     }
// CHECK-NEXT:     gpu.barrier
// CHECK:          [[MAX:%.*]] = arith.maximumf {{%.*}} : f32
// CHECK:          [[D:%.*]] = arith.subf [[X]], {{%.*}} : f32
// CHECK:          [[E:%.*]] = math.exp [[D]] : f32
// CHECK:          gpu.barrier
// CHECK-NOT:      math.exp
// CHECK:          [[P:%.*]] = arith.divf [[E]], [[SUM:%.*]] : f32
// CHECK-NEXT:     memref.store [[P]], %p[
// CHECK:          scf.if %exists {
// CHECK-NEXT:       arith.divf
// CHECK:          [[LOG:%.*]] = math.log [[SUM]] : f32
// CHECK:          scf.if %leads {
// CHECK-NEXT:       memref.store [[LOG]], %partial3[%row] : memref<64xf32>
// CHECK:        gpu.func @main_kernel_0_totals(%loss: memref<1xf32>, %partial3: memref<64xf32>) kernel
// CHECK:            memref.store {{%.*}}, %loss[%c0] : memref<1xf32>
// CHECK:      func.func @main({{.*}} %arena: memref<256xi8>) attributes {graph.arguments = ["input", "output", "output", "arena"], graph.devices = ["cuda:0", "cuda:0", "cuda:0", "cuda:0"]} {
// CHECK:        %scratch = memref.view %arena[%c0][] : memref<256xi8> to memref<64xf32>
// CHECK:        gpu.launch_func @kernels::@main_kernel_0 blocks in (%c64, %c1, %c1) threads in (%c128, %c1, %c1)
// CHECK-NEXT:   gpu.launch_func @kernels::@main_kernel_0_totals blocks in (%c1, %c1, %c1) threads in (%c32, %c1, %c1)
// CHECK-NEXT:   func.return

// CUDA:      template <typename T> __device__ __forceinline__ T maximum(T a, T b) { return a > b || a != a ? a : b; }
// CUDA:      extern "C" __global__ void __launch_bounds__(128) main_kernel_0(const float* __restrict__ x, float* __restrict__ p, float* __restrict__ partial3) {
// CUDA-NEXT:   __shared__ float main_kernel_0_shared_0[4];
// CUDA-NEXT:   __shared__ float main_kernel_0_shared_1[4];
// CUDA:        const float x_2 = x[
// CUDA:        __shfl_xor_sync(0xffffffff, larger_0, 16);
// CUDA:        if (leads_warp) {
// CUDA-NEXT:     main_kernel_0_shared_0[warp] =
// CUDA-NEXT:   }
// CUDA-NEXT:   __syncthreads();
// CUDA:        __syncthreads();
// CUDA:        p[at] = quotient;
// CUDA:          partial3[row] = log_0;
// CUDA:      extern "C" __global__ void __launch_bounds__(32) main_kernel_0_totals(float* __restrict__ loss, const float* __restrict__ partial3) {
// CUDA:          loss[0] =
