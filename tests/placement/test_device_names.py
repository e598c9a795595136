"""Names of devices: every spelling of one is one name, and what is none is refused with what is accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.dialects.graph.tensor.device import CUDA, HOST, parse_device

numbers = st.integers(0, 9999)
processes = st.permutations(["job:localhost", "replica:0", "task:0"]).flatmap(
    lambda parts: st.integers(0, 3).map(lambda count: parts[:count])
)


@st.composite
def spellings(draw: st.DrawFn, kinds: str) -> tuple[str, int]:
    """A device as people write it, and its number."""
    number = draw(numbers)
    last = draw(st.sampled_from(["", "device:"])) + draw(st.sampled_from(kinds.split()))
    if number or draw(st.booleans()):
        last += f":{number}"
    text = draw(st.sampled_from(["/", ""])) + "/".join([*draw(processes), last])
    return "".join(c.upper() if draw(st.booleans()) else c.lower() for c in text), number


@given(spellings("gpu cuda"))
def test_a_gpu_has_one_name(spelled: tuple[str, int]) -> None:
    text, number = spelled
    assert parse_device(text) == f"cuda:{number}"
    assert parse_device(parse_device(text)) == parse_device(text)


@given(spellings("cpu"))
def test_all_processors_are_one_memory(spelled: tuple[str, int]) -> None:
    assert parse_device(spelled[0]) == HOST == "cpu:0"


@given(st.text(st.sampled_from("cpugda:/0123 devicjoblhst*-\n"), max_size=24))
def test_whatever_is_accepted_is_a_name_of_this_machine(text: str) -> None:
    try:
        name = parse_device(text)
    except ValueError:
        return  # the test below has what it says
    kind, number = name.split(":")
    assert kind in ("cpu", "cuda") and str(int(number)) == number
    assert parse_device(name) == name


@pytest.mark.parametrize(
    "text",
    [
        *(
            "banana",
            "",
            "/",
            "cuda:",
            "gpu:-1",
            "gpu:1:2",
            "gpu:12345",
            "gpu:*",
            "cuda:1 ",
            "gpu:\u0663",
            "//gpu:0",
        ),
        *("/job:worker/gpu:0", "/task:1/gpu:0", "/replica:1/cpu:0", "/job:localhost", "/job:/gpu:0", "tpu:0"),
    ],
)
def test_other_names_are_refused_where_they_are_said(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_device(text)
    if text:
        with pb.Graph() as graph, pytest.raises(ValueError, match=r"^device: .* expected"), pb.device(text):
            pytest.fail("the block was entered")
        assert not graph.operations


def test_what_is_no_text_is_no_name() -> None:
    with pb.Graph(), pytest.raises(TypeError, match="device: expected a name or None, got int"), pb.device(1):  # pyright: ignore[reportArgumentType]
        pytest.fail("the block was entered")


def test_programs_keep_what_was_written() -> None:
    with pb.Graph(), pb.device("/device:GPU:1"):
        y = pb.tanh(1.0)
    assert str(y.op.attributes["device"]) == '"/device:GPU:1"' and parse_device("gpu") == CUDA
