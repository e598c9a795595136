"""LLVM IR that asks each array that a call is given for its buffer, and compares it with the table.

NumPy lets a `bool` array hold any byte, native code expects 0 and 1: arrays with others are left to checks in Python.
"""

from __future__ import annotations

from pullback.backends.cpu.calls.call_table import LETTERS, GivenEntry, Head
from pullback.backends.cpu.calls.table_words_text import word


def given_arrays_text() -> str:
    """`@fits` (one array), `@take_given` (all of them, with their addresses), and `@are_apart`."""
    return _ARE_TRUTHS + _fits() + _take_given() + _ARE_APART


_ARE_TRUTHS = """
define internal i1 @are_truths(ptr %bytes, i64 %count) {
entry:
  %whole = and i64 %count, -64
  br label %blocks
blocks:
  %i = phi i64 [ 0, %entry ], [ %i.next, %block ]
  %seen = phi <64 x i8> [ zeroinitializer, %entry ], [ %seen.next, %block ]
  %more = icmp slt i64 %i, %whole
  br i1 %more, label %block, label %ends
block:
  %place = getelementptr i8, ptr %bytes, i64 %i
  %vector = load <64 x i8>, ptr %place, align 1
  %seen.next = or <64 x i8> %seen, %vector
  %i.next = add i64 %i, 64
  br label %blocks
ends:
  %in.blocks = call i8 @llvm.vector.reduce.or.v64i8(<64 x i8> %seen)
  br label %rest
rest:
  %j = phi i64 [ %whole, %ends ], [ %j.next, %one ]
  %found = phi i8 [ %in.blocks, %ends ], [ %found.next, %one ]
  %left = icmp slt i64 %j, %count
  br i1 %left, label %one, label %end
one:
  %byte.place = getelementptr i8, ptr %bytes, i64 %j
  %byte = load i8, ptr %byte.place
  %found.next = or i8 %found, %byte
  %j.next = add i64 %j, 1
  br label %rest
end:
  %are = icmp ule i8 %found, 1
  ret i1 %are
}

declare i8 @llvm.vector.reduce.or.v64i8(<64 x i8>)
"""


def _fits() -> str:
    matches = "".join(
        word(f"letters{n}", GivenEntry.FORMATS + n, "%begin")
        + f"  %equal{n} = icmp eq i64 %format, %letters{n}\n  %known{n} = or i1 %known{n - 1}, %equal{n}\n"
        for n in range(LETTERS)
    )
    return f"""
%buffer = type {{ ptr, ptr, i64, i64, i32, i32, ptr, ptr, ptr, ptr, ptr }}

define internal i1 @fits(ptr %table, i64 %begin, ptr %view) {{
entry:
  %format.place = getelementptr %buffer, ptr %view, i64 0, i32 6
  %text = load ptr, ptr %format.place
  %first = load i8, ptr %text
  %ended = icmp eq i8 %first, 0
  %second.place = getelementptr i8, ptr %text, i64 1
  br i1 %ended, label %wrong, label %longer
longer:
  %second = load i8, ptr %second.place
  %short = icmp eq i8 %second, 0
  br i1 %short, label %formatted, label %two
two:
  %third.place = getelementptr i8, ptr %text, i64 2
  %third = load i8, ptr %third.place
  %is.two = icmp eq i8 %third, 0
  br i1 %is.two, label %formatted, label %wrong
formatted:
  %low = zext i8 %first to i64
  %high = zext i8 %second to i64
  %shifted = shl i64 %high, 8
  %format = or i64 %low, %shifted
  %known-1 = icmp eq i64 0, 1
{matches}
  %rank.place = getelementptr %buffer, ptr %view, i64 0, i32 5
  %rank.found = load i32, ptr %rank.place
  %rank.found.wide = sext i32 %rank.found to i64
{word("rank", GivenEntry.RANK, "%begin")}
  %same.rank = icmp eq i64 %rank, %rank.found.wide
  %size.place = getelementptr %buffer, ptr %view, i64 0, i32 3
  %size.found = load i64, ptr %size.place
{word("size", GivenEntry.ITEM_SIZE, "%begin")}
  %same.size = icmp eq i64 %size, %size.found
  %start = load ptr, ptr %view
  %address = ptrtoint ptr %start to i64
{word("mask", GivenEntry.UNALIGNED, "%begin")}
  %beyond = and i64 %address, %mask
  %aligned = icmp eq i64 %beyond, 0
  %a = and i1 %known{LETTERS - 1}, %same.rank
  %b = and i1 %same.size, %aligned
  %c = and i1 %a, %b
  br i1 %c, label %shaped, label %wrong
shaped:
{word("extents", GivenEntry.EXTENTS_AT, "%begin")}
  %shape.place = getelementptr %buffer, ptr %view, i64 0, i32 7
  %shape = load ptr, ptr %shape.place
  br label %dims
dims:
  %d = phi i64 [ 0, %shaped ], [ %next, %dim ]
  %more = icmp slt i64 %d, %rank
  br i1 %more, label %dim, label %right
dim:
  %at = add i64 %extents, %d
  %extent = call i64 @word(ptr %table, i64 %at)
  %extent.found = call i64 @word(ptr %shape, i64 %d)
  %same = icmp eq i64 %extent, %extent.found
  %next = add i64 %d, 1
  br i1 %same, label %dims, label %wrong
right:
{word("truths", GivenEntry.TRUTHS, "%begin")}
  %are.truths = call i1 @are_truths(ptr %start, i64 %truths)
  ret i1 %are.truths
wrong:
  ret i1 0
}}
"""


