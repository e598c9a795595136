"""What the number of threads depends on outside of Python, as one number: LLVM IR that takes a tenth of a microsecond.

Python takes 1 us to read a variable of the environment, and 5 with the affinity of the process, which is as long as a
small step. Nothing has changed while the number is the same: hashes of the variable's text, or else of the affinity.
"""

from __future__ import annotations

import os
from string import Template

from pullback.process.thread_count import VARIABLE

ASKED = "pb.asked"
BYTES = 256
"""Of the affinity: a bit for each CPU. A machine with more has its changes unnoticed, until the variable is set."""


def asked_text() -> str:
    """LLVM IR of `ASKED`, which returns the number as an i64."""
    has_affinity = hasattr(os, "sched_getaffinity")
    numbers = {"ASKED": ASKED, "VARIABLE": VARIABLE, "SIZE": len(VARIABLE) + 1, "BYTES": BYTES}
    text = Template(_TEXT + _AFFINITY if has_affinity else _TEXT)
    return text.substitute(
        numbers,
        WORDS=BYTES // 8,
        otherwise="call i64 @pb.affinity()" if has_affinity else "add i64 0, 0",
    )


_TEXT = """
@pb.variable = private constant [$SIZE x i8] c"$VARIABLE\\00"

declare ptr @getenv(ptr)

define i64 @$ASKED() nounwind {
entry:
  %text = call ptr @getenv(ptr @pb.variable)
  %none = icmp eq ptr %text, null
  br i1 %none, label %otherwise, label %letter
otherwise:
  %other = $otherwise
  ret i64 %other
letter:
  %at = phi i64 [ 0, %entry ], [ %next, %more ]
  %hash = phi i64 [ -3750763034362895579, %entry ], [ %hash.next, %more ]
  %place = getelementptr inbounds i8, ptr %text, i64 %at
  %letter.now = load i8, ptr %place, align 1
  %ends = icmp eq i8 %letter.now, 0
  br i1 %ends, label %end, label %more
more:
  %wide = zext i8 %letter.now to i64
  %mixed = xor i64 %hash, %wide
  %hash.next = mul i64 %mixed, 1099511628211
  %next = add i64 %at, 1
  br label %letter
end:
  ret i64 %hash
}
"""

_AFFINITY = """
declare i32 @sched_getaffinity(i32, i64, ptr)

define internal i64 @pb.affinity() nounwind {
entry:
  %cpus = alloca [$WORDS x i64], align 8
  store [$WORDS x i64] zeroinitializer, ptr %cpus, align 8
  %unused = call i32 @sched_getaffinity(i32 0, i64 $BYTES, ptr %cpus)
  br label %word
word:
  %at = phi i64 [ 0, %entry ], [ %next, %word ]
  %hash = phi i64 [ -3750763034362895578, %entry ], [ %hash.next, %word ]
  %place = getelementptr inbounds i64, ptr %cpus, i64 %at
  %bits = load i64, ptr %place, align 8
  %mixed = xor i64 %hash, %bits
  %hash.next = mul i64 %mixed, 1099511628211
  %next = add i64 %at, 1
  %again = icmp ult i64 %next, $WORDS
  br i1 %again, label %word, label %end
end:
  ret i64 %hash.next
}
"""
