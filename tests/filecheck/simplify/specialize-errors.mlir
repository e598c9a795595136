// Shapes that do not fit, each told with what was expected.
// RUN: not pullback-opt %s -p 'specialize-shapes{main=4}' 2>&1 | filecheck %s --check-prefix NUMBER
// RUN: not pullback-opt %s -p 'specialize-shapes{main=4x2,4,scalar}' 2>&1 | filecheck %s --check-prefix RANK
// RUN: not pullback-opt %s -p 'specialize-shapes{main=4,4,9}' 2>&1 | filecheck %s --check-prefix SCALAR
// RUN: not pullback-opt %s -p 'specialize-shapes{main=4,4y,_}' 2>&1 | filecheck %s --check-prefix FORMAT
// RUN: not pullback-opt %s -p 'specialize-shapes{main=4,5,_}' 2>&1 | filecheck %s --check-prefix OP

func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>, %z: tensor<f32>) -> tensor<?xf32> {
  %a = graph.add %x, %y : tensor<?xf32>
  func.return %a : tensor<?xf32>
}

// NUMBER: :8:1: error: specialize-shapes: 1 shapes for the 3 arguments of @main: give one per argument, '_' for the declared shape
// RANK: error: specialize-shapes: argument 'x' is tensor<?xf32>, which shape (4, 2) does not fit
// SCALAR: error: specialize-shapes: argument 'z' is tensor<f32>, which shape (9) does not fit
// FORMAT: error: specialize-shapes: shape 1 is '4y': expected extents joined by x as in 4x64, 'scalar', or '_' for the declared shape
// OP: :9:3: error: specialize-shapes: @main is not defined on (tensor<4xf32>, tensor<5xf32>, tensor<f32>): graph.add: broadcast_c1: operands of tensor<4xf32> and tensor<5xf32> do not broadcast
