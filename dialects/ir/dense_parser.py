"""A parser of `dense<...>` that keeps splats as one element, and reads truth values and bit patterns exactly."""

from __future__ import annotations

import math
import re
import struct
from typing import Any

from xdsl.dialects.builtin import AnyFloat, DenseIntOrFPElementsAttr, IntegerType
from xdsl.parser import AttrParser, Parser

from pullback.dialects.ir.dense import dense_elements

NUMBER = re.compile(r"[0-9][0-9.]*(?:[eE][-+]?[0-9]+)?")


def unlike(written: str, type: object, kept: float | None = None) -> str | None:
    """Says what is wrong with a decimal literal that overflows to infinity or underflows to 0; None if nothing is."""
    for number in NUMBER.findall(written):
        value = float(number) if kept is None else kept
        if math.isinf(value):
            return f"{number} is too large for {type}"
        if value == 0 and re.match("[0.]*[1-9]", number):
            return f"{number} is so small that it would be 0 in {type}"
    return None


class _BitPattern(AttrParser._TensorLiteralElement):  # pyright: ignore[reportPrivateUsage]
    """An element of a dense literal written as bits: `dense<0xFF800000>` is -inf, and not the number 4278190080."""

    def to_type(self, parser: AttrParser, type: Any) -> Any:
        if isinstance(type, AnyFloat):
            size = type.compile_time_size
            bits: Any = self.value
            if bits >> 8 * size:
                parser.raise_error(f"{hex(bits)} has more bits than {type}", self.span.start, self.span.end)
            return next(iter(type.iter_unpack(bits.to_bytes(size, "little"))))
        return super().to_type(parser, type)


class DenseParser(Parser):
    """xDSL's parser, but for dense elements: xDSL's would repeat a splat for each element of its type."""

    def parse_dense_int_or_fp_elements_attr(self, type: Any) -> DenseIntOrFPElementsAttr:
        self.parse_punctuation("<", " in dense attribute")
        start = self.pos
        if self.parse_optional_punctuation(">") is not None:
            written: Any = []
        else:
            text = self.parse_optional_str_literal()
            written = self._parse_tensor_literal() if text is None else text
            self.parse_punctuation(">", " in dense attribute")
        if type is None:
            self.parse_punctuation(":", " in dense attribute")
            type = self._parse_dense_literal_type()
        count = math.prod(type.get_shape())
        if isinstance(written, str):
            return dense_elements(type, self._bytes(written, type, count, start))
        if not written:
            if count:
                self.raise_error(f"no elements where {type} has {count}", start)
            return dense_elements(type, b"")
        return dense_elements(type, self._packed(written, type, start) if count else b"")

    def _bytes(self, text: str, type: Any, count: int, start: int) -> bytes:
        """Decodes hexadecimal digits: all elements, or the single one of a splat."""
        try:
            if not text.startswith("0x"):
                raise ValueError
            data = bytes.fromhex(text[2:])
        except ValueError:
            self.raise_error('the elements are not written as "0x…", with two digits for each byte', start)
        size = type.element_type.compile_time_size
        if len(data) == size and count:
            return data
        if len(data) != size * count:
            self.raise_error(f"{len(data)} bytes where {type} has {count} elements of {size}", start)
        return data

    def _packed(self, written: Any, type: Any, start: int) -> bytes:
        """Packs the elements of a literal in brackets, or the single one of a splat, as bytes."""
        elements, shape = written
        if shape and list(type.get_shape()) != shape:
            self.raise_error(f"the elements have shape {shape}, where {type} is expected", start)
        element = type.element_type
        numbers = [e.to_type(self, element) for e in elements]
        for literal in elements:
            parts = literal.value if isinstance(literal.value, tuple) else (literal.value,)
            is_odd = any(isinstance(n, float) and (not n or math.isinf(n)) for n in parts)
            if is_odd and (wrong := unlike(literal.span.text, element)):
                self.raise_error(wrong, literal.span.start)
        try:
            if isinstance(element, IntegerType):  # 255 and -1 are the same i8
                numbers = [element.get_normalized_value(n) for n in numbers]
            packed = element.pack(numbers)
        except OverflowError:
            self.raise_error(f"an element is too large for {element}", start)
        except (ValueError, struct.error) as error:
            self.raise_error(str(error), start)
        if isinstance(element, AnyFloat):
            for literal, number, kept in zip(elements, numbers, element.iter_unpack(packed), strict=True):
                if kept == 0 != number:
                    wrong = f"{number} is so small that it would be 0 in {element}"
                    self.raise_error(wrong, literal.span.start)
                if math.isinf(kept) and not math.isinf(number):
                    self.raise_error(f"{number} is too large for {element}", literal.span.start)
        return packed

    def _parse_tensor_literal_element(self) -> Any:
        is_bits = self._current_token.text.startswith("0x")
        element = super()._parse_tensor_literal_element()
        return _BitPattern(element.is_negative, element.value, element.span) if is_bits else element
