// RUN: pullback-opt %s -t llvm-ir | filecheck %s

func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) {
  %zero = arith.constant 0 : index
  %v = vector.load %x[%zero] : memref<4xf32>, vector<4xf32>
  %w = arith.addf %v, %v : vector<4xf32>
  vector.store %w, %y[%zero] : memref<4xf32>, vector<4xf32>
  func.return
}

// CHECK: define void @main(ptr
// CHECK: fadd <4 x float>
