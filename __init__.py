"""Pullback: a multi-level gradient compiler. `import pullback as pb`, and build inside `with pb.Graph():`."""

from __future__ import annotations

import gc as _gc
from typing import TYPE_CHECKING

# What imports make stays: to look for garbage among it takes an eighth of their time, meanwhile or after, and finds
# none. So it is put among what is old already, unless somebody keeps things apart from the collector.
_collects = _gc.isenabled()
_gc.disable()
try:
    from pullback.frontend import public as _public
    from pullback.frontend.public import *
finally:
    if _collects:
        if not _gc.get_freeze_count():
            _gc.freeze()
            _gc.unfreeze()
        _gc.enable()

__all__: list[str]
__version__: str
"""The version of the distribution, as in `pullback-opt --version`."""
if not TYPE_CHECKING:  # type checkers take what is imported, and know what is not
    # Without it, `*` would take the subpackages, too.
    __all__ = [name for name in vars(_public) if not name.startswith("_")]

    def __getattr__(name: str) -> object:
        if name == "__version__":  # looking a distribution up takes milliseconds
            from importlib.metadata import version

            return version("pullback")
        from pullback.frontend.library_names.missing import missing

        raise missing(name, __all__)