def _take_given() -> str:
    return f"""
define internal i1 @take_given(ptr %table, ptr %arguments, ptr %addresses, ptr %views, ptr %taken) {{
entry:
{word("count", Head.GIVEN)}{word("type", Head.ARRAY)}
  br label %arrays
arrays:
  %i = phi i64 [ 0, %entry ], [ %i.next, %fitting ]
  %any = icmp slt i64 %i, %count
  br i1 %any, label %array, label %right
array:
  %begin = call i64 @entry(i64 {Head.END}, i64 {GivenEntry.END}, i64 %i)
  %object.place = getelementptr ptr, ptr %arguments, i64 %i
  %object = load ptr, ptr %object.place
  %class = call ptr @PyObject_Type(ptr %object)
  call void @Py_DecRef(ptr %class)
  %class.address = ptrtoint ptr %class to i64
  %is.array = icmp eq i64 %class.address, %type
  br i1 %is.array, label %ask, label %wrong
ask:
  %view = getelementptr %buffer, ptr %views, i64 %i
{word("flags", GivenEntry.FLAGS, "%begin")}
  %flags.short = trunc i64 %flags to i32
  %status = call i32 @PyObject_GetBuffer(ptr %object, ptr %view, i32 %flags.short)
  %refused = icmp ne i32 %status, 0
  br i1 %refused, label %unknown, label %check
unknown:
  call void @PyErr_Clear()
  br label %wrong
check:
  %i.next = add i64 %i, 1
  store i64 %i.next, ptr %taken
  %fits = call i1 @fits(ptr %table, i64 %begin, ptr %view)
  br i1 %fits, label %fitting, label %wrong
fitting:
{word("position", GivenEntry.POSITION, "%begin")}
  %place = getelementptr i64, ptr %addresses, i64 %position
  %start = load i64, ptr %view
  store i64 %start, ptr %place
  br label %arrays
right:
  ret i1 1
wrong:
  ret i1 0
}}
"""


_ARE_APART = f"""
define internal i1 @is_apart(ptr %addresses, ptr %kinds, i64 %count, i64 %position, i64 %kind) {{
entry:
  %empty = icmp eq i64 %kind, 0
  %mine = call i64 @word(ptr %addresses, i64 %position)
  br i1 %empty, label %yes, label %others
others:
  %other = phi i64 [ 0, %entry ], [ %next, %compare ]
  %more = icmp slt i64 %other, %count
  br i1 %more, label %compare, label %yes
compare:
  %theirs = call i64 @word(ptr %addresses, i64 %other)
  %same = icmp eq i64 %mine, %theirs
  %self = icmp eq i64 %other, %position
  %their.kind = call i64 @word(ptr %kinds, i64 %other)
  %filled = icmp ne i64 %their.kind, 0
  %both = or i64 %kind, %their.kind
  %written = icmp eq i64 %both, 3
  %not.self = xor i1 %self, true
  %e = and i1 %same, %not.self
  %f = and i1 %filled, %written
  %shared = and i1 %e, %f
  %next = add i64 %other, 1
  br i1 %shared, label %no, label %others
yes:
  ret i1 1
no:
  ret i1 0
}}

define internal i1 @are_apart(ptr %table, ptr %addresses, ptr %kinds) {{
entry:
{word("count", Head.ARGUMENTS)}{word("given", Head.GIVEN)}
  br label %each
each:
  %j = phi i64 [ 0, %entry ], [ %j.next, %one ]
  %rest = icmp slt i64 %j, %given
  br i1 %rest, label %one, label %right
one:
  %begin = call i64 @entry(i64 {Head.END}, i64 {GivenEntry.END}, i64 %j)
{word("position", GivenEntry.POSITION, "%begin")}{word("kind", GivenEntry.SHARES, "%begin")}
  %apart = call i1 @is_apart(ptr %addresses, ptr %kinds, i64 %count, i64 %position, i64 %kind)
  %j.next = add i64 %j, 1
  br i1 %apart, label %each, label %wrong
right:
  ret i1 1
wrong:
  ret i1 0
}}
"""
