"""Facts of processors, by the names that LLVM has for them."""

from __future__ import annotations

import llvmlite.binding as llvm
import pytest

from pullback.backends.cpu.machine import ONE_FMA_PER_CYCLE, host_fmas_per_cycle


@pytest.mark.parametrize(
    ("name", "fmas"), [("znver4", 1), ("tigerlake", 1), ("znver5", 2), ("sapphirerapids", 2), ("haswell", 2)]
)
def test_fmas_that_begin_in_a_cycle(name: str, fmas: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: name)
    assert host_fmas_per_cycle.__wrapped__() == fmas


FMA = """
declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
define <8 x float> @f(<8 x float> %a, <8 x float> %b, <8 x float> %c) {
  %y = call <8 x float> @llvm.fma.v8f32(<8 x float> %a, <8 x float> %b, <8 x float> %c)
  ret <8 x float> %y
}
"""


@pytest.mark.parametrize("name", sorted(ONE_FMA_PER_CYCLE))
def test_llvm_knows_the_processors_and_their_fma(name: str) -> None:
    """For a processor that it does not know it calls `fmaf`."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple("x86_64-unknown-linux-gnu").create_target_machine(cpu=name)
    text = machine.emit_assembly(llvm.parse_assembly(FMA))
    assert "vfmadd" in text and "ymm" in text
