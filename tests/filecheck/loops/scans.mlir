// Scans: columns in vectors, rows four at a time; f32 is carried in f64; the first element is stored as it is.
// RUN: pullback-opt %s -p 'form-kernels{vector-bits=256},plan-memory,lower-to-loops{vector-bits=256},verify-level{level=loops}' --no-locations | filecheck %s

func.func @main(%x: tensor<9x64xf32>, %z: tensor<6x5xi32>) -> (tensor<9x64xf32>, tensor<6x5xi32>) {
  %a = graph.cumsum %x {axis = 0 : i64} : tensor<9x64xf32>
  %b = graph.cumprod %z {axis = 1 : i64, exclusive, reverse} : tensor<6x5xi32>
  func.return %a, %b : tensor<9x64xf32>, tensor<6x5xi32>
}

// CHECK:      func.func private @main_kernel_0(%x: memref<9x64xf32>, %a: memref<9x64xf32>) {
// CHECK:      scf.parallel (%line) = (%c0) to (%c64) step (%c32) {
// CHECK:      %x_1 = vector.load %x[%c0, %line] : memref<9x64xf32>, vector<8xf32>
// CHECK-NEXT: %0 = arith.extf %x_1 : vector<8xf32> to vector<8xf64>
// CHECK-NEXT: vector.store %x_1, %a[%c0, %line]
// CHECK:      scf.for %at = %c1 to %c9 step %c1 iter_args({{.*}}) -> (vector<8xf64>, vector<8xf64>, vector<8xf64>, vector<8xf64>) {
// CHECK-NEXT: vector.load %x[%at, %line]
// CHECK-NEXT: arith.extf
// CHECK-NEXT: %so_far{{.*}} = arith.addf
// CHECK-NEXT: arith.truncf
// CHECK-NEXT: vector.store %{{.*}}, %a[%at, %line]

// CHECK:      func.func private @main_kernel_1(%z: memref<6x5xi32>, %b: memref<6x5xi32>) {
// CHECK:      scf.parallel (%line) = (%c0) to (%c4) step (%c4) {
// CHECK:      memref.store %0, %b[%line, %c4] : memref<6x5xi32>
// CHECK:      scf.for %at = %c1 to %c5 step %c1 iter_args({{.*}}) -> (i32, i32, i32, i32) {
// CHECK:      scf.parallel (%line{{.*}}) = (%c4) to (%c6) step (%c4) {
