"""Convolutions with both gradients, beside JAX, PyTorch and TensorFlow, timed in one run.

    python benchmarks/convolutions.py                     every case on one thread
    python benchmarks/convolutions.py --threads 2         on two
    python benchmarks/convolutions.py --only depthwise    the cases whose name contains this

Each system has a process of its own, on as many cores as it has threads. All have to agree on the results of a case,
and are then timed in turn, round after round. Prints least times in ms, and the fastest peer's over ours, as Markdown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from cpu_systems import Prepared, system_named
from worker import Failure, Worker
from workload import difference

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


TOLERANCE = 1e-3
"""Of results, in the norm."""
PATIENCE = 240
"""Seconds for a system to answer."""


class ConvSystem:
    """A system in its process, which `cpu_systems` bounds to so many cores and threads, with cases of its own."""

    def __init__(self, system: str, threads: int) -> None:
        self.system = system
        bounded = system_named("torch, eager" if system == "torch" else system, threads)
        self.versions, self.timed = bounded.versions, bounded.timed

    def prepare(self, case: Conv) -> Prepared:
        run = CONV_SYSTEMS[self.system](case, *case.arrays())
        return Prepared(run, [np.asarray(a) for a in run()])


class ConvComparison:
    """The processes of the systems."""

    def __init__(self, systems: Sequence[str], threads: int, logs: Path) -> None:
        self.workers: dict[str, Worker] = {}
        for system in systems:
            worker = Worker(system, partial(ConvSystem, system, threads), cases, logs / f"{system}.log")
            answer = worker.ask("start", "", time.monotonic() + PATIENCE)
            if isinstance(answer, Failure):
                worker.close()
                print(f"{system} is left out: {answer.reason}", file=sys.stderr)
            else:
                self.workers[system] = worker

    def prepared(self, case: Conv) -> list[str]:
        """The systems that have computed a case, and agree with ours."""
        ask = {s: w.ask("prepare", case.name, time.monotonic() + PATIENCE) for s, w in self.workers.items()}
        ours = ask["pullback"]
        if isinstance(ours, Failure):
            raise SystemExit(f"{case.name}: {ours.reason}")
        agree: list[str] = []
        for system, answer in ask.items():
            if isinstance(answer, Failure):
                print(f"{case.name}: {system} is left out: {answer.reason}", file=sys.stderr)
            elif difference(answer, ours) > TOLERANCE:
                raise SystemExit(f"{case.name}: pullback and {system} differ")
            else:
                agree.append(system)
        return agree

    def row(self, case: Conv, rounds: int) -> str:
        """Times a case in all systems, in turn."""
        systems = self.prepared(case)
        seconds: dict[str, list[float]] = {system: [] for system in systems}
        for _ in range(rounds):
            for system in systems:
                answer = self.workers[system].ask("time", case.name, time.monotonic() + PATIENCE)
                if isinstance(answer, Failure):
                    raise SystemExit(f"{case.name}: {system}: {answer.reason}")
                seconds[system] += answer
        least = [f"{min(seconds[s]) * 1e3:.2f}" if s in seconds else "-" for s in CONV_SYSTEMS]
        ratios = [self._ratio({s: pick(t) for s, t in seconds.items()}) for pick in (min, median)]
        return f"| {' | '.join([case.name, *least, *ratios])} |"

    def _ratio(self, seconds: dict[str, float]) -> str:
        peers = [taken for system, taken in seconds.items() if system != "pullback"]
        return f"{min(peers) / seconds['pullback']:.2f}" if peers else "-"

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def cases() -> Sequence[Conv]:
    return CONVOLUTIONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="rounds per case (default: 10)")
    parser.add_argument("--threads", type=int, default=1, help="threads of every system (default: 1)")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    parser.add_argument("--without", nargs="*", default=[], choices=PEERS, help="systems to leave out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as logs:
        systems = [system for system in CONV_SYSTEMS if system not in options.without]
        comparison = ConvComparison(systems, options.threads, Path(logs))
        try:
            print(f"| {' | '.join(['case, ms', *CONV_SYSTEMS, 'best peer / ours', 'of medians'])} |")
            print(f"|{'---|' * (len(CONV_SYSTEMS) + 3)}")
            for case in cases():
                if options.only in case.name:
                    print(comparison.row(case, options.rounds), flush=True)
        finally:
            comparison.close()


if __name__ == "__main__":
    main()
