"""What the framework itself costs: the specification's training step, by the framework and written by hand.

Run::

    python -m cnn_physics77.benchmarks.speed.hand_written
    python -m cnn_physics77.benchmarks.speed.hand_written --captured auto  # the framework's step captured

The hand-written baseline (`HandWrittenStep`) knows the one network that it trains. It records no graph and
allocates no large array per step. Each of two threads runs forward and backward of half a batch in one go; a
second parallel loop computes the gradient of the dense layer and updates it. The framework's extra time is
the price of its generality: of the graph, of layers, and of operations that know nothing of each other. Both
run in one process, in interleaved blocks, after a check that they compute the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from time import perf_counter

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ... import performance
from ...analysis.statistics import Ratio, bootstrap_ratio
from ...core.kernels.runtime.parallel import parallel_for
from ...results import Disturbance
from ..adapters.numpy77 import ADAPTER
from ..instruments.disturbance import undisturbed
from ..instruments.processors import available_cores
from .cases import CASES
from .suite import difference
from .work import OPTIMIZERS, Arrays, TrainingCase

CASE = "training step/CNN, batch 64, Adam"
LANES = ("threads", "processes", "auto")
HALVES = 2
BLOCK_SECONDS = 0.25
ALWAYS = 1e6  # microseconds: always worth a second thread
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


class HandWrittenStep:
    """Conv2d(1, 8, 3) - ReLU - Linear - ReLU - Linear - cross-entropy, and Adam, without a graph.

    With the windows of one image as the columns of X (9, 676), and a row per image for everything else::

        A = relu(K X)           z = relu(A W^T + b)        p = softmax(z V^T + c)        L = - mean log p[t]
        dV = dl^T z             dl = (p - onehot(t)) / N
        dW = dz^T A             dz = (dl V) [z > 0]
        dK = sum dA X^T         dA = (dz W) [A > 0]

    Args:
        parameters: K (8, 1, 3, 3), W (128, 5408), b (128), V (10, 128), c (10), of one dtype; copied.
        batch: an even number of images.
    """

    def __init__(self, parameters: Sequence[np.ndarray], batch: int) -> None:
        (dtype,) = {p.dtype for p in parameters}
        sizes = [p.size for p in parameters]
        ends = np.cumsum(sizes)
        self.values = np.concatenate([p.ravel() for p in parameters])
        self.gradients, self.m, self.v = (np.zeros_like(self.values) for _ in range(3))
        self.places = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        self.K, self.W, self.b, self.V, self.c = self._views(self.values, parameters)
        self.dK, self.dW, self.db, self.dV, self.dc = self._views(self.gradients, parameters)

        def empty(*shape: int) -> np.ndarray:
            return np.empty(shape, dtype)

        hidden = len(self.W)
        self.columns = empty(batch, 9, 676)
        self.A, self.dA = empty(batch, 8, 676), empty(batch, 8, 676)
        self.z, self.dz, self.dl = empty(batch, hidden), empty(batch, hidden), empty(batch, len(self.c))
        self.mask, self.losses = np.empty((batch, 8, 676), np.int8), empty(batch)
        self.partial, self.temporary = empty(HALVES, 8, 9), np.empty_like(self.values)
        self.batch, self.step_count = batch, 0
        self.lr = OPTIMIZERS["Adam"][1]["lr"]

    @staticmethod
    def _views(flat: np.ndarray, parameters: Sequence[np.ndarray]) -> list[np.ndarray]:
        pieces = np.split(flat, np.cumsum([p.size for p in parameters])[:-1])
        return [piece.reshape(p.shape) for piece, p in zip(pieces, parameters, strict=True)]

    def __call__(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Run one step and return the loss before it. images (batch, 1, 28, 28), labels (batch)."""
        self.images, self.labels = images, labels
        parallel_for(self._forward_and_backward, HALVES, ALWAYS)
        self.step_count += 1
        parallel_for(self._update, HALVES, ALWAYS)
        return float(self.losses.mean())

    def _forward_and_backward(self, half: int) -> None:
        """Everything except the gradients that are sums over the whole batch."""
        size = self.batch // HALVES
        s = slice(half * size, (half + 1) * size)
        kernel, columns, A, z, dl = self.K.reshape(8, 9), self.columns[s], self.A[s], self.z[s], self.dl[s]
        windows = sliding_window_view(self.images[s, 0], (26, 26), axis=(1, 2))
        np.copyto(columns.reshape(size, 3, 3, 26, 26), windows)
        np.matmul(kernel, columns, out=A)
        np.clip(A, 0, np.inf, out=A)

        rows = A.reshape(size, -1)
        np.matmul(rows, self.W.T, out=z)
        z += self.b
        np.maximum(z, 0, out=z)
        np.matmul(z, self.V.T, out=dl)
        dl += self.c
        dl -= dl.max(axis=1, keepdims=True)
        target = (np.arange(size), self.labels[s])
        log_p = dl[target]
        np.exp(dl, out=dl)
        total = dl.sum(axis=1, keepdims=True)
        np.subtract(np.log(total[:, 0]), log_p, out=self.losses[s])

        dl /= total
        dl[target] -= 1
        dl /= self.batch
        dz = np.matmul(dl, self.V, out=self.dz[s])
        dz *= z > 0
        dA, mask = self.dA[s], self.mask[s]
        np.matmul(dz, self.W, out=dA.reshape(size, -1))
        np.less_equal(A, 0, out=mask.view(bool))
        np.subtract(mask, 1, out=mask)  # all bits set where A > 0
        bits = dA.view(f"i{dA.itemsize}")
        np.bitwise_and(bits, mask, out=bits)
        np.matmul(dA, columns.swapaxes(1, 2)).sum(axis=0, out=self.partial[half])

    def _update(self, half: int) -> None:
        """Gradient and update of half of W; half 0 also updates the small parameters."""
        hidden, features = self.W.shape
        size = hidden // HALVES
        rows = slice(half * size, (half + 1) * size)
        np.matmul(self.dz[:, rows].T, self.A.reshape(self.batch, -1), out=self.dW[rows])
        if half == 0:
            self.partial.sum(axis=0, out=self.dK.reshape(8, 9))
            np.matmul(self.dl.T, self.z, out=self.dV)
            self.dz.sum(axis=0, out=self.db)
            self.dl.sum(axis=0, out=self.dc)
            self._adam(self.places[0])
            self._adam(slice(self.places[2].start, self.places[-1].stop))
        start = self.places[1].start + half * size * features
        self._adam(slice(start, start + size * features))

    def _adam(self, s: slice) -> None:
        """Adam on a slice of all parameters; the formulas are in `core.kernels.optimizer_steps`."""
        correction = sqrt(1 - BETA2**self.step_count)
        p, g, m, v, t = self.values[s], self.gradients[s], self.m[s], self.v[s], self.temporary[s]
        np.subtract(g, m, out=t)
        t *= 1 - BETA1
        m += t
        np.multiply(g, sqrt(1 - BETA2), out=t)
        np.multiply(t, t, out=t)
        v *= BETA2
        v += t
        np.sqrt(v, out=t)
        t += EPS * correction
        np.divide(m, t, out=t)
        t *= self.lr / (1 - BETA1**self.step_count) * correction
        p -= t


