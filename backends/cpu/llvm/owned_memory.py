"""Allocations that a function frees wherever it ends: an intrusive linked list, whose head it keeps.

A header before each block holds three pointers: to it as it was allocated, to the next one, and to what points to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pullback.backends.cpu.symbols import OUT_OF_MEMORY

HEADER = 64
"""Bytes before a block, at least: as many as it is aligned to, so that it is aligned, too."""
BLOCK, NEXT, BACK = -24, -16, -8
"""Offsets of the three pointers, in bytes from what the function uses."""


def allocate(owned: str, align: int, amount: str) -> str:
    """The text of a call that allocates so many bytes and links them into the list at `owned`.

    It gives null where there is no memory, of which it tells Python, and the function is to return then.
    """
    return f"call ptr @pb.allocate(ptr {owned}, i64 {max(align, HEADER)}, i64 {amount})"


def release(pointer: str) -> str:
    """The text of a call that unlinks and frees what `allocate` gave."""
    return f"call void @pb.release(ptr {pointer})"


def release_all(owned: str) -> str:
    """The text of a call that frees all that is on the list."""
    return f"call void @pb.release_all(ptr {owned})"


def _at(name: str, pointer: str, offset: int) -> str:
    return f"  {name} = getelementptr inbounds i8, ptr {pointer}, i64 {offset}"


def _function(head: str, lines: Sequence[str]) -> str:
    return "\n".join([f"define internal {head} nounwind {{", "entry:", *lines, "}"])


def functions() -> list[str]:
    """LLVM IR of the functions that these calls call."""
    return [
        _function(
            "noalias ptr @pb.allocate(ptr %owned, i64 %align, i64 %bytes)",
            [
                "  %room = add i64 %bytes, %align",
                "  %more = add i64 %room, %align",
                "  %over = sub i64 %more, 1",
                "  %mask = sub i64 0, %align",
                "  %rounded = and i64 %over, %mask",
                "  %block = call ptr @aligned_alloc(i64 %align, i64 %rounded)",
                "  %failed = icmp eq ptr %block, null",
                "  br i1 %failed, label %none, label %some",
                "none:",
                "  %wanted = inttoptr i64 %bytes to ptr",
                f"  %status = call i32 @{OUT_OF_MEMORY}(ptr %wanted)",
                "  ret ptr null",
                "some:",
                "  %data = getelementptr inbounds i8, ptr %block, i64 %align",
                _at("%block.slot", "%data", BLOCK),
                _at("%next.slot", "%data", NEXT),
                _at("%back.slot", "%data", BACK),
                "  %next = load ptr, ptr %owned, align 8",
                "  store ptr %block, ptr %block.slot, align 8",
                "  store ptr %next, ptr %next.slot, align 8",
                "  store ptr %owned, ptr %back.slot, align 8",
                "  store ptr %data, ptr %owned, align 8",
                "  %last = icmp eq ptr %next, null",
                "  br i1 %last, label %end, label %link",
                "link:",
                _at("%next.back", "%next", BACK),
                "  store ptr %next.slot, ptr %next.back, align 8",
                "  br label %end",
                "end:",
                "  ret ptr %data",
            ],
        ),
        _function(
            "void @pb.release(ptr %data)",
            [
                _at("%block.slot", "%data", BLOCK),
                _at("%next.slot", "%data", NEXT),
                _at("%back.slot", "%data", BACK),
                "  %block = load ptr, ptr %block.slot, align 8",
                "  %next = load ptr, ptr %next.slot, align 8",
                "  %back = load ptr, ptr %back.slot, align 8",
                "  store ptr %next, ptr %back, align 8",
                "  %last = icmp eq ptr %next, null",
                "  br i1 %last, label %end, label %link",
                "link:",
                _at("%next.back", "%next", BACK),
                "  store ptr %back, ptr %next.back, align 8",
                "  br label %end",
                "end:",
                "  call void @free(ptr %block)",
                "  ret void",
            ],
        ),
        _function(
            "void @pb.release_all(ptr %owned)",
            [
                "  br label %next",
                "next:",
                "  %data = load ptr, ptr %owned, align 8",
                "  %none = icmp eq ptr %data, null",
                "  br i1 %none, label %end, label %one",
                "one:",
                "  call void @pb.release(ptr %data)",
                "  br label %next",
                "end:",
                "  ret void",
            ],
        ),
    ]


DECLARATIONS = {
    "declare ptr @aligned_alloc(i64, i64)",
    "declare void @free(ptr)",
    f"declare i32 @{OUT_OF_MEMORY}(ptr)",
}
"""Declarations that these functions need."""
