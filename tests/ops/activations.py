"""Cases of the logistic function, its relatives, and activation functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from pullback.dialects.graph import OPS
from pullback.dialects.graph.elementwise.activations import LeakyRelu
from pullback.tests.ops.arithmetic import Z, integers, signed
from pullback.tests.ops.case import Case

ALPHA, SCALE = 1.67326324235437728481, 1.05070098735548049342


def _selu(x: Any) -> Any:
    return SCALE * np.where(x < 0, ALPHA * special.expm1(x), x)


CASES: dict[str, list[Case]] = {
    "graph.sigmoid": [
        Case(("17xf64",), OPS["graph.sigmoid"].of, special.expit, (signed(8),)),
        Case((Z,), OPS["graph.sigmoid"].of, lambda z: np.exp(z) / (np.exp(z) + 1)),
    ],
    "graph.log_sigmoid": [
        Case(("17xf64",), OPS["graph.log_sigmoid"].of, special.log_expit, (signed(8),)),
        Case(("17xf64",), OPS["graph.log_sigmoid"].of, special.log_expit, (signed(400),), orders=()),
    ],
    "graph.softplus": [
        Case(("17xf64",), OPS["graph.softplus"].of, lambda x: -special.log_expit(-x), (signed(8),)),
        Case(
            ("17xf64",), OPS["graph.softplus"].of, lambda x: -special.log_expit(-x), (signed(400),), orders=()
        ),
    ],
    "graph.logaddexp": [
        Case(
            ("2x3xf64", "3xf64"),
            OPS["graph.logaddexp"].of,
            lambda a, b: special.logsumexp(np.stack(np.broadcast_arrays(a, b)), axis=0),
            (signed(3), signed(3)),
        ),
        Case(("3xf64",), lambda x: OPS["graph.logaddexp"].of(x, x * 2 - x), lambda x: x + np.log(2)),
    ],
    "graph.relu": [
        Case(("17xf64",), OPS["graph.relu"].of, lambda x: np.where(x > 0, x, 0), (signed(),)),
        Case(("?x3xf64",), OPS["graph.relu"].of, lambda x: np.where(x > 0, x, 0), (signed(),)),
        Case(("7xi32",), OPS["graph.relu"].of, lambda x: np.where(x > 0, x, 0), (integers(),), orders=()),
    ],
    "graph.relu6": [Case(("17xf64",), OPS["graph.relu6"].of, lambda x: np.clip(x, 0, 6), (signed(5),))],
    "graph.leaky_relu": [
        Case(
            ("17xf64",), lambda x: LeakyRelu.sloped(x, 0.2), lambda x: np.where(x > 0, x, x / 5), (signed(),)
        )
    ],
    "graph.elu": [
        Case(("17xf64",), OPS["graph.elu"].of, lambda x: np.where(x < 0, special.expm1(x), x), (signed(2),))
    ],
    "graph.selu": [Case(("17xf64",), OPS["graph.selu"].of, _selu, (signed(2),))],
    "graph.silu": [
        Case(("17xf64",), OPS["graph.silu"].of, lambda x: x * special.expit(x), (signed(8),)),
        Case((Z,), OPS["graph.silu"].of, lambda z: z / (np.exp(-z) + 1)),
    ],
    "graph.softsign": [
        Case(("17xf64",), OPS["graph.softsign"].of, lambda x: x / (1 + np.abs(x)), (signed(),))
    ],
}
