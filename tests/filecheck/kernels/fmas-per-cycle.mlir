// The block of a product in registers is for the FMAs that begin in a cycle: one unit is busy with fewer sums than two.
// RUN: pullback-opt %s -p 'finish,form-kernels{fmas-per-cycle=1}' --no-locations | filecheck %s --check-prefixes=ONE
// RUN: pullback-opt %s -p 'finish,form-kernels{fmas-per-cycle=2}' --no-locations | filecheck %s --check-prefixes=TWO
// RUN: pullback-opt %s -p 'finish,form-kernels' --no-locations | filecheck %s --check-prefixes=TWO
// RUN: pullback-opt %s -p 'finish,form-kernels{vector-bits=256 fmas-per-cycle=1}' --no-locations | filecheck %s --check-prefixes=NARROW

// ONE-LABEL: func.func @matmul
// ONE: kind = matmul, parallel = [512, 1024], reduce = [256], cpu = {vector = 16, unroll = 4, tile = [4, 64]}
// TWO-LABEL: func.func @matmul
// TWO: kind = matmul, parallel = [512, 1024], reduce = [256], cpu = {vector = 16, unroll = 4, tile = [14, 32]}
// NARROW-LABEL: func.func @matmul
// NARROW: kind = matmul, parallel = [512, 1024], reduce = [256], cpu = {vector = 8, unroll = 4, tile = [4, 24]}
func.func @matmul(%a: tensor<512x256xf32>, %b: tensor<256x1024xf32>) -> tensor<512x1024xf32> {
  %y = graph.matmul %a, %b : (tensor<512x256xf32>, tensor<256x1024xf32>) -> tensor<512x1024xf32>
  func.return %y : tensor<512x1024xf32>
}

// ONE-LABEL: func.func @windows
// ONE: tile = [6, 64]
// TWO-LABEL: func.func @windows
// TWO: tile = [14, 32]
func.func @windows(%x: tensor<8x34x34x32xf32>, %w: tensor<3x3x32x64xf32>) -> tensor<8x32x32x64xf32> {
  %y = graph.conv2d %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>} : (tensor<8x34x34x32xf32>, tensor<3x3x32x64xf32>) -> tensor<8x32x32x64xf32>
  func.return %y : tensor<8x32x32x64xf32>
}
