"""The fixture `core`: the stand-in for `cuda.core`."""

from pullback.tests.cuda_core.fixtures import core as core
