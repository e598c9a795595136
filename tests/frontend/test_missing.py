"""A name that `pb.` does not have is an error that helps."""

from __future__ import annotations

import pickle

import pytest

import pullback as pb

HINTS = {
    "reduce_mean": r"has no attribute 'reduce_mean': tf.reduce_mean is pb.mean",
    "matrix_diag_part": r"tf.matrix_diag_part is pb.diagonal",
    "arccos": r"jnp.arccos is pb.acos, np.arccos is pb.acos",
    "nn": r"functions of jax.nn are at the top level of Pullback, such as pb.elu",
    "linalg": r"are at the top level of Pullback, such as pb.cholesky",
    "sofmax": r"did you mean pb.softmax\?",
    "qqqqqqqqq": r"has no attribute 'qqqqqqqqq'$",
}


@pytest.mark.parametrize("name", HINTS)
def test_hints(name: str) -> None:
    with pytest.raises(AttributeError, match=HINTS[name]):
        getattr(pb, name)


def test_the_module_is_a_module_as_any_other() -> None:
    assert not hasattr(pb, "__wrapped__")
    assert getattr(pb, "nothing", 3) == 3
    assert pickle.loads(pickle.dumps(pb.relu)) is pb.relu
    with pytest.raises(ImportError):
        exec("from pullback import reduce_mean")
