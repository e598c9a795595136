// What the device and the scheduler know of each other. No header of the system: kernels may use any name of C.
#pragma once

struct uint3 {
  unsigned x, y, z;
};

// The coordinates of the thread that runs. Each switch to another fiber sets `threadIdx`.
extern uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace pullback {

enum Shuffle { TO_LANE, UP, DOWN, XOR };

// Waits for all threads of the block. `line` is that of the text, for messages.
void wait_for_block(int line);

// Waits for all lanes of the warp.
void wait_for_warp(unsigned mask, int line);

// The bits that another lane of the warp brings to the same shuffle.
unsigned long long exchange(unsigned mask, unsigned long long bits, Shuffle mode, int offset, int width, int line);

// Ends the launch with a message, which begins with the line of the text.
[[noreturn, gnu::format(printf, 1, 2)]] void fail(const char* format, ...);

// The number of the thread that runs, in its block.
int current_thread();

// Ends the launch: the kernel has called __trap().
[[noreturn]] void trap(int line);

}  // namespace pullback
