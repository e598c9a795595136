"""Outputs that stay on a device, and arrays of other libraries as inputs: on the stand-in, which waits for nothing."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import pullback as pb
from pullback.backends.cuda_runtime.dlpack_capsules import array_in
from pullback.tests.cuda_core.fixtures import standing_in
from pullback.tests.cuda_core.stand_in import StandIn
from pullback.tests.driver.foreign_arrays import ForeignArray, ForeignLibrary, OldForeignArray

pytestmark = pytest.mark.compiler
A = np.arange(6, dtype=np.float32).reshape(2, 3)


def doubling(target: str = "cuda", **options: Any) -> pb.Step:
    """A step that doubles its input, and gives a variable to which it has added it."""
    with pb.Graph():
        x, v = pb.placeholder("f32", (2, 3), "x"), pb.Variable(np.zeros((2, 3), np.float32), name="v")
        return pb.compile([x], [x * 2.0, v.assign_add(x), v], target, **options)


def waits(core: StandIn) -> int:
    """How often the host waited for all that a device was told; an event is behind the copies of inputs alone."""
    return sum(each.what != "event" for each in core.recording.waits())


def kinds(core: StandIn) -> list[str]:
    """The kinds of the copies that the device has done since the last call."""
    core.Device(0).sync()
    found = [each.kind for each in core.recording.copies()]
    core.recording.records.clear()
    return found


def test_a_call_does_not_wait_for_the_device() -> None:
    with standing_in() as core:
        step = doubling(device_outputs=True)
        arrays = [np.full((2, 3), i, np.float32) for i in range(5)]
        first = step(arrays[0])[0]
        kinds(core)
        second = step(arrays[1])[0]
        assert not core.recording.launches()
        assert not waits(core)
        later = [step(array)[0] for array in arrays[2:]]
        for array in arrays:
            array[...] = np.nan  # the device has no need of it
        for i, output in enumerate([first, second, *later]):
            np.testing.assert_array_equal(output, np.full((2, 3), 2 * i))
        np.testing.assert_array_equal(step(np.zeros_like(A))[2], np.full((2, 3), 10))
        output = step(step(A)[0])[0]
        core.recording.clear()
        output = step(step(output)[0])[0]
        assert not core.recording.waits(), "nothing is in memory of the host, or another library's"
        np.testing.assert_array_equal(output, 16 * A)


def test_what_an_array_on_a_device_is() -> None:
    with standing_in() as core, pb.Graph():
        x = pb.placeholder("f32", (2, 3), "x")
        outputs = [x, pb.cast(x, "bf16"), x > 2, pb.sum(x), x[:0], pb.cast(x, "i64")]
        step = pb.compile([x], outputs, "cuda", device_outputs=True)
        expected = pb.compile([x], outputs, "numpy")(A)
        found = step(A)
        for array, other in zip(found, expected, strict=True):
            assert (array.shape, array.dtype, array.ndim) == (other.shape, other.dtype, other.ndim)
            np.testing.assert_array_equal(array.numpy(), other)
            np.testing.assert_array_equal(np.asarray(array), other)
        y, *_, total, empty, _ = found
        assert (y.device, y.__dlpack_device__()) == ("cuda:0", (2, 0))
        assert repr(y) == "<DeviceArray of shape (2, 3), float32, on cuda:0>"
        assert (float(total), int(total), empty.numpy().shape) == (15.0, 15, (0, 3))
        assert np.asarray(y, np.float64).dtype == np.float64
        np.testing.assert_array_equal(np.from_dlpack(y, device="cpu"), A)
        np.testing.assert_array_equal(pb.Variable(y).numpy(), A)
        for action in (copy.copy, pickle.dumps):
            with pytest.raises(TypeError, match="take the array's numpy"):
                action(y)
        with pytest.raises(ValueError, match="without a copy"):
            np.array(y, copy=False)
        other = ForeignLibrary(core)
        copied = array_in(y.__dlpack__(stream=other.stream.handle, copy=True))
        assert copied.ctypes.data != y.address
        np.testing.assert_array_equal(other.read(copied), A)
        with pytest.raises(BufferError, match=r"on cuda:0 is asked for on device \(2, 1\)"):
            y.__dlpack__(dl_device=(2, 1))


def test_others_share_the_memory_until_they_let_it_go() -> None:
    with standing_in() as core:
        step, other = doubling(device_outputs=True), ForeignLibrary(core)
        outputs = [step(np.full((2, 3), i, np.float32))[0] for i in range(6)]
        held = [other.from_dlpack(output) for output in outputs]
        assert [array.ctypes.data for array in held] == [output.address for output in outputs]
        del outputs
        np.testing.assert_array_equal([other.read(array)[0, 0] for array in held], 2 * np.arange(6))
        assert len({array.ctypes.data for array in held}) == 6
        held.clear()
        used = {step(A)[0].address for _ in range(6)}
        assert len(used) == 1, "memory that nobody has is used again"


@pytest.mark.parametrize("stream", [None, 1, "own", -1])
def test_memory_is_used_again_after_what_others_have_told_the_device(stream: Any) -> None:
    with standing_in() as core:
        step, other = doubling(device_outputs=True), ForeignLibrary(core)
        output = step(A)[0]
        handle = other.stream.handle if stream == "own" else stream
        if stream in (None, 1):
            other.stream = other.device.default_stream
        if stream == -1:
            output.wait()
        capsule = output.__dlpack__(stream=handle)
        result = core.LegacyPinnedMemoryResource().allocate(24)
        other._copy(result.handle, output.address, 24)
        del output, capsule
        step(A + 100)  # in the same memory: the stand-in finds a write that is not after the copy
        other.stream.sync()
        np.testing.assert_array_equal(np.from_dlpack(result).view(np.float32).reshape(2, 3), A * 2)


@pytest.mark.parametrize("kind", [ForeignArray, OldForeignArray])
def test_arrays_of_others_do_not_pass_the_host(kind: type[ForeignArray]) -> None:
    with standing_in() as core:
        step, other = doubling(), ForeignLibrary(core)
        step(A)
        made = other.array(A + 1)
        given = kind(other, made.memory, made.described)
        core.recording.records.clear()
        np.testing.assert_array_equal(step(given)[0], 2 * (A + 1))
        assert len(core.recording.copies("h2d")) == 1
        assert kinds(core)[:2] == ["h2d", "d2d"], "the first is the other library's own"
        assert given.streams[0] not in (None, -1, other.stream.handle)
        np.testing.assert_array_equal(step(doubling(device_outputs=True)(A)[0])[0], 4 * A)


def test_others_may_change_their_arrays_after_a_call() -> None:
    with standing_in() as core:
        step, other = doubling(device_outputs=True), ForeignLibrary(core)
        given = other.array(A)
        first = step(given)[0]
        given.fill(A + 50)
        second = step(given)[0]
        shared = other.from_dlpack(first)
        third = step(first)[0]
        other._copy(shared.ctypes.data, given.described.ctypes.data, A.nbytes)
        fourth = step(first)[0]
        other._copy(shared.ctypes.data, second.address, A.nbytes)
        np.testing.assert_array_equal(first.numpy(), 2 * (A + 50))
        for output, expected in ((second, 2 * (A + 50)), (third, 4 * A), (fourth, 2 * (A + 50))):
            np.testing.assert_array_equal(output.numpy(), expected)


def test_bf16_and_truth_values_pass_both_ways() -> None:
    with standing_in() as core, pb.Graph():
        p, q = pb.placeholder("bf16", (4,), "p"), pb.placeholder("i1", (4,), "q")
        step = pb.compile([p, q], [pb.where(q, p, pb.zeros_like(p)), q], "cuda", device_outputs=True)
        other = ForeignLibrary(core)
        half, truth = np.arange(4).astype(ml_dtypes.bfloat16), np.array([True, False, True, True])
        outputs = step(other.array(half), other.array(truth))
        taken = [other.from_dlpack(output) for output in outputs]
        assert [array.dtype for array in taken] == [half.dtype, truth.dtype]
        np.testing.assert_array_equal(other.read(taken[0]), np.where(truth, half, 0))
        np.testing.assert_array_equal(other.read(taken[1]), truth)


def test_what_is_refused() -> None:
    with standing_in() as core:
        step, other = doubling(), ForeignLibrary(core)
        transposed = other.array(A.T.copy()).transposed()
        used = other.array(A)
        capsule = used.__dlpack__(stream=1)
        other.from_dlpack(_Gives(capsule))
        for value, text in (
            (other.array(A.astype(np.float64)), r"expected dtype float32, got float64"),
            (other.array(A[:1]), r"expected tensor<2x3xf32>, got an array of shape \(1, 3\)"),
            (
                transposed,
                r"input 'x': the elements of .*ForeignArray on cuda:0 do not lie side by side .*contiguous",
            ),
            (
                _Gives(capsule),
                r"_Gives on cuda:0 cannot be taken by DLPack: .* a capsule that was taken before",
            ),
            (_Gives(None), r"cannot be taken by DLPack: .* or none at all"),
            (_Gives(None, (10, 0)), r"_Gives is on a device of DLPack's kind 10: expected cuda or cpu"),
            (_Gives(None, (2, 3)), r"there is no device cuda:3 on this machine"),
        ):
            with pytest.raises((ValueError, RuntimeError), match=text):
                step(value)
        np.testing.assert_array_equal(step(_Gives(A.__dlpack__(), (1, 0)))[0], 2 * A)


class _Gives:
    """Gives a capsule."""

    def __init__(self, capsule: Any, device: tuple[int, int] = (2, 0)) -> None:
        self.capsule, self.device = capsule, device

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule


@pytest.mark.parametrize("target", ["cpu", "numpy"])
def test_targets_on_the_host(target: str) -> None:
    with pytest.raises(ValueError, match=f"device_outputs: target '{target}' computes on the host"):
        doubling(target, device_outputs=True)
    step = doubling(target)
    np.testing.assert_array_equal(step(_Gives(A.__dlpack__(), (1, 0)))[0], 2 * A)
    with standing_in() as core:
        np.testing.assert_array_equal(step(doubling(device_outputs=True)(A)[0])[0], 4 * A)
        with pytest.raises(
            TypeError, match=r"input 'x': .*ForeignArray gives no array .*: pass one of NumPy"
        ):
            step(ForeignLibrary(core).array(A))


def test_a_step_is_verified_on_arrays_of_a_device() -> None:
    with standing_in():
        output = doubling(device_outputs=True)(A)[0]
        np.testing.assert_array_equal(doubling(verify_each=True, device_outputs=True)(output)[0], 4 * A)


def test_an_array_of_another_device() -> None:
    with standing_in(devices=2) as core:
        step, other = doubling(), ForeignLibrary(core, 1)
        np.testing.assert_array_equal(step(other.array(A))[0], 2 * A)


def test_functions_take_and_give_arrays_on_devices() -> None:
    @pb.function(target="cuda", device_outputs=True)
    def double(pair: dict[str, pb.Tensor]) -> dict[str, pb.Tensor]:
        return {name: 2.0 * value for name, value in pair.items()}

    with standing_in() as core:
        first = double({"a": A, "b": ForeignLibrary(core).array(A)})
        second = double(first)
        assert {type(value) for value in second.values()} == {pb.DeviceArray}
        for value in second.values():
            np.testing.assert_array_equal(value, 4 * A)
        with pytest.raises(
            TypeError, match=r"double: pair\['a'\]: .*_Gives is on a device of DLPack's kind 10"
        ):
            double({"a": _Gives(None, (10, 0))})


def test_a_program_of_several_devices_keeps_outputs_where_they_are() -> None:
    """Part of it is the host's: its inputs are there, and so is a variable."""
    with standing_in(devices=2), pb.Graph():
        x, y = (pb.placeholder("f32", (4,), name) for name in "xy")
        with pb.device("cpu:0"):
            v = pb.Variable(np.zeros(4, np.float32), name="v")
            scaled, update = x * 2.0, v.assign_add(x)
        with pb.device("cuda:1"):
            tripled = y * 3.0
        outputs = [scaled + tripled, tripled, update]
        step = pb.compile([x, y], outputs, "cuda", device_outputs=True)
        found = [step(np.full(4, i, np.float32), np.full(4, 10 * i, np.float32)) for i in range(3)]
        assert [array.device for array in found[0][:2]] == ["cuda:0", "cuda:1"]
        found.append(step(*found[2][:2]))
        np.testing.assert_array_equal([array.numpy()[0] for array, *_ in found], [0, 32, 64, 308])
        np.testing.assert_array_equal([array.numpy()[0] for _, array, _ in found], [0, 30, 60, 180])
        np.testing.assert_array_equal(v.numpy(), np.full(4, 67))


def test_what_fails_on_the_device_is_raised_where_it_is_read() -> None:
    """A variable that was there is lost, until it is given contents anew; what is on the host stays."""
    with standing_in() as core, pb.Graph():
        x, w = pb.placeholder("f32", (2, 3), "x"), pb.Variable(A, name="w")
        changing = pb.compile([x], [x * w, w.assign_add(x)], "cuda", device_outputs=True)
        on_host = pb.compile([x], [x * w], "cpu")
        before = changing(A)[0]
        before.wait()
        core.faults.fail_kernel(core.recording.kernels()[0])
        output = changing(A)[0]
        with pytest.raises(
            pb.CudaError, match=r"ILLEGAL_ADDRESS.*\n* It is one of these commands of the step of \(x"
        ):
            output.numpy()
        for action in (w.numpy, before.numpy, lambda: on_host(A), lambda: changing(A)):
            with pytest.raises(pb.CudaError, match="is lost in this process, with the variables on it"):
                action()
        w.storage.replace(A)
        np.testing.assert_array_equal(on_host(A)[0], A * A)
