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
if TYPE_CHECKING:
    from pullback.frontend.public_on_demand import *
else:  # type checkers take what is imported, and know what is not

    def __getattr__(name: str) -> object:
        if name == "__version__":  # looking a distribution up takes milliseconds
            from importlib.metadata import version

            return version("pullback")
        if name.startswith("_") and name != "__all__":
            raise AttributeError(f"module 'pullback' has no attribute {name!r}")
        from pullback.frontend import public_on_demand

        # Without `__all__`, `from pullback import *` would take the subpackages, too.
        found = vars(_public) | vars(public_on_demand)
        found["__all__"] = names = [name for name in found if not name.startswith("_")]
        if name not in found:
            from pullback.frontend.library_names.missing import missing

            raise missing(name, names)
        globals().update({name: found[name] for name in ("__all__", *names)})
        return found[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
