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
from pullback.driver.targets.forms_of_output import own_format
from pullback.driver.targets.registry import our_forms
from pullback.passes.pipeline.catalog import PASSES


def own_targets() -> dict[str, Callable[[], type[Target]]]:
    """The forms of output, which xDSL calls targets, by name."""
    return {name: partial(own_format, name) for name in our_forms()}


def graph_dialect() -> Dialect:
    """The dialect of levels 0 to 3."""
    return context().get_dialect("graph")


def _passes_of_our_own_names() -> dict[str, Callable[[], type[ModulePass]]]:
    taken = get_all_passes()
    return {name: factory for name, factory in PASSES.ours.items() if name not in taken}


UNIVERSE = Universe(
    all_dialects={"graph": graph_dialect}, all_passes=_passes_of_our_own_names(), all_targets=own_targets()
)
