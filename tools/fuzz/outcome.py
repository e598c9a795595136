"""What came of a case: it is fine, it was refused by name, or it is a failure with a symptom."""

from __future__ import annotations

import re
import traceback
from dataclasses import asdict, dataclass
from typing import Any

FINE = ("same", "accepted", "refused", "not run", "endless")
"""Outcomes that are as they should be: numbers are the same; text is accepted; a diagnostic; no inputs fit; a loop has
no end."""


@dataclass(frozen=True)
class Outcome:
    """What came of one case.

    Attributes:
        kind: one of `FINE`, or what is wrong: `internal error`, `changed number`, `does not run` (after a pass, though
            it ran before), `diagnostic without place`, `not printed as read`, `crash`, `hang`.
        symptom: equal for failures that are probably the same one.
        detail: what was said.
        text: the program.
        pipeline: the passes that show it, as `-p` takes them.
        target: the target that shows it, if one does.
    """

    kind: str
    symptom: str = ""
    detail: str = ""
    text: str = ""
    pipeline: str = ""
    target: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether something is wrong."""
        return self.kind not in FINE

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


def internal_error(error: BaseException, text: str, pipeline: str = "", target: str = "") -> Outcome:
    """An exception that is no diagnostic; its symptom is its type and where in Pullback it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f
        for f in frames
        if re.search(r"/(?:passes|dialects|backends|driver|frontend|process|tools)/", f.filename)
    ]
    last = (own or list(frames))[-1:]
    place = "".join(f"{'/'.join(f.filename.split('/')[-2:])}:{f.name}" for f in last)
    said = "".join(traceback.format_exception(error))
    return Outcome(
        "internal error", f"{type(error).__name__} in {place}", said[-4000:], text, pipeline, target
    )
