// Random numbers: the blocks of a generator are computed once for four vectors side by side, and seeds before the loop.
// RUN: pullback-opt %s -p 'form-kernels{vector-bits=512},plan-memory,lower-to-loops{vector-bits=512},verify-level{level=loops}' --no-locations | filecheck %s

func.func @main(%seed: tensor<2xi64>, %x: tensor<128xf32>) -> tensor<128xf32> {
  %u = graph.random_uniform %seed : (tensor<2xi64>) -> tensor<128xf32>
  %y = graph.multiply %u, %x : tensor<128xf32>
  func.return %y : tensor<128xf32>
}

// CHECK:      func.func private @main_kernel_0(%seed: memref<2xi64>, %x: memref<128xf32>, %y: memref<128xf32>) {
// CHECK:      %seed_1 = memref.load %seed[%c0] : memref<2xi64>
// CHECK-NEXT: vector.broadcast %seed_1 : i64 to vector<16xi64>
// CHECK:      scf.parallel (%i) = (%c0) to (%c128) step (%c64) {
// CHECK:      arith.constant dense<3528531795> : vector<16xi64>
// CHECK-NOT:  arith.constant dense<3528531795> : vector<16xi64>
// CHECK:      vector.store %{{.*}}, %y[%i] : memref<128xf32>, vector<16xf32>
// CHECK:      vector.store %{{.*}}, %y[%i_1] : memref<128xf32>, vector<16xf32>
// CHECK:      vector.store %{{.*}}, %y[%i_2] : memref<128xf32>, vector<16xf32>
// CHECK:      vector.store %{{.*}}, %y[%i_3] : memref<128xf32>, vector<16xf32>
// CHECK-NEXT: scf.reduce
