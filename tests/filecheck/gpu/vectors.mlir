// Vectors: accesses of 16 bytes, loops over their lanes, indices of 32 bits, memory that is read and written.
// RUN: pullback-opt %s --no-locations | pullback-opt -t cuda-cpp | filecheck %s

builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    memref.global "private" @tile : memref<64xf32, 3> = uninitialized
    gpu.func @scale(%x: memref<64xf32>, %mask: memref<64xi8>, %y: memref<64xf32>) kernel attributes {graph.index_bitwidth = 32 : i64, known_block_size = array<i32: 16, 1, 1>} {
      %c4 = arith.constant 4 : index
      %c64 = arith.constant 64 : index
      %zero = arith.constant dense<0.0> : vector<4xf32>
      %weights = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : vector<4xf32>
      %thread = gpu.thread_id x
      %i = arith.muli %thread, %c4 : index
      %a = vector.load %x[%i] : memref<64xf32>, vector<4xf32>
      %e = math.exp %a : vector<4xf32>
      %first = memref.load %x[%thread] : memref<64xf32>
      %firsts = vector.broadcast %first : f32 to vector<4xf32>
      %s = arith.addf %e, %firsts : vector<4xf32>
      %bytes = vector.load %mask[%i] : memref<64xi8>, vector<4xi8>
      %inside = arith.trunci %bytes : vector<4xi8> to vector<4xi1>
      %masked = arith.select %inside, %s, %zero : vector<4xi1>, vector<4xf32>
      %tile = memref.get_global @tile : memref<64xf32, 3>
      vector.store %masked, %tile[%i] : memref<64xf32, 3>, vector<4xf32>
      gpu.barrier
      %total = scf.for %k = %i to %c64 step %c4 iter_args(%acc = %zero) -> (vector<4xf32>) {
        %v = vector.load %y[%k] : memref<64xf32>, vector<4xf32>
        %p = arith.mulf %v, %weights : vector<4xf32>
        %q = arith.addf %acc, %p : vector<4xf32>
        scf.yield %q : vector<4xf32>
      }
      vector.store %total, %y[%i] : memref<64xf32>, vector<4xf32>
      %lead = vector.extract %total[0] : f32 from vector<4xf32>
      memref.store %lead, %y[%thread] : memref<64xf32>
      vector.store %firsts, %y[%i] : memref<64xf32>, vector<4xf32>
      gpu.return
    }
  }
}

// CHECK:      template <typename T, int N> struct alignas({{.*}}) Vector { T at[N]; };
// CHECK:      extern "C" __global__ void __launch_bounds__(16) scale_kernel(const float* __restrict__ x, const signed char* __restrict__ mask, float* __restrict__ y) {
// CHECK-NEXT:   alignas(16) __shared__ float tile[64];
// CHECK-NEXT:   const Vector<float, 4> weights = {{.*}}1.0f, 2.0f, 3.0f, 4.0f{{.*}};
// CHECK-NEXT:   const unsigned thread = threadIdx.x;
// CHECK-NEXT:   const unsigned i = thread * 4;
// CHECK-NEXT:   const Vector<float, 4> a = *(const Vector<float, 4>*)&x[i];
// CHECK-NEXT:   const float first = x[thread];
// CHECK-NEXT:   const Vector<signed char, 4> bytes = *(const Vector<signed char, 4>*)&mask[i];
// CHECK-NEXT:   Vector<float, 4> masked;
// CHECK-NEXT:   #pragma unroll
// CHECK-NEXT:   for (int lane = 0; lane < 4; ++lane) {
// CHECK-NEXT:     const float e = expf(a.at[lane]);
// CHECK-NEXT:     const float s = e + first;
// CHECK-NEXT:     const bool inside = (bytes.at[lane] & 1) != 0;
// CHECK-NEXT:     masked.at[lane] = inside ? s : 0.0f;
// CHECK-NEXT:   }
// CHECK-NEXT:   *(Vector<float, 4>*)&tile[i] = masked;
// CHECK-NEXT:   __syncthreads();
// CHECK-NEXT:   Vector<float, 4> acc = splat<float, 4>(0.0f);
// CHECK-NEXT:   for (unsigned k = i; k < 64; k += 4) {
// CHECK-NEXT:     const Vector<float, 4> v = *(const Vector<float, 4>*)&y[k];
// CHECK-NEXT:     Vector<float, 4> q;
// CHECK-NEXT:     #pragma unroll
// CHECK-NEXT:     for (int lane = 0; lane < 4; ++lane) {
// CHECK-NEXT:       const float p = v.at[lane] * weights.at[lane];
// CHECK-NEXT:       q.at[lane] = acc.at[lane] + p;
// CHECK-NEXT:     }
// CHECK-NEXT:     acc = q;
// CHECK-NEXT:   }
// CHECK-NEXT:   *(Vector<float, 4>*)&y[i] = acc;
// CHECK-NEXT:   const float lead = acc.at[0];
// CHECK-NEXT:   y[thread] = lead;
// CHECK-NEXT:   *(Vector<float, 4>*)&y[i] = splat<float, 4>(first);
// CHECK-NEXT: }
