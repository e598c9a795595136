"""Imports every module of an installed wheel: `python wheel_smoke.py FOLDER`, where FOLDER is what it lies in.

Run by `tests/test_wheel.py` and `.ci/run`, away from the source tree: an editable install would find there what the
wheel lacks.
"""

import pkgutil
import sys
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

folder = Path(sys.argv[1]).resolve()
sys.path.insert(0, str(folder))

import pullback  # noqa: E402  now from the folder

for module in pkgutil.walk_packages(pullback.__path__, "pullback."):
    import_module(module.name)
modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "pullback"}
elsewhere = [n for n, m in modules.items() if folder not in Path(str(m.__file__)).resolve().parents]
assert not elsewhere, f"not from the wheel: {elsewhere}"
for entry_point in distribution("pullback").entry_points:
    entry_point.load()
print(f"the wheel imports: {len(modules)} modules")
