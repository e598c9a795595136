// The transpose of a matrix goes through shared memory, a tile of 16 x 16 for each block, and numbers beside it do not.
// RUN: pullback-opt %s -p 'form-kernels{device=cuda}' --no-locations | filecheck %s --check-prefix=KERNELS
// RUN: pullback-opt %s -p 'form-kernels{device=cuda},plan-memory,gpu' --no-locations | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu --no-locations | filecheck %s

func.func @main(%x: tensor<40x48xf32>, %b: tensor<40xf32>) -> tensor<48x40xf32> {
  %t = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<40x48xf32>) -> tensor<48x40xf32>
  %y = graph.add %t, %b : (tensor<48x40xf32>, tensor<40xf32>) -> tensor<48x40xf32>
  func.return %y : tensor<48x40xf32>
}

// KERNELS: schedule<kind = pointwise, parallel = [48, 40], gpu = {threads = 256, vector = 1, stage = [0], tile = [16, 16]}>

// CHECK:      memref.global "private" @main_kernel_0_shared_0 : memref<272xf32, 3 : i64> = uninitialized
// CHECK:      gpu.func @main_kernel_0(%x: memref<1920xf32>, %b: memref<40xf32>, %y: memref<1920xf32>)
// CHECK:        [[TILE:%.*]] = memref.get_global @main_kernel_0_shared_0
// CHECK:        %inside = arith.cmpi ult, %along_rows, %c40 : index
// CHECK:        scf.if %inside {
// CHECK-NEXT:     [[X:%.*]] = memref.load %x[{{.*}}] : memref<1920xf32>
// CHECK:          memref.store [[X]], [[TILE]]
// CHECK-NEXT:   }
// CHECK-NEXT:   gpu.barrier
// CHECK:        scf.if %inside_1 {
// CHECK:          [[T:%.*]] = memref.load [[TILE]]
// CHECK-NEXT:     [[B:%.*]] = memref.load %b[%along_lanes_1] : memref<40xf32>
// CHECK-NEXT:     [[Y:%.*]] = arith.addf [[T]], [[B]] : f32
// CHECK:          memref.store [[Y]], %y
// CHECK:      gpu.launch_func @kernels::@main_kernel_0 blocks in (%c9, %c1, %c1) threads in (%c256, %c1, %c1)
