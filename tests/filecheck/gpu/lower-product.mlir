// A product by tiles in shared memory, of a transposed matrix and one that is computed as it is copied, with a bias; then
// a product of few results and long sums, which several blocks form in parts.
// RUN: pullback-opt %s -p kernels,gpu --no-locations --split-input-file | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu -t cuda-cpp --split-input-file | filecheck %s --check-prefix CUDA

func.func @main(%x: tensor<32x128xf32>, %w: tensor<32x100xf32>, %b: tensor<100xf32>) -> tensor<128x100xf32> {
  %y = graph.kernel %x, %w, %b schedule<kind = matmul, parallel = [128, 100], reduce = [32], gpu = {tile = [64, 64, 16]}>
      : (tensor<32x128xf32>, tensor<32x100xf32>, tensor<100xf32>) -> tensor<128x100xf32> {
  ^bb0(%0: tensor<32x128xf32>, %1: tensor<32x100xf32>, %2: tensor<100xf32>):
    %3 = graph.negative %1 : tensor<32x100xf32>
    %4 = graph.matmul %0, %3 {transpose_a} : (tensor<32x128xf32>, tensor<32x100xf32>) -> tensor<128x100xf32>
    %5 = graph.add %4, %2 : (tensor<128x100xf32>, tensor<100xf32>) -> tensor<128x100xf32>
    graph.yield %5 : tensor<128x100xf32>
  }
  func.return %y : tensor<128x100xf32>
}

// CHECK:      memref.global "private" @main_kernel_0_a_tile : memref<1024xf32, 3 : i64> = uninitialized {alignment = 16 : i64}
// CHECK:      gpu.func @main_kernel_0({{.*}}known_block_size = array<i32: 256, 1, 1>
// CHECK:        %sums = memref.alloca() : memref<16xf32>
// CHECK:        vector.load %x[
// CHECK:        scf.for %start = %c0 to %c32 step %c16 {
// CHECK:          memref.store {{.*}}, %a_tile[
// CHECK:          memref.store {{.*}}, %b_tile[
// CHECK:          [[NEXT:%.*]] = arith.minui {{.*}}, %c16 : index
// CHECK:          vector.load %x[
// CHECK:          [[INSIDE:%.*]] = arith.cmpi ult, {{.*}}, %c100 : index
// CHECK:          scf.if [[INSIDE]] -> (vector<4xf32>) {
// CHECK:            vector.load %w[
// CHECK:            arith.negf
// CHECK:          memref.store {{.*}}, %b_tile_next[
// CHECK:          gpu.barrier
// CHECK:          scf.for %term
// CHECK:            memref.load %b_tile[
// CHECK:            %a = memref.load %a_tile[
// CHECK:            arith.mulf %a
// CHECK:          gpu.barrier

// CUDA:       alignas(16) __shared__ float main_kernel_0_a_tile[1024];
// CUDA:       float sums[16];
// CUDA-NEXT:  #pragma unroll
// CUDA-NEXT:  for (unsigned i = 0; i < 16; i += 1) {
// CUDA-NEXT:    sums[i] = 0.0f;

// -----

func.func @main(%x: tensor<100000x16xf32>, %dy: tensor<100000x16xf32>) -> tensor<16x16xf32> {
  %dw = graph.matmul %x, %dy {transpose_a} : (tensor<100000x16xf32>, tensor<100000x16xf32>) -> tensor<16x16xf32>
  func.return %dw : tensor<16x16xf32>
}

// CHECK:      gpu.func @main_kernel_0(%x: {{.*}}, %dy: {{.*}}, %partial3: memref<99840xf32>)
// CHECK:        [[FIRST:%.*]] = arith.muli %block, %c3125 : index
// CHECK-NEXT:   [[STEP:%.*]] = arith.divui [[FIRST]], %c390 : index
// CHECK:      gpu.func @main_kernel_0_parts(%dw: memref<256xf32>, %partial3: memref<99840xf32>)
// CHECK:        arith.extf
// CHECK:      gpu.launch_func @kernels::@main_kernel_0 blocks in (%c390, {{.*}}) threads in (%c64,
// CUDA:       main_kernel_0_parts(
