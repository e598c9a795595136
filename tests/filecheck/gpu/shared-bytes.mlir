// How much shared memory a block has is an option of the pass: what a device can do is in the text of the pipeline.
// RUN: pullback-opt %s -p kernels,lower-to-gpu{shared-bytes=2048} --no-locations | filecheck %s
// RUN: not pullback-opt %s -p kernels,lower-to-gpu{shared-bytes=2047} 2>&1 | filecheck %s --check-prefix SMALL
// RUN: not pullback-opt %s -p kernels,lower-to-gpu{shared-bytes=-1} 2>&1 | filecheck %s --check-prefix NEGATIVE

func.func @main(%x: tensor<500x70xf32>) -> tensor<70xf32> {
  %y = graph.sum %x {axes = array<i64: 0>} : (tensor<500x70xf32>) -> tensor<70xf32>
  func.return %y : tensor<70xf32>
}

// CHECK: memref<512xf32, 3 : i64>

// SMALL: shared-bytes.mlir:7:3: error: the reductions of the kernel need 2048 bytes of shared memory, and a block has 2047: expected fewer threads

// NEGATIVE: error: lower-to-gpu: shared-bytes is -1; expected 0 or more