@dataclass(frozen=True)
class Pair:
    """Both steps, on the same batches from the same initial values, as calls without arguments."""

    framework: Callable[[], object]
    by_hand: Callable[[], object]
    differences: tuple[float, float]
    """Largest relative difference of loss and gradients over two steps, in float64 and in float32."""


def prepare(captured: str = "") -> Pair:
    """Prepare both steps in float32, after comparing them in both dtypes.

    Args:
        captured: the lanes in which the framework's step runs as a captured one; "" for an eager one.
    """
    found = []
    for dtype in ("float64", "float32"):
        case = dataclasses.replace(CASES[CASE], dtype=dtype, captured=captured)
        assert isinstance(case, TrainingCase)
        given = case.given()
        batches = list(zip(given["images"], given["labels"], strict=True))
        training = case.training(ADAPTER, given)
        parameters = dict(training.network.named_parameters())
        hand = HandWrittenStep([p.detach().numpy() for p in parameters.values()], case.batch)
        ours: Arrays = {}
        written: Arrays = {}
        for i in range(4 if captured else 2):  # the fourth call is a replay
            loss = training.call()
            ours |= {f"loss {i}": loss.detach().numpy()}
            written |= {f"loss {i}": np.asarray(hand(*batches[i]), dtype)}
            ours |= {f"gradient {i} {name}": p.grad.numpy().copy() for name, p in parameters.items()}
            written |= {
                f"gradient {i} {name}": gradient.copy()
                for name, gradient in zip(
                    parameters, (hand.dK, hand.dW, hand.db, hand.dV, hand.dc), strict=True
                )
            }
        found.append(difference(ours, written)[0])
    turn = itertools.cycle(batches)
    return Pair(training.call, lambda: hand(*next(turn)), (found[0], found[1]))


