// Runs the threads of a launch: a fiber for each, one block after the other, one warp as far as it can before the next.
//
// A lane runs until it waits for others. So what one lane reads before another has written it, for lack of a barrier
// or of a shuffle, is read before it is written; and the other orders show what is written too early.
#include "scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

uint3 threadIdx, blockIdx, blockDim, gridDim;

// All `__shared__` arrays of the text lie in one section (device.h), whose ends the linker knows.
extern "C" {
extern unsigned char __start_pullback_shared[] __attribute__((weak, visibility("hidden")));
extern unsigned char __stop_pullback_shared[] __attribute__((weak, visibility("hidden")));
}

namespace {

const unsigned WARP = 32, MOST_THREADS = 1024;
const uint16_t POISON = 0xFFFB;  // a quiet NaN in each floating-point type, and no likely integer

enum State { READY, RUNNING, AT_WARP, AT_BARRIER, DONE };

struct Fiber {
  jmp_buf at;
  bool fresh;
  Fiber* next_free;
};

struct Lane {
  State state;
  Fiber* fiber;  // where it stopped; none before it starts and after it ends
  uint3 index;
  int line;  // of the barrier or shuffle that it waits at
  unsigned shuffles;
  uint64_t slots[2];  // what it brings to shuffles, in turns: who is at the next one has read what was in this one
};

// The order in which n things take their turn: (start + i * stride) % n, where n and stride share no divisor.
struct Order {
  uint64_t n, start, stride;
  explicit Order(uint64_t n = 1, int kind = 0) : n(n), start(0), stride(1) {
    if (n < 2 || kind == 0) return;
    start = kind == 1 ? n - 1 : n / 2;
    stride = kind == 1 ? n - 1 : n * 3 / 8 + 1;
    for (uint64_t a = n, b = stride; kind == 2; a = n, b = ++stride) {
      while (b) { uint64_t rest = a % b; a = b; b = rest; }
      if (a == 1) break;
    }
  }
  uint64_t operator[](uint64_t i) const { return (start + i * stride) % n; }
};

Lane lanes[MOST_THREADS];
Fiber fibers[MOST_THREADS];
unsigned fibers_made;
Fiber* free_fibers;
char* stacks;
size_t stack_size;
ucontext_t blank;

Lane* current;
jmp_buf home;  // in the scheduler, for when a warp can go on no further
void (*body)(void**);
void** body_arguments;
unsigned threads;
Order warp_order;
uint8_t whole_warp[WARP], last_warp[WARP];  // the lanes of a warp in their order
const uint8_t* lane_order;
unsigned first, size, turn;  // of the warp that runs: its first thread, its threads, how many had their turn
unsigned waiting;            // for the others of the warp
char fault[1024];

Lane* next_ready() {
  for (; turn < size; turn++) {
    Lane* lane = lanes + first + lane_order[turn];
    if (lane->state == READY) return lane;
  }
  return nullptr;
}

void enter(Lane* lane) {
  current = lane;
  lane->state = RUNNING;
  threadIdx = lane->index;
}

[[noreturn]] void start_fresh(Fiber* fiber);

// Leaves this stack for good, or until somebody comes back to it: for `lane`, or for the scheduler if there is none.
[[noreturn]] void go_on(Lane* lane) {
  if (!lane) _longjmp(home, 1);
  if (lane->fiber) {
    enter(lane);
    _longjmp(lane->fiber->at, 1);
  }
  if (Fiber* fiber = free_fibers) {
    free_fibers = fiber->next_free;
    _longjmp(fiber->at, 1);  // into `work`, which finds the lane again
  }
  start_fresh(fibers + fibers_made++);
}

// What a fiber does: it starts one lane after the other. Where a lane waits, another fiber does the same meanwhile.
void work(int number) {
  Fiber* const self = fibers + number;
  for (;;) {
    Lane* lane = next_ready();
    if (lane && !lane->fiber) {
      lane->fiber = self;
      enter(lane);
      body(body_arguments);
      current->state = DONE;
      current->fiber = nullptr;
    } else {
      self->next_free = free_fibers;
      free_fibers = self;
      if (!_setjmp(self->at)) go_on(lane);
    }
  }
}

void start_fresh(Fiber* fiber) {
  ucontext_t context = blank;
  int number = (int)(fiber - fibers);
  context.uc_stack.ss_sp = stacks + stack_size * number;
  context.uc_stack.ss_size = stack_size;
  context.uc_link = nullptr;
  makecontext(&context, (void (*)())work, 1, number);
  setcontext(&context);
  __builtin_unreachable();
}

void wait(State state, int line) {
  Lane* const self = current;
  self->state = state;
  self->line = line;
  waiting += state == AT_WARP;
  if (!_setjmp(self->fiber->at)) go_on(next_ready());
}

// `threads 0-15, 17` of those in a range that a condition holds for.
template <typename Condition>
const char* listed(char* text, size_t room, unsigned from, unsigned to, Condition holds) {
  size_t at = 0;
  unsigned parts = 0, count = 0;
  for (unsigned i = from; i < to; i++) count += holds(lanes[i]);
  for (unsigned i = from; i < to && at < room; i++) {
    if (!holds(lanes[i])) continue;
    unsigned end = i;
    while (end + 1 < to && holds(lanes[end + 1])) end++;
    if (parts == 4) {
      snprintf(text + at, room - at, ", ...");
      break;
    }
    at += snprintf(text + at, room - at, parts++ ? ", %u" : count > 1 ? "threads %u" : "thread %u", i);
    if (end > i && at < room) at += snprintf(text + at, room - at, "-%u", end);
    i = end;
  }
  return text;
}

const char* doing(const Lane& lane, char* text, size_t room) {
  if (lane.state == DONE) snprintf(text, room, "returned");
  else snprintf(text, room, "at the %s of line %d", lane.state == AT_WARP ? "shuffle" : "barrier", lane.line);
  return text;
}

// Says that lanes of a range wait together in vain: a part of them does something else.
void diverged(const char* what, unsigned from, unsigned to, const Lane& one, const Lane& other) {
  char here[160], there[160], others[60];
  auto like = [](const Lane& a) {
    return [&a](const Lane& b) { return a.state == b.state && (a.state == DONE || a.line == b.line); };
  };
  listed(here, sizeof here, from, to, like(one));
  listed(there, sizeof there, from, to, like(other));
  snprintf(
      fault, sizeof fault, "line %d: divergent %s: only %s of %u reach it; %s: %s", one.line, what, here, threads,
      doing(other, others, sizeof others), there);
}

// Lets lanes first..end go on if all of them wait at one line; false if some do something else.
bool released(State state, const char* what, unsigned from, unsigned to) {
  const Lane* one = nullptr;
  for (unsigned i = from; i < to && !one; i++) one = lanes[i].state == state ? lanes + i : nullptr;
  for (unsigned i = from; i < to; i++) {
    if (lanes[i].state == state && lanes[i].line == one->line) continue;
    diverged(what, from, to, *one, lanes[i]);
    return false;
  }
  for (unsigned i = from; i < to; i++) lanes[i].state = READY;
  return true;
}

// Runs a warp as far as it can go: to barriers of the block, or to its end.
bool run_warp(unsigned number) {
  first = number * WARP;
  size = threads - first < WARP ? threads - first : WARP;
  lane_order = size == WARP ? whole_warp : last_warp;
  for (;;) {
    turn = waiting = 0;
    if (!_setjmp(home)) {
      if (Lane* lane = next_ready()) go_on(lane);
    }
    if (fault[0]) return false;
    if (!waiting) return true;
    if (!released(AT_WARP, "shuffle", first, first + size)) return false;
  }
}

void poison(unsigned char* from, unsigned char* to) {
  const uint64_t bits = POISON * 0x0001000100010001ull;
  for (; to - from >= 8; from += 8) memcpy(from, &bits, 8);
  memcpy(from, &bits, to - from);
}

bool run_block() {
  if (__start_pullback_shared) poison(__start_pullback_shared, __stop_pullback_shared);
  for (unsigned i = 0; i < threads; i++) lanes[i].state = READY, lanes[i].shuffles = 0;
  for (;;) {
    for (unsigned i = 0; i < warp_order.n; i++) {
      if (!run_warp((unsigned)warp_order[i])) return false;
    }
    bool waits = false;
    for (unsigned i = 0; i < threads; i++) waits |= lanes[i].state == AT_BARRIER;
    if (!waits) return true;
    if (!released(AT_BARRIER, "barrier", 0, threads)) return false;
  }
}

}  // namespace

