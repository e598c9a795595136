"""The plug-in of stock `xdsl-opt`: the graph dialect, our passes, our targets.

`xdsl-opt` finds its names in `pullback_universe`, which imports this module when one of them is used.
The upstream ops that we redeclare stay out, and so do passes that go by a name of xDSL's own (`canonicalize`): names
must not clash. `pullback-opt` takes ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.transforms import get_all_passes
from xdsl.universe import Universe
from xdsl.utils.target import Target

from pullback.dialects.context import context
from pullback.tools.formats import own_formats
from pullback.tools.passes import own_passes


def own_targets() -> dict[str, Callable[[], type[Target]]]:
    """The forms of output, which xDSL calls targets, by name."""
    return {name: partial(_identity, cls) for name, cls in own_formats().items()}


def _identity(cls: type[Target]) -> type[Target]:
    return cls


def graph_dialect() -> Dialect:
    """The dialect of levels 0 to 3."""
    return context().get_dialect("graph")


def _passes_of_our_own_names() -> dict[str, Callable[[], type[ModulePass]]]:
    taken = get_all_passes()
    return {name: factory for name, factory in own_passes().items() if name not in taken}


UNIVERSE = Universe(
    all_dialects={"graph": graph_dialect}, all_passes=_passes_of_our_own_names(), all_targets=own_targets()
)
