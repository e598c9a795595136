"""Convolutions with both gradients, beside JAX, PyTorch and TensorFlow, timed in one run.

    python benchmarks/convolutions.py                     every case on one thread
    python benchmarks/convolutions.py --threads 2         on two
    python benchmarks/convolutions.py --only depthwise    the cases whose name contains this

Each round times every system once, in turn. Prints least times in ms and the fastest peer's over ours, as Markdown.
Systems keep threads of their own in the process, which slow the others: for times of record leave out all peers but
one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

Run = Callable[[], Any]
"""Computes a value and its gradients once, and waits for them."""


@dataclass(frozen=True)
class Conv:
    """A convolution of images (N, H, W, C) with filters (rows, columns, C / groups, outputs)."""

    name: str
    images: tuple[int, ...]
    filters: tuple[int, ...]
    stride: int = 1
    dilation: int = 1

    @property
    def groups(self) -> int:
        return self.images[3] // self.filters[2]

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Half a window before and after."""
        rows, columns = (self.dilation * (n - 1) // 2 for n in self.filters[:2])
        return (rows, rows), (columns, columns)

    def arrays(self) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        x, f = (rng.standard_normal(shape).astype(np.float32) for shape in (self.images, self.filters))
        extents = [
            (n + 2 * p[0] - self.dilation * (k - 1) - 1) // self.stride + 1
            for n, k, p in zip(self.images[1:3], self.filters[:2], self.padding, strict=True)
        ]
        return x, f, rng.standard_normal((len(x), *extents, self.filters[3])).astype(np.float32)


CONVOLUTIONS = [
    Conv("3x3, 32 channels", (32, 32, 32, 32), (3, 3, 32, 64)),
    Conv("3x3, 128 channels", (8, 28, 28, 128), (3, 3, 128, 128)),
    Conv("3x3, 512 channels", (8, 7, 7, 512), (3, 3, 512, 512)),
    Conv("1x1", (16, 28, 28, 128), (1, 1, 128, 256)),
    Conv("5x5, strides of 2", (16, 32, 32, 32), (5, 5, 32, 64), stride=2),
    Conv("7x7 of 3 channels, strides of 2", (8, 112, 112, 3), (7, 7, 3, 64), stride=2),
    Conv("depthwise 3x3", (16, 56, 56, 64), (3, 3, 1, 64)),
    Conv("3x3 in 4 groups", (16, 28, 28, 64), (3, 3, 16, 64)),
    Conv("3x3, dilations of 2", (16, 28, 28, 64), (3, 3, 64, 64), dilation=2),
    Conv("9 taps along 4096", (8, 1, 4096, 16), (1, 9, 16, 32)),
]
"""Value and both gradients of each, for a given gradient of the value."""


def conv_pullback(case: Conv, x: Any, f: Any, dy: Any) -> Run:
    import pullback as pb

    with pb.Graph():
        ps = [pb.placeholder("f32", a.shape) for a in (x, f, dy)]
        y = pb.conv2d(ps[0], ps[1], case.stride, case.padding, dilations=case.dilation)
        gradients = pb.gradients(pb.sum(y * ps[2]), ps[:2])
        step = pb.compile(inputs=ps, outputs=[y, *gradients], target="cpu")
    return lambda: step(x, f, dy)


def conv_jax(case: Conv, x: Any, f: Any, dy: Any) -> Run:
    import jax

    def conv(x: Any, f: Any) -> Any:
        return jax.lax.conv_general_dilated(
            x,
            f,
            (case.stride,) * 2,
            case.padding,
            rhs_dilation=(case.dilation,) * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=case.groups,
        )

    def all_of(x: Any, f: Any, dy: Any) -> Any:
        y, back = jax.vjp(conv, x, f)
        return y, *back(dy)

    step, arguments = jax.jit(all_of), jax.device_put((x, f, dy))
    return lambda: jax.block_until_ready(step(*arguments))


def conv_torch(case: Conv, x: Any, f: Any, dy: Any) -> Run:
    import torch

    def images(a: Any) -> Any:
        return torch.from_numpy(a).permute(0, 3, 1, 2)

    last = torch.channels_last
    xs, dys = images(x).requires_grad_(), images(dy)
    fs = torch.from_numpy(f).permute(3, 2, 0, 1).contiguous(memory_format=last).requires_grad_()
    pads = case.padding[0][0], case.padding[1][0]

    def run() -> Any:
        y = torch.nn.functional.conv2d(xs, fs, None, case.stride, pads, case.dilation, case.groups)
        dx, df = torch.autograd.grad(y, (xs, fs), dys)
        return y.detach().permute(0, 2, 3, 1), dx.permute(0, 2, 3, 1), df.permute(2, 3, 1, 0)

    return run


def conv_tensorflow(case: Conv, x: Any, f: Any, dy: Any) -> Run:
    tf: Any = import_module("tensorflow")
    pads = [[0, 0], *map(list, case.padding), [0, 0]]
    depthwise = case.filters[2] == 1 < case.images[3]

    def conv(x: Any, f: Any) -> Any:
        if depthwise:
            padded, filters = tf.pad(x, pads), tf.transpose(f, (0, 1, 3, 2))
            strides, dilations = [1, case.stride, case.stride, 1], [case.dilation] * 2
            return tf.nn.depthwise_conv2d(padded, filters, strides, "VALID", None, dilations)
        return tf.nn.conv2d(x, f, case.stride, pads, dilations=case.dilation)

    @tf.function(jit_compile=case.dilation > 1 or (case.groups > 1 and not depthwise))
    def all_of(x: Any, f: Any, dy: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch((x, f))
            y = conv(x, f)
        return y, *tape.gradient(y, (x, f), output_gradients=dy)

    arguments = [tf.constant(a) for a in (x, f, dy)]
    return lambda: [a.numpy() for a in all_of(*arguments)]


# ---- the table ------------------------------------------------------------------------------------------------

PEERS = ("jax", "torch", "tensorflow")
CONV_SYSTEMS: dict[str, Callable[..., Run]] = {
    "pullback": conv_pullback,
    "jax": conv_jax,
    "torch": conv_torch,
    "tensorflow": conv_tensorflow,
}


def use_threads(count: int, without: Sequence[str]) -> None:
    """Restricts the process to so many cores and every system to so many threads, before anything runs."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:count]))
    os.environ["OMP_NUM_THREADS"] = os.environ["PULLBACK_NUM_THREADS"] = str(count)
    if count == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if "torch" not in without:
        import torch

        torch.set_num_threads(count)
    if "tensorflow" not in without:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        tf: Any = import_module("tensorflow")
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def measure(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """The least seconds of each system; all are timed in turn."""
    least = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for system, run in runs.items():
            start = time.perf_counter()
            run()
            least[system] = min(least[system], time.perf_counter() - start)
    return least


def row(name: str, runs: dict[str, Run], rounds: int) -> str:
    """Checks that all systems agree, and times them."""
    expected = [np.asarray(a, np.float64) for a in runs["pullback"]()]
    for system, run in runs.items():
        for ours, theirs in zip(expected, run(), strict=True):
            scale = np.max(np.abs(ours))
            if not np.allclose(ours, np.asarray(theirs), rtol=1e-3, atol=1e-4 * scale):
                raise SystemExit(f"{name}: pullback and {system} differ")
    least = {system: seconds * 1e3 for system, seconds in measure(runs, rounds).items()}
    peers = [least[system] for system in PEERS if system in least]
    times = [f"{least[s]:.2f}" if s in least else "-" for s in ("pullback", *PEERS)]
    ratio = f"{min(peers) / least['pullback']:.2f}" if peers else "-"
    return f"| {' | '.join([name, *times, ratio])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="rounds per case (default: 10)")
    parser.add_argument("--threads", type=int, default=1, help="threads of every system (default: 1)")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    parser.add_argument("--without", nargs="*", default=[], help="systems to leave out")
    options = parser.parse_args()
    use_threads(options.threads, options.without)
    print(f"| {' | '.join(['case, ms', 'pullback', *PEERS, 'best peer / ours'])} |")
    print("|---|---|---|---|---|---|")
    cases: list[tuple[str, dict[str, Callable[[], Run]]]] = [
        (c.name, {s: lambda c=c, make=make: make(c, *c.arrays()) for s, make in CONV_SYSTEMS.items()})
        for c in CONVOLUTIONS
    ]
    for name, systems in cases:
        if options.only not in name:
            continue
        runs: dict[str, Run] = {}
        for system, make in systems.items():
            if system in options.without:
                continue
            try:
                runs[system] = make()
                runs[system]()
            except Exception as error:  # a peer that lacks a case, or is not installed
                if system == "pullback":
                    raise
                print(f"{name}: {system} is left out: {error!s:.80}", file=sys.stderr)
                runs.pop(system, None)
        print(row(name, runs, options.rounds), flush=True)


if __name__ == "__main__":
    main()
