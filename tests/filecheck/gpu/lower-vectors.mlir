// A long pointwise graph goes by vectors of 16 bytes; edited by hand, by what its accesses allow.
// RUN: pullback-opt %s -p 'form-kernels{device=cuda}' --no-locations | filecheck %s --check-prefix=KERNELS
// RUN: pullback-opt %s -p kernels,gpu --no-locations | filecheck %s
// RUN: pullback-opt %s -p 'form-kernels{device=cuda}' | sed 's/threads = 256, vector = 4/threads = 128, vector = 2/' | pullback-opt -p plan-memory,gpu --no-locations | filecheck %s --check-prefix=EDITED
// RUN: pullback-opt %s -p 'form-kernels{device=cuda}' --no-locations | sed 's/vector = 4/vector = 8/' | not pullback-opt -p plan-memory,gpu 2>&1 | filecheck %s --check-prefix=WRONG

func.func @main(%x: tensor<1024x1024xf32>, %b: tensor<1024xf32>) -> tensor<1024x1024xf32> {
  %n = graph.negative %x : tensor<1024x1024xf32>
  %y = graph.add %n, %b : (tensor<1024x1024xf32>, tensor<1024xf32>) -> tensor<1024x1024xf32>
  func.return %y : tensor<1024x1024xf32>
}

// KERNELS: schedule<kind = pointwise, parallel = [1024, 1024], gpu = {threads = 256, vector = 4, stage = []}>

// CHECK:      %i = arith.muli %number, %c4 : index
// CHECK-NEXT: [[X:%.*]] = vector.load %x[%i] : memref<1048576xf32>, vector<4xf32>
// CHECK-NEXT: [[N:%.*]] = arith.negf [[X]] : vector<4xf32>
// CHECK-NEXT: %inner = arith.remui %i, %c1024 : index
// CHECK-NEXT: [[B:%.*]] = vector.load %b[%inner] : memref<1024xf32>, vector<4xf32>
// CHECK-NEXT: [[Y:%.*]] = arith.addf [[N]], [[B]] : vector<4xf32>
// CHECK-NEXT: vector.store [[Y]], %y[%i] : memref<1048576xf32>, vector<4xf32>
// CHECK-NEXT: gpu.return
// CHECK:      blocks in (%c1024, %c1, %c1) threads in (%c256, %c1, %c1)

// EDITED: vector.store {{.*}} vector<2xf32>
// EDITED: blocks in (%c4096, %c1, %c1) threads in (%c128, %c1, %c1)

// WRONG: error: schedule: vector is 8, but result 0 would be accessed by 32 bytes at once, of 16; expected 1 or 2 or 4
