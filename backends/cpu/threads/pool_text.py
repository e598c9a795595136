"""The pool of threads as LLVM IR: one job at a time, cut into chunks that the caller and the workers claim.

All that is claimed is in one word, `@pb.chunks`: the number of the first chunk that nobody has claimed, and the number
after the last one. The caller claims the first, workers claim the last, so that each thread comes upon the same part of
memory in job after job. A claim is one compare-and-exchange of the word:

- Whoever finds the word empty (first = end) has nothing to do with the job, and reads nothing of it. So a worker that
  begins late, or is stopped anywhere before its claim, is waited for by nobody, and never touches the caller's stack.
- Whoever exchanges it has claimed a chunk of the job that is open at that moment, even if it read the word during an
  earlier job and the word has become the same again: what the chunk is about is read after the claim. The caller leaves
  only when each chunk that was claimed is done, so the job and the stack that it points to stay until then.

Memory orders. The caller writes `@pb.job` and then the word (release); a claim acquires it, through however many
claims came between (a release sequence). A worker adds to `@pb.done` after the chunk (release); the caller leaves when
it reads the sum (acquire), so it sees what the workers wrote, and may write the next job. `@pb.busy` (acquire, release)
hands the job's memory from one caller to the next. A worker that parks says so (`state`, sequentially consistent)
before it looks at the word for the last time; a caller opens the word before it looks for parked workers: one of the
two sees the other.

A worker that has claimed a chunk may lose its core to another process, and then the caller has to wait, for as long as
the system's time slices are. So callers work alone for some time after each such stall.

A worker waits at its own condition, and a waker that cannot have its mutex at once lets it be: it is about to park or
has just woken, perhaps without a core. So the caller blocks on no lock that a worker holds. A worker that is not woken
costs time, never the result. Where one waits alone and each wait is signalled once, `pthread_cond_signal` of glibc
before 2.41 does not wait for threads that were woken earlier, as it may elsewhere.
"""

from __future__ import annotations

import time
from string import Template

from pullback.backends.cpu.symbols import RUN
from pullback.backends.cpu.threads.architecture import Architecture
from pullback.backends.cpu.threads.caller_text import CALLER
from pullback.backends.cpu.threads.worker_text import WORKER
from pullback.process.thread_count import MOST_THREADS

TABLE = "pb.pool"
"""The addresses of `RUN`, the number of threads (i32), what a worker runs, and what the child of a fork calls."""
CHUNKS_PER_THREAD = 6
"""Chunks that each thread claims on average: one that begins late, or loses its core, leaves more to the others."""
SHORTEST_CHUNK = 4_000
"""Nanoseconds of estimated work in a chunk, at least; a claim takes up to 0.1 us."""
WAKING = 150_000
"""Nanoseconds of estimated work for which parked threads are woken: that takes 10 us here, and 20 to 50 us there.

Where vectors are of AVX-512 these are some 100 us: estimates are for AVX2.
"""
WAKING_FOR_SMALL, MOST_FOR_SMALL = 2_000_000, 32_000_000
"""Nanoseconds of estimated work in jobs that follow each other, none of which would wake anyone, for which one does.

Waking costs a hundredth of the first. Each time that nobody comes, or a job stalls, it takes twice as much, up to the
second: beside a busy process a woken worker may take the caller's core. Once awake, workers stay so while jobs follow.
"""
SPINNING = 50_000
"""Nanoseconds that a worker looks for more work before it parks."""
LOOKS = 16
"""Looks between two at the clock."""
LOOKS_BEFORE_YIELDING = 200
"""Looks of a caller that waits for the last chunks before it offers its core to others."""
STALL = 100_000
"""Nanoseconds that a caller waits for a chunk beyond the time of two before it takes it that a worker has no core.

A time slice is longer; what the system or a host does on a core, some 30 us a thousand times a second, is not.
"""
LONGEST_STALL = 50_000_000
ALONE_AFTER = 16
"""Times the stall for which callers work alone then: beside busy processes, at most a 16th of the time is lost."""
PARKED = 1


def run_at(address: int) -> str:
    """LLVM IR of `RUN` for a module of its own, given its address in this process."""
    return (
        f"define hidden void @{RUN}(ptr %body, ptr %captured, i64 %iterations, i64 %cost) {{\n"
        f"  call void inttoptr (i64 {address} to ptr)(ptr %body, ptr %captured, i64 %iterations, i64 %cost)\n"
        "  ret void\n}\n"
    )


def without_threads() -> str:
    """LLVM IR of `RUN` where there are no threads."""
    return (
        f"define void @{RUN}(ptr %body, ptr %captured, i64 %iterations, i64 %cost) {{\n"
        "  call void %body(ptr %captured, i64 0, i64 %iterations)\n"
        "  ret void\n}\n"
    )


def with_threads(architecture: Architecture) -> str:
    """LLVM IR of `RUN`, of `@pb.worker`, which each thread runs, and of `@pb.forget`, for the child of a fork."""
    numbers = {
        "CHUNKS_PER_THREAD": CHUNKS_PER_THREAD,
        "CLOCK": int(time.CLOCK_MONOTONIC),
        "ALONE_AFTER": ALONE_AFTER,
        "LONGEST_STALL": LONGEST_STALL,
        "LOOKS": LOOKS,
        "LOOKS_BEFORE_YIELDING": LOOKS_BEFORE_YIELDING,
        "STALL": STALL,
        "MOST_FOR_SMALL": MOST_FOR_SMALL,
        "MOST_THREADS": MOST_THREADS,
        "PARKED": PARKED,
        "SHORTEST_CHUNK": SHORTEST_CHUNK,
        "SPINNING": SPINNING,
        "WAKING": WAKING,
        "WAKING_FOR_SMALL": WAKING_FOR_SMALL,
    }
    names = {"RUN": RUN, "TABLE": TABLE}
    text = Template(_STATE + _CHUNKS + CALLER + WORKER)
    return text.substitute(numbers, **names, **vars(architecture))


