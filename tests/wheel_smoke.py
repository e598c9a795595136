"""Run by `.ci/run` beside an installed wheel, away from the source tree: everything is there and imports."""

import pkgutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import files
from importlib.resources import files as resources
from pathlib import Path

import pullback

installed = Path(str(pullback.__file__)).parent
assert sys.prefix in str(installed), f"imported from {installed}, not from the wheel"
modules = [module.name for module in pkgutil.walk_packages(pullback.__path__, "pullback.")]
for name in modules:
    import_module(name)
assert resources("pullback").joinpath("py.typed").is_file()
assert not [path for path in files("pullback") or () if path.parts[0] in ("tests", "tools", "dialects")]
subprocess.run(
    [Path(sys.executable).parent / "pullback-opt", "--list-ops"], check=True, stdout=subprocess.DEVNULL
)
print(f"the wheel imports: {len(modules)} modules")
