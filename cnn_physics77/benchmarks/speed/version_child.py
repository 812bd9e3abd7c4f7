"""A process that runs works of the speed suite in any version of this package; `versions` starts it.

It is a script that imports nothing of its own version: the version that is measured stands in PYTHONPATH. So
it keeps to names that all versions have. It reads lines from its standard input and answers each with a line:
a number of calls with the seconds of one, ``memory`` with the bytes of the peak above the baseline.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

NETWORKS = {
    "CNN": (1, 28, 28),
    "LeNet5": (1, 28, 28),
    "VGG": (1, 28, 28),
    "ResNet20": (3, 32, 32),
    "MLP": (1, 28, 28),
}
"""The shape of one image of each network."""

SETTINGS = {"Adam": {"lr": 0.001}, "SGD": {"lr": 0.01, "momentum": 0.9}}

Call = Callable[[], Any]


def prepare(work: str, engine: str) -> Call:
    """The step of `work`: ``chain``, ``PINN``, or ``network:batch:optimizer``."""
    torch = importlib.import_module("cnn_physics77")
    random = np.random.default_rng(67)

    def captured(step: Callable[..., Any]) -> Callable[..., Any]:
        return step if engine == "eager" else torch.compile(step, fullgraph=True, lanes=lanes)

    lanes = int(engine) if engine.isdigit() else engine
    if work == "chain":
        x, w, b = (
            torch.from_numpy(random.standard_normal(10).astype("f")).requires_grad_() for _ in range(3)
        )
        g = torch.from_numpy(random.standard_normal(10).astype("f"))
        step = captured(_chain(torch))
        return lambda: step(x, w, b, g)
    if work == "PINN":
        layers = [
            torch.from_numpy((random.standard_normal(shape) / shape[-1] ** 0.5).astype("f")).requires_grad_()
            for shape in ((32, 1), (32,), (32, 32), (32,), (1, 32), (1,))
        ]
        t = torch.from_numpy(np.linspace(0, 1, 30, dtype="f")[:, None]).requires_grad_()
        step = captured(_pinn(torch))
        return lambda: step(t, *layers)
    name, size, rule = work.split(":")
    return _training(torch, random, name, int(size), rule, captured)


def _chain(torch: Any) -> Callable[..., Any]:
    def step(x: Any, w: Any, b: Any, g: Any) -> Any:
        y = x
        for _ in range(20):
            y = (y * w + b).tanh()
        return torch.autograd.grad(y, (x, w, b), g)

    return step


def _pinn(torch: Any) -> Callable[..., Any]:
    linear = importlib.import_module("cnn_physics77.nn.functional").linear

    def step(t: Any, *layers: Any) -> Any:
        u, ones = t, torch.ones_like(t)
        for index in range(0, len(layers), 2):
            u = linear(u, layers[index], layers[index + 1])
            u = u.tanh() if index + 2 < len(layers) else u
        (first,) = torch.autograd.grad(u, t, ones, create_graph=True)
        (second,) = torch.autograd.grad(first, t, ones, create_graph=True)
        loss = ((second + 4 * first + 400 * u) ** 2).mean()
        return torch.autograd.grad(loss, layers)

    return step


def _training(
    torch: Any, random: np.random.Generator, name: str, size: int, rule: str, captured: Callable[[Any], Any]
) -> Call:
    from cnn_physics77.core import model, training

    network = getattr(model, name)()
    with torch.no_grad():
        for parameter in network.parameters():  # He et al. 2015, as the suite's larger networks
            shape = tuple(parameter.shape)
            if len(shape) > 1:
                scale = (2 / np.prod(shape[1:])) ** 0.5
                parameter.copy_(torch.from_numpy((random.standard_normal(shape) * scale).astype("f")))
    optim = importlib.import_module("cnn_physics77.optim")
    optimizer = getattr(optim, rule)(network.parameters(), **SETTINGS[rule])
    loss = importlib.import_module("cnn_physics77.nn").CrossEntropyLoss()
    step = captured(training.training_step(network, loss, optimizer))
    batches = [
        (
            torch.from_numpy(random.random((size, *NETWORKS[name]), dtype="f")),
            torch.from_numpy(random.integers(0, 10, size)),
        )
        for _ in range(max(2, min(64, 256 // size)))
    ]
    cycle = itertools.cycle(batches)
    return lambda: step(*next(cycle))


def _status(name: str) -> int:
    """Bytes of one of this process's counters; Linux alone has them."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def main() -> None:
    work, engine, threads, allocator = sys.argv[1:]
    torch = importlib.import_module("cnn_physics77")
    torch.set_num_threads(int(threads))
    if allocator == "keep":
        try:
            performance = importlib.import_module("cnn_physics77.performance")
        except ImportError:  # a version that sets the allocator on import
            pass
        else:
            performance.apply()
    call: Call | None = None
    for line in sys.stdin:
        if line.strip() == "memory":
            prepare("CNN:1:Adam", "eager")()  # what is loaded on first use belongs to the baseline
            gc.collect()
            ctypes.CDLL(None).malloc_trim(
                0
            )  # what is freed goes back to the system, else it would not count again
            Path("/proc/self/clear_refs").write_text("5")
            baseline = _status("VmRSS")
            call = prepare(work, engine)
            for _ in range(12):
                call()
            print(_status("VmHWM") - baseline, flush=True)
            continue
        if call is None:
            call = prepare(work, engine)
        gc.collect()
        start = perf_counter()
        for _ in range(int(line)):
            call()
        print((perf_counter() - start) / int(line), flush=True)


if __name__ == "__main__":
    main()
