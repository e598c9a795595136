// Sums of columns, one vector of columns at a time.
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
