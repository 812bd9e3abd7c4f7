"""``vmap`` against a loop: gradients of each sample, and of each of several networks.

Run, in turns::

    python -m cnn_physics77.benchmarks.speed.mapped
    python -m cnn_physics77.benchmarks.speed.mapped torch

Both ways compute the same, and the largest difference is printed. The times are medians of the processor's
time of a call, in one thread: other programs disturb these less.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from time import process_time
from typing import Any

NETWORKS = 8  # of the ensemble


def work(torch: Any, batch: int) -> Iterator[tuple[str, Callable[[], dict], Callable[[], dict]]]:
    """(name, by vmap, by a loop) of each case, in float32, with the functions of a framework."""
    nn = torch.nn
    torch.manual_seed(67)
    images, labels = torch.rand(batch, 1, 28, 28), torch.randint(0, 10, (batch,))
    cnn = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * 7 * 7, 10)),
    )
    several = [
        nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        for _ in range(NETWORKS)
    ]
    for name, network in (("CNN", cnn), ("MLP", several[0])):
        yield f"{name}, each of {batch} samples", *_per_sample(torch, network, images, labels)
    yield f"{NETWORKS} MLPs, batch {batch}", *_ensemble(torch, several, images, labels)


def _gradient(torch: Any, network: Any) -> Callable[[dict, Any, Any], dict]:
    def loss(parameters: dict, images: Any, labels: Any) -> Any:
        logits = torch.func.functional_call(network, parameters, (images,))
        return torch.nn.functional.cross_entropy(logits, labels)

    gradient: Callable[[dict, Any, Any], dict] = torch.func.grad(loss)
    return gradient


def _per_sample(torch: Any, network: Any, images: Any, labels: Any) -> tuple[Callable, Callable]:
    gradient = _gradient(torch, network)
    parameters = {name: p.detach() for name, p in network.named_parameters()}
    pairs = list(zip(images[:, None], labels[:, None]))
    mapped = torch.func.vmap(gradient, in_dims=(None, 0, 0))
    return (
        lambda: mapped(parameters, images[:, None], labels[:, None]),
        lambda: _stacked(torch, [gradient(parameters, *pair) for pair in pairs]),
    )


def _ensemble(torch: Any, networks: list, images: Any, labels: Any) -> tuple[Callable, Callable]:
    gradient = _gradient(torch, networks[0])
    parameters, _ = torch.func.stack_module_state(networks)
    parameters = {name: p.detach() for name, p in parameters.items()}
    each = [{name: p[i] for name, p in parameters.items()} for i in range(len(networks))]
    mapped = torch.func.vmap(gradient, in_dims=(0, None, None))
    return (
        lambda: mapped(parameters, images, labels),
        lambda: _stacked(torch, [gradient(one, images, labels) for one in each]),
    )


def _stacked(torch: Any, results: list[dict]) -> dict:
    return {name: torch.stack([result[name] for result in results]) for name in results[0]}


def _milliseconds(call: Callable[[], Any], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        begun = process_time()
        call()
        times.append(process_time() - begun)
    return 1e3 * median(times)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.speed.mapped", description=__doc__.splitlines()[0]
    )
    parser.add_argument("framework", nargs="?", default="cnn_physics77", choices=("cnn_physics77", "torch"))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args(arguments)
    torch = importlib.import_module(args.framework)
    torch.set_num_threads(1)
    for name, mapped, loop in work(torch, args.batch):
        found, expected = mapped(), loop()
        difference = max(float((found[key] - expected[key]).abs().max()) for key in expected)
        times = [_milliseconds(call, args.repeats) for call in (mapped, loop)]
        print(f"{name:28} vmap {times[0]:8.2f} ms   loop {times[1]:8.2f} ms   difference {difference:.0e}")


if __name__ == "__main__":
    main()
