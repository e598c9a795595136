"""The plan of a program as text: its segments, and what commands wait for. It needs no device."""

from __future__ import annotations

from pullback.tests.backends.cuda_runtime.programs_on_devices import host_operation, layers, loop


def test_a_step_is_one_segment() -> None:
    plan = layers().step.ir("plan").splitlines()
    assert plan[0] == "segment 0 on cuda:0"
    assert plan[1] == "  0 @main_kernel_0 writes arena[0:128], reads x[0:128] w[0:64]"
    assert plan[2].startswith("  1 @main_kernel_1 writes arena[128:192]")
    assert plan[2].endswith(", reads arena[0:128] v[0:32], after 0")
    assert all(line.startswith("  ") for line in plan[1:])


def test_a_loop_has_its_own_segments_and_a_test_of_the_host() -> None:
    plan = loop().ir("plan")
    before, _, rest = plan.partition("scf.while\n")
    test, _, body = rest.partition("do\n")
    assert before.startswith("segment 0 on cuda:0\n")
    assert "    1 copy host_arena[0:1] <- " in test
    assert test.rstrip().endswith("host memref.load")
    assert "gpu.memcpy of memory that is found when it runs" in body
    assert "  segment 2 on cuda:0\n" in body


def test_an_operation_of_the_host_is_between_segments() -> None:
    lines = host_operation().ir("plan").splitlines()
    host = lines.index("host func.call @main_host_0")
    assert "segment 0 on cuda:0" in lines[:host]
    assert lines[host - 1].endswith(", after 0")
    assert lines[host - 1].startswith("  1 copy host_arena[0:128] <- ")
    assert lines[host + 1] == "segment 1 on cuda:0"


def test_devices_take_turns() -> None:
    plan = layers(devices=("cuda:0", "cuda:1")).step.ir("plan")
    devices = [line.rpartition(" ")[2] for line in plan.splitlines() if line.startswith("segment")]
    assert devices[:2] == ["cuda:0", "cuda:1"]
    assert devices.count("cuda:1") >= 1
    assert "copy arena_cuda1[0:128] <- arena_cuda0[0:128]" in plan
