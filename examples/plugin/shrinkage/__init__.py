"""What stock `xdsl-opt` finds: names, and what is imported when one of them is used."""

from importlib import import_module

from xdsl.ir import Dialect
from xdsl.universe import Universe

UNIVERSE = Universe(
    all_dialects={"shrink": lambda: Dialect("shrink", [import_module(f"{__name__}.operations").KeepLargest])},
    all_passes={"merge-thresholds": lambda: import_module(f"{__name__}.merge_thresholds").MergeThresholds},
)
