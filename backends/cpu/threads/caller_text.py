"""The caller's side of the pool in LLVM IR: it opens a job, works at it, and wakes workers; see `pool_text`."""

CALLER = """
define internal void @$RUN(ptr %body, ptr %captured, i64 %iterations, i64 %cost) nounwind {
entry:
  %threads = load atomic i32, ptr @pb.threads monotonic, align 4
  %several = icmp sgt i32 %threads, 1
  %divisible = icmp sgt i64 %iterations, 1
  %may = and i1 %several, %divisible
  br i1 %may, label %look, label %alone
look:
  %awake = load atomic i32, ptr @pb.awake monotonic, align 4
  %ready = icmp sgt i32 %awake, 0
  %wakes = icmp sge i64 %cost, $WAKING
  %worth = or i1 %ready, %wakes
  br i1 %worth, label %free, label %small
small:
  ; Small jobs, each before a worker would have parked since the last one, are worth to be woken for together.
  %begins = call i64 @pb.now()
  %last.end = load atomic i64, ptr @pb.small_until monotonic, align 8
  %gap = sub i64 %begins, %last.end
  %follows = icmp slt i64 %gap, $SPINNING
  %before = load atomic i64, ptr @pb.small_work monotonic, align 8
  %work.before = select i1 %follows, i64 %before, i64 0
  %small.work = add i64 %work.before, %cost
  %needed = load atomic i64, ptr @pb.small_needed monotonic, align 8
  %enough = icmp sge i64 %small.work, %needed
  %work.now = select i1 %enough, i64 0, i64 %small.work
  %ends = add i64 %begins, %cost
  store atomic i64 %ends, ptr @pb.small_until monotonic, align 8
  store atomic i64 %work.now, ptr @pb.small_work monotonic, align 8
  br i1 %enough, label %try, label %alone
try:
  call void @pb.wake_less_often()
  br label %free
free:
  %wakes.now = phi i1 [ %wakes, %look ], [ true, %try ]
  %until = load atomic i64, ptr @pb.alone_until monotonic, align 8
  %free.always = icmp eq i64 %until, 0
  br i1 %free.always, label %take, label %clock
clock:
  %moment = call i64 @pb.now()
  %still = icmp slt i64 %moment, %until
  br i1 %still, label %alone, label %over
over:
  store atomic i64 0, ptr @pb.alone_until monotonic, align 8
  br label %take
take:
  %exchange = cmpxchg ptr @pb.busy, i32 0, i32 1 acquire monotonic
  %mine = extractvalue { i32, i1 } %exchange, 1
  br i1 %mine, label %open, label %alone
alone:
  call void %body(ptr %captured, i64 0, i64 %iterations)
  ret void
open:
  %threads.64 = zext i32 %threads to i64
  %most = mul i64 %threads.64, $CHUNKS_PER_THREAD
  %long.enough = udiv i64 %cost, $SHORTEST_CHUNK
  %two = call i64 @llvm.umax.i64(i64 %long.enough, i64 2)
  %few = call i64 @llvm.umin.i64(i64 %most, i64 %two)
  ; Three chunks would keep one of two threads waiting for a third of the time.
  %uneven = urem i64 %few, %threads.64
  %are.fewer = icmp ult i64 %few, %threads.64
  %left.over = select i1 %are.fewer, i64 0, i64 %uneven
  %even = sub i64 %few, %left.over
  %chunks = call i64 @llvm.umin.i64(i64 %even, i64 %iterations)
  store ptr %body, ptr @pb.job, align 8
  store ptr %captured, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 1), align 8
  store i64 %iterations, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 2), align 8
  store i64 %chunks, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 3), align 8
  store i1 %wakes.now, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 4), align 1
  $read_mode
  store atomic i64 0, ptr @pb.done monotonic, align 8
  %all = shl i64 %chunks, 32
  store atomic i64 %all, ptr @pb.chunks seq_cst, align 8
  br i1 %wakes.now, label %wake, label %begin
wake:
  call void @pb.wake(i64 0)
  call void @pb.wake(i64 1)
  br label %begin
begin:
  %began = call i64 @pb.now()
  br label %claim
claim:
  %own = phi i64 [ 0, %begin ], [ %own.more, %run ]
  %number = call i64 @pb.claim(i1 true)
  %none = icmp eq i64 %number, -1
  br i1 %none, label %check, label %run
run:
  call void @pb.run_chunk(i64 %number)
  %own.more = add i64 %own, 1
  br label %claim
check:
  %helped = icmp ult i64 %own, %chunks
  br i1 %helped, label %came, label %look.done
came:
  store atomic i64 $WAKING_FOR_SMALL, ptr @pb.small_needed monotonic, align 8
  br label %look.done
look.done:
  %done.now = load atomic i64, ptr @pb.done acquire, align 8
  %all.done = icmp eq i64 %done.now, %chunks
  br i1 %all.done, label %leave, label %last
last:
  %ran = call i64 @pb.now()
  br label %wait
wait:
  %looks = phi i64 [ 0, %last ], [ %more, %pause ], [ 0, %yield ]
  %done = load atomic i64, ptr @pb.done acquire, align 8
  %ended = icmp eq i64 %done, %chunks
  br i1 %ended, label %waited, label %pause
pause:
  $pause
  %more = add i64 %looks, 1
  %long = icmp ugt i64 %more, $LOOKS_BEFORE_YIELDING
  br i1 %long, label %yield, label %wait
yield:
  %unused = call i32 @sched_yield()
  br label %wait
waited:
  ; A chunk takes as long as those that the caller ran, on average. What is left of the wait is a stall.
  %now = call i64 @pb.now()
  %wait.time = sub i64 %now, %ran
  %own.time = sub i64 %ran, %began
  %divisor = call i64 @llvm.umax.i64(i64 %own, i64 1)
  %chunk.time = sdiv i64 %own.time, %divisor
  %two.chunks = mul i64 %chunk.time, 2
  %expected = add i64 %two.chunks, $STALL
  %stall = sub i64 %wait.time, %expected
  %stalled = icmp sgt i64 %stall, 0
  br i1 %stalled, label %remember, label %leave
remember:
  %stall.counted = call i64 @llvm.umin.i64(i64 %stall, i64 $LONGEST_STALL)
  %pause.time = mul i64 %stall.counted, $ALONE_AFTER
  %resume = add i64 %now, %pause.time
  store atomic i64 %resume, ptr @pb.alone_until monotonic, align 8
  call void @pb.wake_less_often()
  br label %leave
leave:
  store atomic i32 0, ptr @pb.busy release, align 4
  ret void
}

; Small jobs wake nobody, for longer than before.
define internal void @pb.wake_less_often() nounwind {
  %needed = load atomic i64, ptr @pb.small_needed monotonic, align 8
  %twice = mul i64 %needed, 2
  %next = call i64 @llvm.umin.i64(i64 %twice, i64 $MOST_FOR_SMALL)
  store atomic i64 %next, ptr @pb.small_needed monotonic, align 8
  ret void
}

declare i64 @llvm.umax.i64(i64, i64)
declare i64 @llvm.umin.i64(i64, i64)

; Wakes a worker that is parked and may work, unless its mutex is not to be had at once.
define internal void @pb.wake(i64 %number) nounwind noinline {
entry:
  %threads = load atomic i32, ptr @pb.threads monotonic, align 4
  %threads.64 = sext i32 %threads to i64
  %chunks = load i64, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 3), align 8
  %useful = call i64 @llvm.umin.i64(i64 %threads.64, i64 %chunks)
  %others = sub i64 %useful, 1
  %may = icmp slt i64 %number, %others
  br i1 %may, label %look, label %end
look:
  %worker = getelementptr inbounds [$MOST_THREADS x %pb.worker], ptr @pb.workers, i64 0, i64 %number
  %mutex = getelementptr inbounds %pb.worker, ptr %worker, i32 0, i32 2
  %condition = getelementptr inbounds %pb.worker, ptr %worker, i32 0, i32 3
  %before = load atomic i32, ptr %worker seq_cst, align 4
  %seems.parked = icmp eq i32 %before, $PARKED
  br i1 %seems.parked, label %left, label %end
left:
  %word = load atomic i64, ptr @pb.chunks monotonic, align 8
  %any = call i1 @pb.any(i64 %word)
  br i1 %any, label %lock, label %end
lock:
  %locked = call i32 @pthread_mutex_trylock(ptr %mutex)
  %failed = icmp ne i32 %locked, 0
  br i1 %failed, label %end, label %look.again
look.again:
  %state = load atomic i32, ptr %worker monotonic, align 4
  %parked = icmp eq i32 %state, $PARKED
  br i1 %parked, label %signal, label %unlock
signal:
  store atomic i32 0, ptr %worker monotonic, align 4
  %unused = atomicrmw add ptr @pb.awake, i32 1 monotonic, align 4
  %unused.1 = call i32 @pthread_cond_signal(ptr %condition)
  br label %unlock
unlock:
  %unused.2 = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %end
end:
  ret void
}
"""
