"""A worker's side of the pool in LLVM IR: it looks for chunks of a job for a while, then parks; see `pool_text`."""

WORKER = """
define internal ptr @pb.worker(ptr %argument) nounwind {
entry:
  %number = ptrtoint ptr %argument to i64
  %worker = getelementptr inbounds [$MOST_THREADS x %pb.worker], ptr @pb.workers, i64 0, i64 %number
  %mutex = getelementptr inbounds %pb.worker, ptr %worker, i32 0, i32 2
  %condition = getelementptr inbounds %pb.worker, ptr %worker, i32 0, i32 3
  %unused = call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  %unused.1 = call i32 @pthread_cond_init(ptr %condition, ptr null)
  %unused.2 = atomicrmw add ptr @pb.awake, i32 1 monotonic, align 4
  %twice = mul i64 %number, 2
  %left = add i64 %twice, 2
  %right = add i64 %twice, 3
  br label %begin
begin:
  %now = call i64 @pb.now()
  %limit = add i64 %now, $SPINNING
  br label %look
look:
  %looks = phi i64 [ 0, %begin ], [ %more, %pause ], [ 0, %clock ]
  %threads = load atomic i32, ptr @pb.threads monotonic, align 4
  %others = sub i32 %threads, 1
  %others.64 = sext i32 %others to i64
  %may = icmp slt i64 %number, %others.64
  br i1 %may, label %claim, label %pause
claim:
  %chunk = call i64 @pb.claim(i1 false)
  %none = icmp eq i64 %chunk, -1
  br i1 %none, label %pause, label %run
run:
  $write_mode
  %wakes = load i1, ptr getelementptr inbounds (%pb.job, ptr @pb.job, i32 0, i32 4), align 1
  br i1 %wakes, label %wake, label %work
wake:
  call void @pb.wake(i64 %left)
  call void @pb.wake(i64 %right)
  br label %work
work:
  call void @pb.run_chunk(i64 %chunk)
  br label %begin
pause:
  $pause
  %more = add i64 %looks, 1
  %some = icmp ult i64 %more, $LOOKS
  br i1 %some, label %look, label %clock
clock:
  %later = call i64 @pb.now()
  %early = icmp slt i64 %later, %limit
  br i1 %early, label %look, label %park
park:
  %unused.3 = call i32 @pthread_mutex_lock(ptr %mutex)
  store atomic i32 $PARKED, ptr %worker seq_cst, align 4
  %word = load atomic i64, ptr @pb.chunks seq_cst, align 8
  %any = call i1 @pb.any(i64 %word)
  %stays = and i1 %any, %may
  br i1 %stays, label %stay, label %rest
stay:
  store atomic i32 0, ptr %worker monotonic, align 4
  br label %woken
rest:
  %unused.4 = atomicrmw sub ptr @pb.awake, i32 1 monotonic, align 4
  br label %wait
wait:
  %state = load atomic i32, ptr %worker monotonic, align 4
  %parked = icmp eq i32 %state, $PARKED
  br i1 %parked, label %sleep, label %woken
sleep:
  %unused.5 = call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %wait
woken:
  %unused.6 = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %begin
}
"""
