// A loop whose length each thread finds out for itself, and values that swap places.
// RUN: pullback-opt %s -t cuda-cpp | filecheck %s

builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @gcd(%a: memref<32xi32>, %b: memref<32xi32>) kernel {
      %i = gpu.thread_id x
      %zero = arith.constant 0 : i32
      %x = memref.load %a[%i] : memref<32xi32>
      %y = memref.load %b[%i] : memref<32xi32>
      %gcd, %rest = scf.while (%u = %x, %v = %y) : (i32, i32) -> (i32, i32) {
        %more = arith.cmpi ne, %v, %zero : i32
        scf.condition(%more) %u, %v : i32, i32
      } do {
      ^bb0(%m : i32, %n : i32):
        %r = arith.remsi %m, %n : i32
        scf.yield %n, %r : i32, i32
      }
      memref.store %gcd, %a[%i] : memref<32xi32>
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %p, %q = scf.for %k = %c0 to %i step %c1 iter_args(%first = %x, %second = %y) -> (i32, i32) {
        scf.yield %second, %first : i32, i32
      }
      memref.store %p, %b[%i] : memref<32xi32>
      gpu.return
    }
  }
}

// CHECK:        int u = x;
// CHECK-NEXT:   int v = y;
// CHECK-NEXT:   int gcd;
// CHECK-NEXT:   int rest;
// CHECK-NEXT:   while (true) {
// CHECK-NEXT:     const bool more = v != 0;
// CHECK-NEXT:     gcd = u;
// CHECK-NEXT:     rest = v;
// CHECK-NEXT:     if (!more) break;
// CHECK-NEXT:     const int r = gcd % rest;
// CHECK-NEXT:     u = rest;
// CHECK-NEXT:     v = r;
// CHECK-NEXT:   }
// CHECK-NEXT:   a[i] = gcd;
// CHECK-NEXT:   int first = x;
// CHECK-NEXT:   int second = y;
// CHECK-NEXT:   for (long long k = 0; k < i; k += 1) {
// CHECK-NEXT:     const int old_first = first;
// CHECK-NEXT:     first = second;
// CHECK-NEXT:     second = old_first;
// CHECK-NEXT:   }
// CHECK-NEXT:   b[i] = first;