namespace pullback {

void fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(fault, sizeof fault, format, arguments);
  va_end(arguments);
  _longjmp(home, 1);
}

int current_thread() { return (int)(current - lanes); }

void wait_for_block(int line) { wait(AT_BARRIER, line); }

void wait_for_warp(unsigned mask, int line) {
  if (mask != 0xffffffffu) fail("line %d: the mask 0x%08x is not that of all lanes", line, mask);
  wait(AT_WARP, line);
}

unsigned long long exchange(unsigned mask, unsigned long long bits, Shuffle mode, int offset, int width, int line) {
  Lane* const self = current;
  const unsigned slot = self->shuffles++ & 1;
  self->slots[slot] = bits;
  wait_for_warp(mask, line);
  const int lane = current_thread() % (int)WARP, group = lane & ~(width - 1);
  int source = lane;
  if (mode == XOR) source = lane ^ offset;
  if (mode == UP) source = lane - offset;
  if (mode == DOWN) source = lane + offset;
  if (mode == TO_LANE) source = group | (offset & (width - 1));
  if (mode == UP ? source < group : source >= group + width) source = lane;
  const unsigned thread = current_thread() - lane + source;
  if (source < 0 || thread >= threads)
    fail("line %d: thread %d shuffles with lane %d, which its warp does not have", line, current_thread(), source);
  return lanes[thread].slots[slot];
}

