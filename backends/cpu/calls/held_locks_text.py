"""LLVM IR that takes the locks of a call and gives them back, and looks whether it may run."""

from __future__ import annotations

from pullback.backends.cpu.calls.call_table import Head
from pullback.backends.cpu.calls.table_words_text import known_object, word


def held_locks_text() -> str:
    """`@is_held_here`, `@take_locks`, `@release_locks` (the first ones) and `@are_empty`.

    Python's signal handlers may run while the first of these wait, and not between them and the native code.
    """
    return f"""
define internal i1 @is_held_here(ptr %table) {{
entry:
{known_object("ask", Head.HELD_HERE)}
  %none = icmp eq ptr %ask, null
  br i1 %none, label %no, label %asked
asked:
  %answer = call ptr @PyObject_CallNoArgs(ptr %ask)
  %truth = call i32 @PyObject_IsTrue(ptr %answer)
  call void @Py_DecRef(ptr %answer)
  %held = icmp ne i32 %truth, 0
  ret i1 %held
no:
  ret i1 0
}}

define internal i1 @take_locks(ptr %table, ptr %locked) {{
entry:
{word("count", Head.LOCKS)}{word("first", Head.LOCKS_AT)}
  br label %locks
locks:
  %i = phi i64 [ 0, %entry ], [ %i.next, %held ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %lock, label %right
lock:
  %begin = call i64 @entry(i64 %first, i64 2, i64 %i)
{known_object("acquire", 0, "%begin")}
  %answer = call ptr @PyObject_CallNoArgs(ptr %acquire)
  %failed = icmp eq ptr %answer, null
  br i1 %failed, label %wrong, label %held
held:
  call void @Py_DecRef(ptr %answer)
  %i.next = add i64 %i, 1
  store i64 %i.next, ptr %locked
  br label %locks
right:
  ret i1 1
wrong:
  ret i1 0
}}

define internal void @release_locks(ptr %table, i64 %count) {{
entry:
{word("first", Head.LOCKS_AT)}
  br label %locks
locks:
  %i = phi i64 [ 0, %entry ], [ %i.next, %lock ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %lock, label %end
lock:
  %begin = call i64 @entry(i64 %first, i64 2, i64 %i)
{known_object("release", 1, "%begin")}
  %answer = call ptr @PyObject_CallNoArgs(ptr %release)
  call void @Py_DecRef(ptr %answer)
  %i.next = add i64 %i, 1
  br label %locks
end:
  ret void
}}

define internal i1 @are_empty(ptr %table) {{
entry:
{word("count", Head.EMPTY)}{word("first", Head.EMPTY_AT)}
  br label %collections
collections:
  %i = phi i64 [ 0, %entry ], [ %i.next, %one ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %right
one:
  %at = add i64 %first, %i
  %collection = call ptr @object(ptr %table, i64 %at)
  %truth = call i32 @PyObject_IsTrue(ptr %collection)
  %empty = icmp eq i32 %truth, 0
  %i.next = add i64 %i, 1
  br i1 %empty, label %collections, label %wrong
right:
  ret i1 1
wrong:
  ret i1 0
}}
"""
