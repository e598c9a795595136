// `--explain` of complex ys: by the seeds of a request, and without one, where ones were refused.
// RUN: pullback-opt %s --explain=%z | filecheck %s --check-prefix SEEDS
// RUN: pullback-opt %s --explain=@plain:%w | filecheck %s --check-prefix RETURNED

func.func @main(%z: tensor<3xcomplex<f32>>, %s: tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>> {
  %y = graph.multiply %z, %z : tensor<3xcomplex<f32>>
  %dz = graph.gradients of (%y) wrt (%z) seeds (%s)
      : (tensor<3xcomplex<f32>>, tensor<3xcomplex<f32>>, tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>>
  func.return %dz : tensor<3xcomplex<f32>>
}

func.func @plain(%w: tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>> {
  %y = graph.multiply %w, %w : tensor<3xcomplex<f32>>
  func.return %y : tensor<3xcomplex<f32>>
}

// SEEDS: d y / d z: 2 paths through 1 operation
// RETURNED: d y / d w: 2 paths through 1 operation
