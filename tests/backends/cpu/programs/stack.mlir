// Forward: push the value, halve it. Backward: pop, add. The stack doubles when it is full.
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