_STATE = """
%pb.worker = type { i32, [60 x i8], [128 x i8], [128 x i8] }  ; state, mutex, condition: no system has larger ones
%pb.job = type { ptr, ptr, i64, i64, i1 }  ; body, captured, iterations, chunks, whether to wake

@$TABLE = constant [4 x ptr] [ptr @$RUN, ptr @pb.threads, ptr @pb.worker, ptr @pb.forget]
@pb.threads = internal global i32 1, align 64               ; that may work at a job, the caller included
@pb.busy = internal global i32 0, align 64         ; whether a caller has the job
@pb.job = internal global %pb.job zeroinitializer, align 64
@pb.mode = internal global i64 0, align 64         ; the caller's floating-point mode
@pb.chunks = internal global i64 0, align 64       ; bits 0 to 31: the first that is not claimed; 32 to 63: the end
@pb.done = internal global i64 0, align 64         ; chunks of the job that are done
@pb.awake = internal global i32 0, align 64        ; workers that are not parked
@pb.alone_until = internal global i64 0, align 64   ; the time until which callers ask nobody; 0 for none
@pb.small_until = internal global i64 0, align 64   ; when the last job that was too small to wake anyone ends
@pb.small_work = internal global i64 0, align 8     ; nanoseconds of work in these, as far as they followed each other
@pb.small_needed = internal global i64 $WAKING_FOR_SMALL, align 8  ; as much work is enough to wake for it
@pb.workers = internal global [$MOST_THREADS x %pb.worker] zeroinitializer, align 64

declare i32 @clock_gettime(i32, ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_trylock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @sched_yield()
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
$declarations

define internal void @pb.forget() nounwind {
  store i32 1, ptr @pb.threads, align 4
  store i32 0, ptr @pb.busy, align 4
  store i64 0, ptr @pb.chunks, align 8
  store i32 0, ptr @pb.awake, align 4
  store i64 0, ptr @pb.alone_until, align 8
  store i64 0, ptr @pb.small_work, align 8
  store i64 $WAKING_FOR_SMALL, ptr @pb.small_needed, align 8
  ; A store of the whole array would be one for each of its bytes.
  %size = ptrtoint ptr getelementptr (%pb.worker, ptr null, i64 $MOST_THREADS) to i64
  call void @llvm.memset.p0.i64(ptr align 64 @pb.workers, i8 0, i64 %size, i1 false)
  ret void
}

define internal i64 @pb.now() nounwind {
  %time = alloca [2 x i64], align 8
  %unused = call i32 @clock_gettime(i32 $CLOCK, ptr %time)
  %seconds = load i64, ptr %time, align 8
  %rest = getelementptr inbounds i64, ptr %time, i64 1
  %nanoseconds = load i64, ptr %rest, align 8
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %nanoseconds
  ret i64 %now
}
"""

_CHUNKS = """
define internal i1 @pb.any(i64 %word) nounwind alwaysinline {
  %begin = and i64 %word, 4294967295
  %end = lshr i64 %word, 32
  %any = icmp ult i64 %begin, %end
  ret i1 %any
}

; The number of the chunk that it claims: the first, or else the last; -1 where all are claimed.
define internal i64 @pb.claim(i1 %first) nounwind alwaysinline {
entry:
  %read = load atomic i64, ptr @pb.chunks acquire, align 8
  br label %look
look:
  %word = phi i64 [ %read, %entry ], [ %found, %claim ]
  %any = call i1 @pb.any(i64 %word)
  br i1 %any, label %claim, label %none
claim:
  %begin = and i64 %word, 4294967295
  %end = lshr i64 %word, 32
  %without_first = add i64 %word, 1
  %without_last = sub i64 %word, 4294967296
  %rest = select i1 %first, i64 %without_first, i64 %without_last
  %exchange = cmpxchg ptr @pb.chunks, i64 %word, i64 %rest acq_rel acquire
  %found = extractvalue { i64, i1 } %exchange, 0
  %mine = extractvalue { i64, i1 } %exchange, 1
  br i1 %mine, label %claimed, label %look
claimed:
  %last = sub i64 %end, 1
  %number = select i1 %first, i64 %begin, i64 %last
  ret i64 %number
none:
  ret i64 -1
}

; Runs a chunk that the thread has claimed, and says that it is done.
define internal void @pb.run_chunk(i64 %number) nounwind {
  %body = load ptr, ptr @pb.job, align 8
  %captured = load ptr, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 1), align 8
  %iterations = load i64, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 2), align 8
  %chunks = load i64, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 3), align 8
  %next = add i64 %number, 1
  %from.product = mul i64 %number, %iterations
  %to.product = mul i64 %next, %iterations
  %from = udiv i64 %from.product, %chunks
  %to = udiv i64 %to.product, %chunks
  call void %body(ptr %captured, i64 %from, i64 %to)
  %unused = atomicrmw add ptr @pb.done, i64 1 release, align 8
  ret void
}
"""
