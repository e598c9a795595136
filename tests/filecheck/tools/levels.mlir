// RUN: pullback-opt %s --split-input-file --verify-diagnostics -p verify-level{level=loops}

func.func @loops(%x: memref<4xf32>, %stack: memref<?x4xf32>) {
  %zero = arith.constant 0 : index
  %value = memref.load %x[%zero] : memref<4xf32>
  memref.store %value, %stack[%zero, %zero] : memref<?x4xf32>
  func.return
}

// -----

// expected-error@+1 {{'func.func': type tensor<4xf32> has no place at level 'loops' (CPU loops over memory)}}
func.func @tensor(%x: tensor<4xf32>) {
  func.return
}

// -----

// expected-error@+1 {{type memref<4x?xf32> has a dynamic shape, which has no place at level 'loops'}}
func.func @dynamic(%x: memref<4x?xf32>) {
  func.return
}

// -----

func.func @op(%x: i32) {
  // expected-error@+1 {{'builtin.unrealized_conversion_cast' has no place at level 'loops'}}
  %y = builtin.unrealized_conversion_cast %x : i32 to i64
  func.return
}
