// Column 2 of the rows that the first six indices name, scattered again to those indices.
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
