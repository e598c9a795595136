"""Stock lit: `lit tests/filecheck` runs every RUN line in a shell; pytest runs the same lines in-process."""

import os
import sys

import lit.formats

config.name = "Pullback"
config.test_format = lit.formats.ShTest(preamble_commands=[])
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)

# The tools of the environment that lit itself runs in come first.
config.environment["PATH"] = os.pathsep.join(
    [os.path.dirname(sys.executable), config.environment.get("PATH", "")]
)
