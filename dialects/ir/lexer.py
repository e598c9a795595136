"""xDSL's lexer, with a string literal that is read in linear time."""

from __future__ import annotations

import re
from typing import ClassVar

from xdsl.utils.mlir_lexer import MLIRLexer


class Lexer(MLIRLexer):
    """Reads tokens of MLIR.

    The pattern of xDSL for strings repeats a repetition: where a quotation mark has no partner on its line, matching
    tries every way to split what follows, and 30 characters take minutes. A possessive quantifier tries one.
    """

    _unescaped_characters_regex: ClassVar[re.Pattern[str]] = re.compile(
        r'"(?:[^"\\\n\v\f]++|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*+"'
    )
