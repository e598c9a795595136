// Softmax of rows with a masked tail: a kernel, and an entry that gives it a part of the arena.
func.func private @softmax_rows(%x: memref<8x37xf32>, %e: memref<8x37xf32>, %y: memref<8x37xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %rows = arith.constant 8 : index
  %cols = arith.constant 37 : index
  %infinity = arith.constant 0xFF800000 : f32
  %lowest = vector.broadcast %infinity : f32 to vector<16xf32>
  %zeros = arith.constant dense<0.0> : vector<16xf32>
  %one = arith.constant 1.0 : f32
  scf.parallel (%r) = (%c0) to (%rows) step (%c1) {
    %maxima = scf.for %j = %c0 to %cols step %c16 iter_args(%m = %lowest) -> (vector<16xf32>) {
      %left = arith.subi %cols, %j : index
      %inside = vector.create_mask %left : vector<16xi1>
      %v = vector.maskedload %x[%r, %j], %inside, %lowest : memref<8x37xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
      %n = arith.maximumf %m, %v : vector<16xf32>
      scf.yield %n : vector<16xf32>
    }
    %max = vector.reduction <maximumf>, %maxima : vector<16xf32> into f32
    %maxs = vector.broadcast %max : f32 to vector<16xf32>
    %sums = scf.for %j = %c0 to %cols step %c16 iter_args(%s = %zeros) -> (vector<16xf32>) {
      %left = arith.subi %cols, %j : index
      %inside = vector.create_mask %left : vector<16xi1>
      %v = vector.maskedload %x[%r, %j], %inside, %lowest : memref<8x37xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
      %d = arith.subf %v, %maxs : vector<16xf32>
      %p = math.exp %d : vector<16xf32>
      vector.maskedstore %e[%r, %j], %inside, %p : memref<8x37xf32>, vector<16xi1>, vector<16xf32>
      %kept = arith.select %inside, %p, %zeros : vector<16xi1>, vector<16xf32>
      %n = arith.addf %s, %kept : vector<16xf32>
      scf.yield %n : vector<16xf32>
    }
    %sum = vector.reduction <add>, %sums : vector<16xf32> into f32
    %inverse = arith.divf %one, %sum : f32
    %inverses = vector.broadcast %inverse : f32 to vector<16xf32>
    scf.for %j = %c0 to %cols step %c16 {
      %left = arith.subi %cols, %j : index
      %inside = vector.create_mask %left : vector<16xi1>
      %v = vector.maskedload %e[%r, %j], %inside, %zeros : memref<8x37xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
      %q = arith.mulf %v, %inverses : vector<16xf32>
      vector.maskedstore %y[%r, %j], %inside, %q : memref<8x37xf32>, vector<16xi1>, vector<16xf32>
    }
    scf.reduce
  }
  func.return
}
func.func @main(%x: memref<8x37xf32>, %y: memref<8x37xf32>, %arena: memref<1184xi8>) {
  %c0 = arith.constant 0 : index
  %e = memref.view %arena[%c0][] : memref<1184xi8> to memref<8x37xf32>
  func.call @softmax_rows(%x, %e, %y) : (memref<8x37xf32>, memref<8x37xf32>, memref<8x37xf32>) -> ()
  func.return
}
