"""LLVM IR of `checked_call`: checks arrays, makes results, holds locks, and calls what its table names; see `Head`."""

from __future__ import annotations

from pullback.backends.cpu.calls.call_table import Head
from pullback.backends.cpu.calls.given_arrays_text import given_arrays_text
from pullback.backends.cpu.calls.held_locks_text import held_locks_text
from pullback.backends.cpu.calls.made_results_text import made_results_text
from pullback.backends.cpu.calls.table_words_text import TABLE_WORDS, known_object, word
from pullback.backends.cpu.host_functions import C_API

CHECKED_CALL = "pb.checked_call"
"""The symbol of the function."""

DECLARATIONS = {
    **{
        name: C_API[name]
        for name in ("PyErr_Occurred", "PyEval_SaveThread", "PyEval_RestoreThread", "Py_DecRef")
    },
    "PyArray_GetPtr": "declare ptr @PyArray_GetPtr(ptr, ptr)",
    "PyArray_NewFromDescr": "declare ptr @PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)",
    "PyBuffer_Release": "declare void @PyBuffer_Release(ptr)",
    "PyBytes_AsString": "declare ptr @PyBytes_AsString(ptr)",
    "PyErr_Clear": "declare void @PyErr_Clear()",
    "PyErr_Fetch": "declare void @PyErr_Fetch(ptr, ptr, ptr)",
    "PyErr_Restore": "declare void @PyErr_Restore(ptr, ptr, ptr)",
    "PyList_GetItem": "declare ptr @PyList_GetItem(ptr, i64)",
    "PyList_New": "declare ptr @PyList_New(i64)",
    "PyList_SetItem": "declare i32 @PyList_SetItem(ptr, i64, ptr)",
    "PyObject_CallNoArgs": "declare ptr @PyObject_CallNoArgs(ptr)",
    "PyObject_GetBuffer": "declare i32 @PyObject_GetBuffer(ptr, ptr, i32)",
    "PyObject_IsTrue": "declare i32 @PyObject_IsTrue(ptr)",
    "PyObject_Type": "declare ptr @PyObject_Type(ptr)",
    "PyTuple_GetItem": "declare ptr @PyTuple_GetItem(ptr, i64)",
    "Py_IncRef": "declare void @Py_IncRef(ptr)",
}


def checked_call_text() -> str:
    """LLVM IR of the function `(self, arguments, count)`; `self` is a tuple, of which the first item is a table."""
    parts = [
        "\n".join(DECLARATIONS.values()),
        TABLE_WORDS,
        given_arrays_text(),
        made_results_text(),
        held_locks_text(),
        _RUN,
        _END_CALL,
        _checked_call(),
    ]
    return "\n".join(parts)


_RUN = f"""
define internal void @run(ptr %table, ptr %addresses) {{
entry:
{known_object("function", Head.CODE)}{word("keeps", Head.KEEPS_LOCK)}
  %held = icmp ne i64 %keeps, 0
  br i1 %held, label %locked, label %released
locked:
  call void %function(ptr %addresses)
  ret void
released:
  %thread = call ptr @PyEval_SaveThread()
  call void %function(ptr %addresses)
  call void @PyEval_RestoreThread(ptr %thread)
  ret void
}}
"""

_END_CALL = """
define internal void @let_go(ptr %table, ptr %views, i64 %taken, i64 %locked) {
entry:
  br label %buffers
buffers:
  %k = phi i64 [ 0, %entry ], [ %k.next, %one ]
  %left = icmp slt i64 %k, %taken
  br i1 %left, label %one, label %end
one:
  %view = getelementptr %buffer, ptr %views, i64 %k
  call void @PyBuffer_Release(ptr %view)
  %k.next = add i64 %k, 1
  br label %buffers
end:
  call void @release_locks(ptr %table, i64 %locked)
  ret void
}

define internal void @let_go_with_error(ptr %table, ptr %views, i64 %taken, i64 %locked) {
  %type = alloca ptr, align 8
  %value = alloca ptr, align 8
  %trace = alloca ptr, align 8
  call void @PyErr_Fetch(ptr %type, ptr %value, ptr %trace)
  call void @let_go(ptr %table, ptr %views, i64 %taken, i64 %locked)
  %type.now = load ptr, ptr %type
  %value.now = load ptr, ptr %value
  %trace.now = load ptr, ptr %trace
  call void @PyErr_Restore(ptr %type.now, ptr %value.now, ptr %trace.now)
  ret void
}
"""


def _checked_call() -> str:
    refusing = ("counted", "take", "compare", "make", "enter", "lock", "look")
    outcomes = ", ".join([*(f"[ 0, %{block} ]" for block in refusing), "[ 1, %call ]"])
    return f"""
define ptr @{CHECKED_CALL}(ptr %self, ptr %arguments, i64 %count) {{
entry:
  %bytes = call ptr @PyTuple_GetItem(ptr %self, i64 0)
  %table = call ptr @PyBytes_AsString(ptr %bytes)
{word("length", Head.LENGTH)}{word("number", Head.ARGUMENTS)}{word("given", Head.GIVEN)}{word("first", Head.ADDRESSES)}
  %template = getelementptr i64, ptr %table, i64 %first
  %kinds = getelementptr i64, ptr %template, i64 %number
  %addresses = alloca i64, i64 %number, align 8
  %views = alloca %buffer, i64 %given, align 8
  %taken = alloca i64, align 8
  %locked = alloca i64, align 8
  store i64 0, ptr %taken
  store i64 0, ptr %locked
  %size = mul i64 %number, 8
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %addresses, ptr align 8 %template, i64 %size, i1 false)
  %list = call ptr @PyList_New(i64 %length)
  %none = icmp eq ptr %list, null
  br i1 %none, label %without, label %counted
without:
  ret ptr null
counted:
  %complete = icmp eq i64 %count, %given
  br i1 %complete, label %take, label %done
take:
  %fit = call i1 @take_given(ptr %table, ptr %arguments, ptr %addresses, ptr %views, ptr %taken)
  br i1 %fit, label %compare, label %done
compare:
  %apart = call i1 @are_apart(ptr %table, ptr %addresses, ptr %kinds)
  br i1 %apart, label %make, label %done
make:
  %made = call i1 @make_results(ptr %table, ptr %addresses, ptr %list)
  br i1 %made, label %enter, label %done
enter:
  %inside = call i1 @is_held_here(ptr %table)
  br i1 %inside, label %done, label %lock
lock:
  %alone = call i1 @take_locks(ptr %table, ptr %locked)
  br i1 %alone, label %look, label %done
look:
  %current = call i1 @are_empty(ptr %table)
  br i1 %current, label %call, label %done
call:
  call void @run(ptr %table, ptr %addresses)
  br label %done
done:
  %called = phi i1 {outcomes}
  %taken.now = load i64, ptr %taken
  %locked.now = load i64, ptr %locked
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %end, label %raise
end:
  call void @let_go(ptr %table, ptr %views, i64 %taken.now, i64 %locked.now)
  br i1 %called, label %answer, label %refuse
answer:
  %result = call ptr @returned(ptr %table, ptr %list)
  ret ptr %result
refuse:
{known_object("refused", Head.REFUSED)}
  call void @Py_IncRef(ptr %refused)
  call void @Py_DecRef(ptr %list)
  ret ptr %refused
raise:
  call void @let_go_with_error(ptr %table, ptr %views, i64 %taken.now, i64 %locked.now)
  call void @Py_DecRef(ptr %list)
  ret ptr null
}}

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""
