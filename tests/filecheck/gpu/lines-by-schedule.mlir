// Rows and columns by the keys of their schedules, as form-kernels writes them, and as they may be edited.
// RUN: pullback-opt %s -p 'finish,form-kernels{device=cuda}' --no-locations | filecheck %s
// RUN: pullback-opt %s -p 'finish,form-kernels{device=cuda}' --no-locations | sed 's/lanes = 2, rows = 128/lanes = 8, rows = 4/; s/threads = 256, vector = 4, lanes = 8/threads = 32, vector = 1, lanes = 8/' | pullback-opt - -p kernels,gpu -t cuda-cpp | filecheck %s --check-prefix EDITED

func.func @main(%x: tensor<1000000x8xf32>, %z: tensor<1000000x16xf32>) -> (tensor<1000000x8xf32>, tensor<16xf32>) {
  %y = graph.softmax %x {axis = 1 : i64} : tensor<1000000x8xf32>
  %s = graph.sum %z {axes = array<i64: 0>} : (tensor<1000000x16xf32>) -> tensor<16xf32>
  func.return %y, %s : tensor<1000000x8xf32>, tensor<16xf32>
}

// CHECK:      kind = rows, parallel = [1000000], reduce = [8], gpu = {threads = 256, vector = 4, lanes = 2, rows = 128, keep = registers, chunk = 1, split = 1}
// CHECK:      kind = columns, parallel = [16], reduce = [1000000], gpu = {threads = 512, vector = 4, split = 1024}

// EDITED:      __launch_bounds__(32) main_kernel_0(
// EDITED-NOT:  __shared__
// EDITED:      const unsigned group = thread / 8;
// EDITED:      __shfl_xor_sync(0xffffffff, {{.*}}, 4);
// EDITED-NOT:  __syncthreads
// EDITED:      __launch_bounds__(512) main_kernel_1_stage0(
