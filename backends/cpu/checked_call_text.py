"""LLVM IR of `checked_call`: asks each array for its buffer, compares it with a table, and calls what the table names.

The table holds 64-bit words: a head (address of the code, arguments, open arguments, whether the lock is held, NumPy's
class of arrays, where the addresses begin), an entry for each open argument, the addresses of all, for each what it
shares memory with, and the extents.
"""

from __future__ import annotations

from pullback.backends.cpu.host_functions import C_API

HEAD = 6
"""Words before the entries."""
LETTERS = 4
"""How many formats an argument may have, each as the bytes of a short text."""
FIELDS = 7
"""Position, flags, rank, bytes of an element, alignment - 1, what it shares memory with, where its extents are."""
ENTRY = FIELDS + LETTERS
"""Words of an entry: the fields, then the formats."""
CHECKED_CALL = "pb.checked_call"
"""The symbol of the function."""

DECLARATIONS = {
    **{
        name: C_API[name]
        for name in ("PyErr_Occurred", "PyEval_SaveThread", "PyEval_RestoreThread", "Py_DecRef")
    },
    "PyBool_FromLong": "declare ptr @PyBool_FromLong(i64)",
    "PyBuffer_Release": "declare void @PyBuffer_Release(ptr)",
    "PyBytes_AsString": "declare ptr @PyBytes_AsString(ptr)",
    "PyErr_Clear": "declare void @PyErr_Clear()",
    "PyObject_GetBuffer": "declare i32 @PyObject_GetBuffer(ptr, ptr, i32)",
    "PyObject_Type": "declare ptr @PyObject_Type(ptr)",
}