Block = tuple[float, Disturbance]


def measure(pair: Pair, rounds: int, seconds: float) -> tuple[list[Block], list[Block]]:
    """Seconds of one step in interleaved blocks, each after some steps off the clock, and disturbances."""
    times: tuple[list[Block], list[Block]] = ([], [])
    for _ in range(rounds):
        for call, found in zip((pair.framework, pair.by_hand), times, strict=True):
            _block(call, seconds / 8)
            found.append(undisturbed(lambda attempt, call=call: _block(call, seconds)))  # type: ignore[misc]
    return times


def _block(call: Callable[[], object], seconds: float) -> float:
    calls, start = 0, perf_counter()
    while True:
        call()
        calls += 1
        passed = perf_counter() - start
        if passed >= seconds:
            return passed / calls


def main(arguments: list[str] | None = None) -> int:
    """Run the command; exit status 1 if the two steps do not compute the same."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.speed.hand_written",
        description=(__doc__ or "").partition("\n")[0],
    )
    cores = available_cores()
    parser.add_argument("--threads", type=int, default=cores, help=f"threads (default: {cores})")
    parser.add_argument(
        "--captured", default="", choices=LANES, help="capture the framework's step, in these lanes"
    )
    parser.add_argument("--rounds", type=int, default=12, help="timed blocks of each step (default: 12)")
    args = parser.parse_args(arguments)
    if args.rounds < 1 or not 1 <= args.threads <= cores:
        parser.error(f"expected --rounds of at least 1 and --threads from 1 to {cores}")
    performance.apply(threads=args.threads)
    pair = prepare(args.captured)
    exact, single = pair.differences
    if exact > 1e-9 or single > 1e-3:
        print(f"error: the steps differ by {exact:.1e} in float64, {single:.1e} in float32", file=sys.stderr)
        return 1
    blocks = list(zip(*measure(pair, args.rounds, BLOCK_SECONDS), strict=True))
    quiet = [pair for pair in blocks if not any(disturbance.disturbed for _, disturbance in pair)]
    ours, hand = ([seconds for seconds, _ in column] for column in zip(*(quiet or blocks), strict=True))
    ratio: Ratio | str = bootstrap_ratio(ours, hand) if quiet else "none: every pair was disturbed"
    print(f"{CASE}; float32, {args.threads} threads, {args.rounds} pairs of blocks")
    print("the framework's step is captured" if args.captured else "the framework's step is eager")
    print(f"by the framework  {1e3 * float(np.median(ours)):.2f} ms")
    print(f"by hand           {1e3 * float(np.median(hand)):.2f} ms")
    print(f"ratio             {ratio}")
    if len(quiet) < len(blocks):
        lost = len(blocks) - len(quiet)
        print(f"DISTURBED by other programs: {lost} of {len(blocks)} pairs, left out of the ratio")
    print(f"largest difference of loss and gradients: {exact:.0e} in float64, {single:.0e} in float32")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