void trap(int line) { fail("line %d: thread %d calls __trap()", line, current_thread()); }

}  // namespace pullback

// ---- launches ---------------------------------------------------------------------------------------------

static double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Runs blocks of a kernel from number `next` on, for about so long at a time, so that the caller may stop in between:
// `next` becomes the number of the first block that is left. Returns what went wrong, without the block, which `blockIdx`
// has; or null.
extern "C" __attribute__((visibility("default"))) const char* pullback_launch(
    void (*kernel)(void**), void** arguments, const unsigned* grid, const unsigned* block, int order,
    char* memory, size_t bytes_per_fiber, uint64_t* next, double duration) {
  const double end = seconds() + duration;
  body = kernel, body_arguments = arguments;
  stacks = memory, stack_size = bytes_per_fiber;
  fibers_made = 0, free_fibers = nullptr, fault[0] = 0;
  getcontext(&blank);
  gridDim = {grid[0], grid[1], grid[2]};
  blockDim = {block[0], block[1], block[2]};
  threads = block[0] * block[1] * block[2];
  for (unsigned i = 0; i < threads; i++) {
    lanes[i].index = {i % block[0], i / block[0] % block[1], i / (block[0] * block[1])};
    lanes[i].fiber = nullptr;
  }
  warp_order = Order((threads + WARP - 1) / WARP, order);
  const Order whole(WARP, order), last(threads % WARP, order);
  for (unsigned i = 0; i < WARP; i++) whole_warp[i] = (uint8_t)whole[i];
  for (unsigned i = 0; i < threads % WARP; i++) last_warp[i] = (uint8_t)last[i];
  const Order blocks((uint64_t)grid[0] * grid[1] * grid[2], order);
  do {
    const uint64_t at = blocks[(*next)++];
    blockIdx = {(unsigned)(at % grid[0]), (unsigned)(at / grid[0] % grid[1]), (unsigned)(at / grid[0] / grid[1])};
    if (!run_block()) return fault;
  } while (*next < blocks.n && seconds() < end);
  return nullptr;
}

extern "C" __attribute__((visibility("default"))) const unsigned* pullback_block(void) { return &blockIdx.x; }
