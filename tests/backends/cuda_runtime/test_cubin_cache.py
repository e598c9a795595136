"""Cubins are compiled once, and what is damaged is compiled again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pullback.backends.cuda_runtime import cubin_cache
from pullback.backends.cuda_runtime.cubin_cache import object_code
from pullback.backends.object_cache.private_folder import NotPrivateError
from pullback.tests.compiled_kernels import needs_nvrtc

TEXT = 'extern "C" __global__ void {name}(float* y) {{ y[0] = 1.0f; }}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are compiled."""
    texts: list[str] = []
    compile_text = cubin_cache.compile_to_cubin

    def counted(text: str, architecture: str) -> bytes:
        texts.append(text)
        return compile_text(text, architecture)

    monkeypatch.setattr(cubin_cache, "compile_to_cubin", counted)
    return texts


def code_of(name: str, architecture: str = "sm_90") -> bytes:
    return object_code(TEXT.format(name=name), architecture).code


@needs_nvrtc
def test_a_text_is_compiled_once(folder: Path, compiled: list[str]) -> None:
    first, again = code_of("f"), code_of("f")
    assert first == again
    assert first.startswith(b"\x7fELF")
    assert len(compiled) == 1
    others = {code_of("g"), code_of("f", "sm_80")}
    assert len({first, *others}) == len(compiled) == 3
    assert [path.suffix for path in folder.iterdir()] == [".cubin"] * 3


@needs_nvrtc
def test_a_damaged_entry_is_compiled_again(folder: Path, compiled: list[str]) -> None:
    code = code_of("f")
    (path,) = folder.glob("*.cubin")
    whole = path.read_bytes()
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for damaged in (whole[:-1], whole + b"\0", changed, b"", b"\x7fELF" + whole[4:], code):
        compiled.clear()
        path.write_bytes(damaged)
        assert code_of("f") == code
        assert path.read_bytes() == whole
        assert code_of("f") == code
        assert len(compiled) == 1


@needs_nvrtc
def test_an_entry_that_others_can_write_to(folder: Path) -> None:
    code_of("f")
    (path,) = folder.glob("*.cubin")
    path.chmod(0o666)
    with pytest.raises(NotPrivateError, match="others have rights to it"):
        code_of("f")


@needs_nvrtc
def test_what_a_killed_compilation_leaves_is_no_entry(folder: Path, compiled: list[str]) -> None:
    code_of("f")
    (path,) = folder.glob("*.cubin")
    work = folder / ".compiling-left"
    work.mkdir(mode=0o700)
    path.rename(work / "result")
    code_of("f")
    assert len(compiled) == 2