def checked_call_text() -> str:
    """LLVM IR of the function `(self, arguments, count)`; `self` is a table, as bytes."""
    declarations = "\n".join(DECLARATIONS.values())
    matches = "\n".join(
        f"""  %letters{n} = call i64 @entry(ptr %table, i64 %i, i64 {FIELDS + n})
  %equal{n} = icmp eq i64 %format, %letters{n}
  %known{n} = or i1 %known{n - 1}, %equal{n}"""
        for n in range(LETTERS)
    )
    return f"""
%buffer = type {{ ptr, ptr, i64, i64, i32, i32, ptr, ptr, ptr, ptr, ptr }}
{declarations}

define internal i64 @word(ptr %table, i64 %at) alwaysinline {{
  %place = getelementptr i64, ptr %table, i64 %at
  %word = load i64, ptr %place
  ret i64 %word
}}

define internal i64 @entry(ptr %table, i64 %number, i64 %field) alwaysinline {{
  %begin = mul i64 %number, {ENTRY}
  %inside = add i64 %field, {HEAD}
  %at = add i64 %begin, %inside
  %word = call i64 @word(ptr %table, i64 %at)
  ret i64 %word
}}

define internal i1 @fits(ptr %table, i64 %i, ptr %view) {{
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
  %rank = call i64 @entry(ptr %table, i64 %i, i64 2)
  %same.rank = icmp eq i64 %rank, %rank.found.wide
  %size.place = getelementptr %buffer, ptr %view, i64 0, i32 3
  %size.found = load i64, ptr %size.place
  %size = call i64 @entry(ptr %table, i64 %i, i64 3)
  %same.size = icmp eq i64 %size, %size.found
  %start = load ptr, ptr %view
  %address = ptrtoint ptr %start to i64
  %mask = call i64 @entry(ptr %table, i64 %i, i64 4)
  %beyond = and i64 %address, %mask
  %aligned = icmp eq i64 %beyond, 0
  %a = and i1 %known{LETTERS - 1}, %same.rank
  %b = and i1 %same.size, %aligned
  %c = and i1 %a, %b
  br i1 %c, label %shaped, label %wrong
shaped:
  %extents = call i64 @entry(ptr %table, i64 %i, i64 6)
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
  ret i1 1
wrong:
  ret i1 0
}}

define internal i1 @overlaps(ptr %addresses, ptr %kinds, i64 %count, i64 %position, i64 %kind) {{
entry:
  %empty = icmp eq i64 %kind, 0
  %mine = call i64 @word(ptr %addresses, i64 %position)
  br i1 %empty, label %no, label %others
others:
  %other = phi i64 [ 0, %entry ], [ %next, %on ]
  %more = icmp slt i64 %other, %count
  br i1 %more, label %compare, label %no
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
  br label %on
on:
  %next = add i64 %other, 1
  br i1 %shared, label %yes, label %others
yes:
  ret i1 1
no:
  ret i1 0
}}

define ptr @{CHECKED_CALL}(ptr %self, ptr %arguments, i64 %given) {{
entry:
  %table = call ptr @PyBytes_AsString(ptr %self)
  %address = call i64 @word(ptr %table, i64 0)
  %count = call i64 @word(ptr %table, i64 1)
  %open = call i64 @word(ptr %table, i64 2)
  %type = call i64 @word(ptr %table, i64 4)
  %first = call i64 @word(ptr %table, i64 5)
  %template = getelementptr i64, ptr %table, i64 %first
  %kinds = getelementptr i64, ptr %template, i64 %count
  %addresses = alloca i64, i64 %count, align 8
  %views = alloca %buffer, i64 %open, align 8
  %taken.count = alloca i64, align 8
  store i64 0, ptr %taken.count
  %bytes = mul i64 %count, 8
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %addresses, ptr align 8 %template, i64 %bytes, i1 false)
  %complete = icmp eq i64 %given, %open
  br i1 %complete, label %arrays, label %done
arrays:
  %i = phi i64 [ 0, %entry ], [ %i.next, %taken ]
  %any = icmp slt i64 %i, %open
  br i1 %any, label %array, label %distinct
array:
  %object.place = getelementptr ptr, ptr %arguments, i64 %i
  %object = load ptr, ptr %object.place
  %class = call ptr @PyObject_Type(ptr %object)
  call void @Py_DecRef(ptr %class)
  %class.address = ptrtoint ptr %class to i64
  %is.array = icmp eq i64 %class.address, %type
  br i1 %is.array, label %ask, label %refuse
ask:
  %view = getelementptr %buffer, ptr %views, i64 %i
  %flags = call i64 @entry(ptr %table, i64 %i, i64 1)
  %flags.short = trunc i64 %flags to i32
  %status = call i32 @PyObject_GetBuffer(ptr %object, ptr %view, i32 %flags.short)
  %refused = icmp ne i32 %status, 0
  br i1 %refused, label %unknown, label %check
unknown:
  call void @PyErr_Clear()
  br label %refuse
check:
  %i.next = add i64 %i, 1
  store i64 %i.next, ptr %taken.count
  %fits = call i1 @fits(ptr %table, i64 %i, ptr %view)
  br i1 %fits, label %taken, label %refuse
taken:
  %position = call i64 @entry(ptr %table, i64 %i, i64 0)
  %place = getelementptr i64, ptr %addresses, i64 %position
  %start = load i64, ptr %view
  store i64 %start, ptr %place
  br label %arrays
refuse:
  br label %done
distinct:
  %j = phi i64 [ 0, %arrays ], [ %j.next, %apart ]
  %rest = icmp slt i64 %j, %open
  br i1 %rest, label %pair, label %run
pair:
  %p = call i64 @entry(ptr %table, i64 %j, i64 0)
  %kind = call i64 @entry(ptr %table, i64 %j, i64 5)
  %overlap = call i1 @overlaps(ptr %addresses, ptr %kinds, i64 %count, i64 %p, i64 %kind)
  br i1 %overlap, label %done, label %apart
apart:
  %j.next = add i64 %j, 1
  br label %distinct
run:
  %function = inttoptr i64 %address to ptr
  %keeps = call i64 @word(ptr %table, i64 3)
  %held = icmp ne i64 %keeps, 0
  br i1 %held, label %locked, label %released
locked:
  call void %function(ptr %addresses)
  br label %done
released:
  %thread = call ptr @PyEval_SaveThread()
  call void %function(ptr %addresses)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %done
done:
  %called = phi i64 [ 0, %entry ], [ 0, %refuse ], [ 0, %pair ], [ 1, %locked ], [ 1, %released ]
  %seen = load i64, ptr %taken.count
  br label %release
release:
  %k = phi i64 [ 0, %done ], [ %k.next, %one ]
  %left = icmp slt i64 %k, %seen
  br i1 %left, label %one, label %end
one:
  %old = getelementptr %buffer, ptr %views, i64 %k
  call void @PyBuffer_Release(ptr %old)
  %k.next = add i64 %k, 1
  br label %release
end:
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %answer, label %raise
answer:
  %result = call ptr @PyBool_FromLong(i64 %called)
  ret ptr %result
raise:
  ret ptr null
}}

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""
