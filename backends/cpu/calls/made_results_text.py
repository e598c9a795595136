"""LLVM IR that makes the arrays of a call's results, and the list or array that the call returns."""

from __future__ import annotations

from pullback.backends.cpu.calls.call_table import Head, MadeEntry
from pullback.backends.cpu.calls.table_words_text import known_object, word

MOST_DIMS = 64
"""Of NumPy's arrays (`NPY_MAXDIMS`)."""


def made_results_text() -> str:
    """`@make_results` (the arrays, and their addresses) and `@returned` (what the list is turned into)."""
    arguments = "ptr %type, ptr %dtype, i32 %rank.short, ptr %shape, ptr null, ptr null, i32 0, ptr null"
    return f"""
@origin = internal constant [{MOST_DIMS} x i64] zeroinitializer

define internal ptr @make_array(ptr %table, i64 %begin) {{
entry:
{known_object("take", MadeEntry.TAKE, "%begin")}
  %is.new = icmp eq ptr %take, null
  br i1 %is.new, label %new, label %taken
taken:
  %found = call ptr @PyObject_CallNoArgs(ptr %take)
  ret ptr %found
new:
{known_object("type", Head.ARRAY)}{known_object("dtype", MadeEntry.DTYPE, "%begin")}
{word("rank", MadeEntry.RANK, "%begin")}{word("extents", MadeEntry.EXTENTS_AT, "%begin")}
  %shape = getelementptr i64, ptr %table, i64 %extents
  %rank.short = trunc i64 %rank to i32
  call void @Py_IncRef(ptr %dtype)
  %made = call ptr @PyArray_NewFromDescr({arguments})
  ret ptr %made
}}

define internal i1 @make_results(ptr %table, ptr %addresses, ptr %list) {{
entry:
{word("count", Head.MADE)}{word("first", Head.MADE_AT)}{word("gaps", Head.GAPS)}{word("gap.first", Head.GAPS_AT)}
{known_object("nothing", Head.NOTHING)}
  br label %results
results:
  %i = phi i64 [ 0, %entry ], [ %i.next, %made ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %result, label %places
result:
  %begin = call i64 @entry(i64 %first, i64 {MadeEntry.END}, i64 %i)
  %array = call ptr @make_array(ptr %table, i64 %begin)
  %failed = icmp eq ptr %array, null
  br i1 %failed, label %wrong, label %made
made:
  %data = call ptr @PyArray_GetPtr(ptr %array, ptr @origin)
{word("position", MadeEntry.POSITION, "%begin")}{word("place", MadeEntry.PLACE, "%begin")}
  %address = getelementptr ptr, ptr %addresses, i64 %position
  store ptr %data, ptr %address
  %status = call i32 @PyList_SetItem(ptr %list, i64 %place, ptr %array)
  %i.next = add i64 %i, 1
  br label %results
places:
  %j = phi i64 [ 0, %results ], [ %j.next, %gap ]
  %open = icmp slt i64 %j, %gaps
  br i1 %open, label %gap, label %right
gap:
  %gap.at = add i64 %gap.first, %j
  %where = call i64 @word(ptr %table, i64 %gap.at)
  call void @Py_IncRef(ptr %nothing)
  %filled = call i32 @PyList_SetItem(ptr %list, i64 %where, ptr %nothing)
  %j.next = add i64 %j, 1
  br label %places
right:
  ret i1 1
wrong:
  ret i1 0
}}

define internal ptr @returned(ptr %table, ptr %list) {{
entry:
{word("alone", Head.ALONE)}
  %is.alone = icmp ne i64 %alone, 0
  br i1 %is.alone, label %single, label %all
single:
  %result = call ptr @PyList_GetItem(ptr %list, i64 0)
  call void @Py_IncRef(ptr %result)
  call void @Py_DecRef(ptr %list)
  ret ptr %result
all:
  ret ptr %list
}}
"""
