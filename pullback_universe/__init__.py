"""What stock `xdsl-opt` finds of Pullback: names, and factories that import Pullback when they are called.

`xdsl-opt` loads the universes of all installed packages at each start, and asks them for names only. So this package
is not in `pullback`, whose import takes longer than the rest of `xdsl-opt`, and imports nothing from it. What the names
stand for is `pullback.tools.xdsl_plugin.UNIVERSE`, from which `names.py` is generated.
"""

from __future__ import annotations

from functools import partial

from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.universe import XDSL_UNIVERSE, Universe
from xdsl.utils.target import Target

from pullback_universe.names import DIALECTS, PASSES, TARGETS


def _loaded() -> Universe:
    from pullback.tools.xdsl_plugin import UNIVERSE

    return UNIVERSE


def _dialect(name: str) -> Dialect:
    return _loaded().all_dialects[name]()


def _pass(name: str) -> type[ModulePass]:
    return _loaded().all_passes[name]()


def _target(name: str) -> type[Target]:
    return _loaded().all_targets[name]()


# A name of xDSL's own would stop `xdsl-opt`; a release after the one that the names were made with may have more.
UNIVERSE = Universe(
    all_dialects={
        name: partial(_dialect, name) for name in DIALECTS if name not in XDSL_UNIVERSE.all_dialects
    },
    all_passes={name: partial(_pass, name) for name in PASSES if name not in XDSL_UNIVERSE.all_passes},
    all_targets={name: partial(_target, name) for name in TARGETS if name not in XDSL_UNIVERSE.all_targets},
)
