// CUDA C++ is printed of what was lowered for GPUs: of CPU loops nothing was printed, with exit status 0.
// RUN: not pullback-opt %s -p kernels,loops -t cuda-cpp 2>&1 | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu -t cuda-cpp | filecheck %s --check-prefix CUDA

func.func @main(%x: tensor<5xf32>) -> tensor<5xf32> {
  %y = graph.tanh %x : tensor<5xf32>
  func.return %y : tensor<5xf32>
}

// CHECK: not-lowered.mlir:1:1: error: the module has no gpu.module, so no kernels: lower it by -p gpu
// CUDA: __global__ void
