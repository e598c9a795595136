// Rows that are added: keys sorted by blocks, merged, then added up in chunks whose partial sums are added up likewise.
// RUN: pullback-opt %s -p kernels,gpu --no-locations --split-input-file | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu -t cuda-cpp --split-input-file | filecheck %s --check-prefix CUDA

func.func @main(%g: tensor<70x5xf32>, %i: tensor<70xi32>) -> tensor<9x5xf32> {
  %y = graph.kernel %g, %i schedule<kind = scatter, parallel = [70, 5], gpu = {threads = 32, chunk = 40, method = sorted}>
      : (tensor<70x5xf32>, tensor<70xi32>) -> tensor<9x5xf32> {
  ^bb0(%0: tensor<70x5xf32>, %1: tensor<70xi32>):
    %2 = graph.make_slices %0, %1 : (tensor<70x5xf32>, tensor<70xi32>) -> !graph.slices<tensor<70x5xf32>, tensor<70xi32>, tensor<9x5xf32>>
    %3 = graph.densify %2 : (!graph.slices<tensor<70x5xf32>, tensor<70xi32>, tensor<9x5xf32>>) -> tensor<9x5xf32>
    graph.yield %3 : tensor<9x5xf32>
  }
  func.return %y : tensor<9x5xf32>
}

// CHECK:      gpu.func @main_kernel_0_1_order({{.*}}known_block_size = array<i32: 32, 1, 1>
// CHECK:        memref.store [[KEY:%.*]], %run[%thread] : memref<32xi32, 3 : i64>
// CHECK-NEXT:   gpu.barrier
// CHECK-NEXT:   %smaller = scf.for %k = %c0 to %c32 step %c1
// CHECK:      gpu.func @main_kernel_0_1_order_1(
// CHECK:        %place = scf.for %way = %c0 to %c4 step %c1
// CHECK:      gpu.func @main_kernel_0_1_segments(
// CHECK:        %total, %index, %first, %last = scf.for %place = %begin to {{.*}} -> (f32, i32, f32, f32)
// CHECK:      gpu.func @main_kernel_0_1_segments_1(
// CHECK:        %total, %index = scf.for %place = %begin to {{.*}} -> (f64, i32)

// CUDA:       __shared__ int main_kernel_0_1_order_
// CUDA:       float total = -0.0f;
// CUDA:       double total = -0.0;

// -----

// Few rows: a thread for each column goes through them in order.

func.func @main(%g: tensor<3x5xf32>, %i: tensor<3xi32>) -> tensor<9x5xf32> {
  %y = graph.kernel %g, %i schedule<kind = scatter, parallel = [3, 5]> : (tensor<3x5xf32>, tensor<3xi32>) -> tensor<9x5xf32> {
  ^bb0(%0: tensor<3x5xf32>, %1: tensor<3xi32>):
    %2 = graph.make_slices %0, %1 : (tensor<3x5xf32>, tensor<3xi32>) -> !graph.slices<tensor<3x5xf32>, tensor<3xi32>, tensor<9x5xf32>>
    %3 = graph.densify %2 : (!graph.slices<tensor<3x5xf32>, tensor<3xi32>, tensor<9x5xf32>>) -> tensor<9x5xf32>
    graph.yield %3 : tensor<9x5xf32>
  }
  func.return %y : tensor<9x5xf32>
}

// CHECK:      gpu.func @main_kernel_0_1(
// CHECK:        scf.for %slice = %c0 to %c3 step %c1 {
// CHECK:          %inside{{.*}} = arith.cmpi ult, {{.*}} : i32
// CHECK:          scf.if %inside
// CHECK:            arith.addf
// CHECK:            memref.store
// CUDA:       for (unsigned slice = 0; slice < 3; slice += 1) {
