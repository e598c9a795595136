// Memory is where what made it says, through views and loops; nobody takes memory that it cannot reach.
// RUN: pullback-opt %s -p 'verify-level{level=gpu}' --split-input-file --verify-diagnostics

// expected-error@+1 {{graph.devices names 1 devices for 2 arguments: expected one for each}}
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) attributes {graph.devices = ["cuda:0"]} {
  func.return
}

// -----

// expected-error@+1 {{graph.devices says that argument 0 is on 'gpu:0': expected cpu:0, or cuda:0, cuda:1 and so on}}
func.func @main(%x: memref<4xf32>) attributes {graph.devices = ["gpu:0"]} {
  func.return
}

// -----

func.func @main(%arena: memref<64xi8>, %host: memref<64xi8>) attributes {graph.devices = ["cuda:0", "cpu:0"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %x = memref.view %arena[%c0][] : memref<64xi8> to memref<2x4xf32>
  %y = memref.view %host[%c0][] : memref<64xi8> to memref<4xf32>
  %rows = gpu.alloc(%c9) : memref<?x4xf32>
  %last = scf.for %i = %c0 to %c9 step %c1 iter_args(%kept = %rows) -> (memref<?x4xf32>) {
    %row = memref.subview %kept[%i, 0] [1, 4] [1, 1] : memref<?x4xf32> to memref<4xf32, strided<[1], offset: ?>>
    gpu.memcpy %row, %y : memref<4xf32, strided<[1], offset: ?>>, memref<4xf32>
    scf.yield %kept : memref<?x4xf32>
  }
  %1 = memref.subview %x[1, 0] [1, 4] [1, 1] : memref<2x4xf32> to memref<4xf32, strided<[1], offset: 4>>
  // expected-error@+1 {{'memref.load' takes operand 0, which is memory of cuda:0, where the host cannot reach it: copy it with gpu.memcpy first}}
  %2 = memref.load %1[%c0] : memref<4xf32, strided<[1], offset: 4>>
  func.return
}

// -----

builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @nothing(%x: memref<4xf32>) kernel {
      gpu.return
    }
  }
  func.func @main(%x: memref<4xf32>) attributes {graph.devices = ["cpu:0"]} {
    %c1 = arith.constant 1 : index
    // expected-error@+1 {{'gpu.launch_func' takes %x, which is memory of cpu:0, where kernel @kernels::@nothing cannot reach it}}
    gpu.launch_func @kernels::@nothing blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<4xf32>)
    func.return
  }
}

// -----

func.func @main(%x: memref<4xf32>, %host: memref<4xf32>) attributes {graph.devices = ["cuda:0", "cpu:0"]} {
  %more = arith.constant false
  // expected-error@+1 {{'scf.while' passes on memory of cpu:0 and of cuda:0 as one value: expected one device}}
  %last = scf.while (%m = %x) : (memref<4xf32>) -> (memref<4xf32>) {
    scf.condition(%more) %m : memref<4xf32>
  } do {
  ^bb0(%n: memref<4xf32>):
    scf.yield %host : memref<4xf32>
  }
  func.return
}

// -----

builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @nothing(%x: memref<4xf32>, %y: memref<4xf32>) kernel {
      gpu.return
    }
  }
  func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) attributes {graph.devices = ["cuda:0", "cuda:1"]} {
    %c1 = arith.constant 1 : index
    gpu.memcpy %x, %y : memref<4xf32>, memref<4xf32>
    // expected-error@+1 {{'gpu.launch_func' takes %x, which is memory of cuda:0, and %y, which is memory of cuda:1: kernel @kernels::@nothing runs on one device; copy one of them with gpu.memcpy first}}
    gpu.launch_func @kernels::@nothing blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<4xf32>, %y : memref<4xf32>)
    func.return
  }
}

// -----

func.func @main(%x: memref<4xf32>) attributes {graph.devices = ["cuda:1"]} {
  %0 = gpu.alloc() {graph.device = "cuda:1"} : memref<4xf32>
  gpu.memcpy %0, %x : memref<4xf32>, memref<4xf32>
  gpu.dealloc %0 : memref<4xf32>
  // expected-error@+1 {{'gpu.alloc': graph.device is 'cpu:0': expected cuda:0, cuda:1 and so on}}
  %1 = gpu.alloc() {graph.device = "cpu:0"} : memref<4xf32>
  func.return
}

// -----

func.func private @main_kernel_0(%x: memref<4xf32>) {
  func.return
}
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) attributes {graph.devices = ["cpu:0", "cuda:1"]} {
  func.call @main_kernel_0(%x) : (memref<4xf32>) -> ()
  // expected-error@+1 {{'func.call' takes %y, which is memory of cuda:1, where the host cannot reach it: copy it with gpu.memcpy first}}
  func.call @main_kernel_0(%y) : (memref<4xf32>) -> ()
  func.return
}

// -----

func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) attributes {graph.devices = ["cuda:0", "cuda:1"]} {
  %true = arith.constant true
  // expected-error@+1 {{'scf.if' passes on memory of cuda:0 and of cuda:1 as one value: expected one device}}
  %m = scf.if %true -> (memref<4xf32>) {
    scf.yield %x : memref<4xf32>
  } else {
    scf.yield %y : memref<4xf32>
  }
  func.return
}
