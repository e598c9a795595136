"""LLVM IR that reads words of a call's table, and objects in it."""

from __future__ import annotations

TABLE_WORDS = """
define internal i64 @word(ptr %table, i64 %at) alwaysinline {
  %place = getelementptr i64, ptr %table, i64 %at
  %word = load i64, ptr %place
  ret i64 %word
}

define internal ptr @object(ptr %table, i64 %at) alwaysinline {
  %word = call i64 @word(ptr %table, i64 %at)
  %object = inttoptr i64 %word to ptr
  ret ptr %object
}

define internal i64 @entry(i64 %begin, i64 %size, i64 %number) alwaysinline {
  %words = mul i64 %size, %number
  %at = add i64 %begin, %words
  ret i64 %at
}
"""


def word(name: str, at: int, begin: str | None = None) -> str:
    """A line that reads a word: of the head, or of the entry that begins at the value `begin`."""
    if begin is None:
        return f"  %{name} = call i64 @word(ptr %table, i64 {at})\n"
    return f"  %{name}.at = add i64 {begin}, {at}\n  %{name} = call i64 @word(ptr %table, i64 %{name}.at)\n"


def known_object(name: str, at: int, begin: str | None = None) -> str:
    """A line that reads the address of an object, as `word` does."""
    return word(f"{name}.word", at, begin) + f"  %{name} = inttoptr i64 %{name}.word to ptr\n"
