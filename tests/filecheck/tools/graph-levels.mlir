// RUN: pullback-opt %s --split-input-file -p verify-level{level=request} -o %t
// RUN: not pullback-opt %s --split-input-file -p verify-level{level=gradients} 2>&1 | filecheck %s --check-prefix GRADIENTS
// RUN: not pullback-opt %s --split-input-file -p verify-level{level=graph} 2>&1 | filecheck %s --check-prefix GRAPH
// RUN: not pullback-opt %s --split-input-file -p verify-level{level=kernels} 2>&1 | filecheck %s --check-prefix KERNELS

func.func @request(%x: tensor<2xf32>) -> tensor<2xf32> {
  %dx = graph.gradients of (%x) wrt (%x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %dx : tensor<2xf32>
}

// -----

func.func @marked(%x: tensor<2xf32>) -> tensor<2xf32> {
  %s = graph.sum_gradients %x, %x : tensor<2xf32>
  func.return %s : tensor<2xf32>
}

// -----

func.func @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> {
  func.return %x : tensor<?xf32>
}

// -----

func.func @static(%x: tensor<2xf32>) -> tensor<2xf32> {
  func.return %x : tensor<2xf32>
}

// GRADIENTS: :7:3: error: 'graph.gradients' has no place at level 'gradients'
// GRADIENTS-NOT: error:

// GRAPH: :7:3: error: 'graph.gradients' has no place at level 'graph'
// GRAPH: :14:3: error: 'graph.sum_gradients' has no place at level 'graph'
// GRAPH-NOT: error:

// KERNELS: :7:3: error: 'graph.gradients' has no place at level 'kernels'
// KERNELS: :14:3: error: 'graph.sum_gradients' has no place at level 'kernels'
// KERNELS: :20:1: error: 'func.func': type tensor<?xf32> has a dynamic shape, which has no place at level 'kernels'
// KERNELS-NOT: error:
