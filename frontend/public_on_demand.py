# ruff: noqa: I001  sections are in the order in which a reader meets them
"""The public names of `import pullback` that many programs do without: the first that one asks for imports them all."""

# ---- Why a gradient is what it is ----
from pullback.frontend.gradients.explain import *
from pullback.passes.explain.explanation import Explanation as Explanation

# ---- Whether a gradient is right ----
from pullback.frontend.gradients.check_gradients import *
from pullback.driver.checking.report import GradientCheckError as GradientCheckError
from pullback.driver.checking.report import GradientReport as GradientReport

# ---- Whether passes are right ----
from pullback.driver.checking.run_after_each_pass import RunAfterEachPass as RunAfterEachPass
from pullback.driver.checking.result_changed import ResultChangedError as ResultChangedError

# ---- What is kept on disk ----
from pullback.driver.cache_report import CacheReport as CacheReport
from pullback.driver.cache_report import cache_report as cache_report

# ---- Programs as modules ----
from pullback.frontend.module.parse import *
from pullback.frontend.module.module import *
from pullback.frontend.module.module_function import *
from pullback.frontend.module.compiled_module import *
from pullback.frontend.module.run_results import *
from pullback.frontend.module.program_error import *

# ---- Passes, levels and targets ----
from pullback.frontend.module.pass_pipeline import *
from pullback.frontend.module.catalogs import *
from pullback.passes.pipeline.instrumentation import PassInstrumentation as PassInstrumentation
from pullback.passes.pipeline.instrumentation import instrumented as instrumented
from pullback.passes.pipeline.pass_statistics import PassStatistics as PassStatistics
from pullback.driver.reproducer import CrashReproducer as CrashReproducer

# ---- Plug-ins ----
from pullback.driver.plugins.registration import register as register
from pullback.driver.plugins.registration import unregister as unregister
