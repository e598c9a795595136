"""Programs of level 4c written by hand."""

SOFTMAX = """
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
"""

COLUMN_SUMS = """
func.func @main(%x: memref<31x64xf64>, %y: memref<64xf64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %rows = arith.constant 31 : index
  %cols = arith.constant 64 : index
  %zeros = arith.constant dense<0.0> : vector<8xf64>
  scf.for %j = %c0 to %cols step %c8 {
    %sum = scf.for %i = %c0 to %rows step %c1 iter_args(%s = %zeros) -> (vector<8xf64>) {
      %v = vector.load %x[%i, %j] : memref<31x64xf64>, vector<8xf64>
      %n = arith.addf %s, %v : vector<8xf64>
      scf.yield %n : vector<8xf64>
    }
    vector.store %sum, %y[%j] : memref<64xf64>, vector<8xf64>
  }
  func.return
}
"""

# Forward: push the value, halve it. Backward: pop, add. The stack doubles when it is full.
STACK = """
func.func @main(%trips: memref<1xindex>, %x: memref<4xf64>, %total: memref<4xf64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %half = arith.constant dense<0.5> : vector<4xf64>
  %zeros = arith.constant dense<0.0> : vector<4xf64>
  %n = memref.load %trips[%c0] : memref<1xindex>
  %start = vector.load %x[%c0] : memref<4xf64>, vector<4xf64>
  %first = memref.alloc(%c1) : memref<?x4xf64>
  %count, %capacity, %stack, %last = scf.while (%i = %c0, %size = %c1, %s = %first, %v = %start) : (index, index, memref<?x4xf64>, vector<4xf64>) -> (index, index, memref<?x4xf64>, vector<4xf64>) {
    %more = arith.cmpi slt, %i, %n : index
    scf.condition(%more) %i, %size, %s, %v : index, index, memref<?x4xf64>, vector<4xf64>
  } do {
  ^bb0(%i: index, %size: index, %s: memref<?x4xf64>, %v: vector<4xf64>):
    %full = arith.cmpi eq, %i, %size : index
    %size_next, %s_next = scf.if %full -> (index, memref<?x4xf64>) {
      %doubled = arith.muli %size, %c2 : index
      %larger = memref.alloc(%doubled) : memref<?x4xf64>
      %old = memref.reinterpret_cast %s to offset: [0], sizes: [%size, 4], strides: [4, 1] : memref<?x4xf64> to memref<?x4xf64, strided<[4, 1]>>
      %part = memref.subview %larger[0, 0] [%size, 4] [1, 1] : memref<?x4xf64> to memref<?x4xf64, strided<[4, 1]>>
      memref.copy %old, %part : memref<?x4xf64, strided<[4, 1]>> to memref<?x4xf64, strided<[4, 1]>>
      memref.dealloc %s : memref<?x4xf64>
      scf.yield %doubled, %larger : index, memref<?x4xf64>
    } else {
      scf.yield %size, %s : index, memref<?x4xf64>
    }
    vector.store %v, %s_next[%i, %c0] : memref<?x4xf64>, vector<4xf64>
    %v_next = arith.mulf %v, %half : vector<4xf64>
    %i_next = arith.addi %i, %c1 : index
    scf.yield %i_next, %size_next, %s_next, %v_next : index, index, memref<?x4xf64>, vector<4xf64>
  }
  %sum = scf.for %k = %c0 to %count step %c1 iter_args(%acc = %zeros) -> (vector<4xf64>) {
    %above = arith.subi %count, %k : index
    %top = arith.subi %above, %c1 : index
    %v = vector.load %stack[%top, %c0] : memref<?x4xf64>, vector<4xf64>
    %a = arith.addf %acc, %v : vector<4xf64>
    scf.yield %a : vector<4xf64>
  }
  memref.dealloc %stack : memref<?x4xf64>
  vector.store %sum, %total[%c0] : memref<4xf64>, vector<4xf64>
  func.return
}
"""

# Column 2 of the rows that the first six indices name, scattered again to those indices.
GATHER_ROWS = """
func.func @main(%table: memref<10x5xf32>, %rows: memref<8xi32>, %column: memref<8xf32>, %sums: memref<10xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %mask = vector.constant_mask [6] : vector<8xi1>
  %missing = arith.constant dense<-1.0> : vector<8xf32>
  %width = arith.constant dense<5> : vector<8xi32>
  %r = vector.load %rows[%c0] : memref<8xi32>, vector<8xi32>
  %at = arith.muli %r, %width : vector<8xi32>
  %v = vector.gather %table[%c0, %c2] [%at], %mask, %missing : memref<10x5xf32>, vector<8xi32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
  vector.store %v, %column[%c0] : memref<8xf32>, vector<8xf32>
  vector.scatter %sums[%c0] [%r], %mask, %v : memref<10xf32>, vector<8xi32>, vector<8xi1>, vector<8xf32>
  func.return
}
"""
