"""Where cubins cannot be kept, steps run all the same."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.backends.cuda_runtime.cubin_cache import object_code
from pullback.backends.object_cache.private_folder import NotPrivateError
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler


def test_a_full_disk(core: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        step = pb.compile([x], [x * 3], target="cuda")
    with monkeypatch.context() as patch:
        patch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
        patch.setattr(Path, "write_bytes", full)
        assert step(np.ones(3, np.float32))[0].tolist() == [3, 3, 3]
    assert list((tmp_path / "cache").glob("*.cubin")) == []


def test_a_folder_that_cannot_be_made(core: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(NotPrivateError, match=r"cannot be kept in .*cache, which PULLBACK_CACHE names: \w+"):
        object_code("", "sm_90")
