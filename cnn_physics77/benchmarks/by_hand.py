"""What the framework itself costs: the specification's training step by the framework, and written by hand.

Run::

    python -m cnn_physics77.benchmarks.by_hand

The step by hand (`HandWrittenStep`) knows the one network that it trains. It records nothing, makes no large
array anew, and does forward and backward of half a batch in one go in each of two threads; gradient and
update of the dense layer follow in a second parallel region. What the framework takes longer is the price of
its generality: of the graph, of layers, and of operations that do not know each other. Both take turns in one
process, after they were seen to compute the same.
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

from ..analysis.statistics import Ratio, bootstrap_ratio
from ..core.kernels.runtime.parallel import parallel_for
from ..core.kernels.runtime.pool import set_num_threads
from .adapters.numpy77 import ADAPTER
from .cases import CASES
from .measure import available_cores
from .speed import difference
from .work import OPTIMIZERS, Arrays, TrainingCase

CASE = "training step/CNN, batch 64, Adam"
HALVES = 2
BLOCK_SECONDS = 0.25
ALWAYS = 1e6  # microseconds: worth handing over
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


class HandWrittenStep:
    """Conv2d(1, 8, 3) - ReLU - Linear - ReLU - Linear - cross-entropy, and Adam, without any graph.

    With one image of pixels as columns X (9, 676) of its windows, and everything of one batch as rows::

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
        """One step; the loss before it. images (batch, 1, 28, 28), labels (batch)."""
        self.images, self.labels = images, labels
        parallel_for(self._forward_and_backward, HALVES, ALWAYS)
        self.step_count += 1
        parallel_for(self._update, HALVES, ALWAYS)
        return float(self.losses.mean())

    def _forward_and_backward(self, half: int) -> None:
        """All but the gradients that are sums over the whole batch."""
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
        """Half of W with its gradient; the first half takes the small parameters too."""
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
        """As `updates.adam`, where the formulas are."""
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
    """The two steps on the same batches from the same values, each a call without arguments."""

    framework: Callable[[], object]
    by_hand: Callable[[], object]
    differences: tuple[float, float]
    """Of loss and gradients over two steps: the largest relative one in float64, and in float32."""


def prepare() -> Pair:
    """Both in float32, after both dtypes were seen to compute the same."""
    found = []
    for dtype in ("float64", "float32"):
        case = dataclasses.replace(CASES[CASE], dtype=dtype)
        assert isinstance(case, TrainingCase)
        given = case.given()
        batches = list(zip(given["images"], given["labels"], strict=True))
        training = case.training(ADAPTER, given)
        parameters = dict(training.network.named_parameters())
        hand = HandWrittenStep([p.detach().numpy() for p in parameters.values()], case.batch)
        ours: Arrays = {}
        written: Arrays = {}
        for i in range(2):
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


def measure(pair: Pair, rounds: int, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds of one step in blocks that take turns, each begun by some steps off the clock."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, found in zip((pair.framework, pair.by_hand), times, strict=True):
            _block(call, seconds / 8)
            found.append(_block(call, seconds))
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
    """The command; 1 if the two do not compute the same."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.by_hand", description=(__doc__ or "").partition("\n")[0]
    )
    cores = available_cores()
    parser.add_argument("--threads", type=int, default=cores, help=f"default: {cores}")
    parser.add_argument("--rounds", type=int, default=12, help="timed blocks of each (default: 12)")
    told = parser.parse_args(arguments)
    if told.rounds < 1 or not 1 <= told.threads <= cores:
        parser.error(f"expected --rounds of at least 1 and --threads from 1 to {cores}")
    set_num_threads(told.threads)
    pair = prepare()
    exact, single = pair.differences
    if exact > 1e-9 or single > 1e-3:
        print(f"error: the steps differ by {exact:.1e} in float64, {single:.1e} in float32", file=sys.stderr)
        return 1
    ours, hand = measure(pair, told.rounds, BLOCK_SECONDS)
    ratio: Ratio = bootstrap_ratio(ours, hand)
    print(f"{CASE}; float32, {told.threads} threads, {told.rounds} pairs of blocks")
    print(f"by the framework  {1e3 * float(np.median(ours)):.2f} ms")
    print(f"by hand           {1e3 * float(np.median(hand)):.2f} ms")
    print(f"ratio             {ratio}")
    print(f"largest difference of loss and gradients: {exact:.0e} in float64, {single:.0e} in float32")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
