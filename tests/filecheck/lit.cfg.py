"""Stock lit: `lit tests/filecheck` runs every RUN line in a shell; pytest runs the same lines in-process."""

import os
import sys

import lit.formats

config.name = "Pullback"  # noqa: F821 - lit defines config
config.test_format = lit.formats.ShTest(preamble_commands=[])  # noqa: F821
config.suffixes = [".mlir"]  # noqa: F821
config.test_source_root = os.path.dirname(__file__)  # noqa: F821

# The tools of the environment that lit itself runs in come first.
config.environment["PATH"] = os.pathsep.join(  # noqa: F821
    [os.path.dirname(sys.executable), config.environment.get("PATH", "")]  # noqa: F821
)
