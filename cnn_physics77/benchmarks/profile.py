"""A training step taken apart: what each operation costs, and what the machine could do.

Run by hand, or as ``python main.py --mode profile``::

    python -m cnn_physics77.benchmarks.profile --model VGG --batch-size 64

The time of an operation has three parts: *BLAS*, inside matrix products as the calling thread sees them
(other threads work on other blocks of the same product meanwhile); *memory*, the rest of its kernels: copies
and elementwise passes; *Python*, outside of kernels: the tape and the derivative's formula. What a step does
between operations (layers, the walk over the graph, accumulation of gradients) is a row of its own. FLOPs
are those of the plain algorithm, bytes those of every array read or written once: an algorithm may do with
fewer FLOPs (Winograd) or take more bytes (im2col).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.optim.adam import Adam
from ..core.optim.optimizer import Optimizer
from ..core.training import training_step
from ..results import FRAMEWORKS, Environment, LogError
from ..speed_results import OperationRecord, ProfileReport, write_report
from .measure import MeasurementError, available_cores, turns
from .recorder import Event, our_events
from .worker import Worker, WorkerError

if TYPE_CHECKING:
    from rich.console import Console

PEAK_SECONDS = 1.0
"""How long each of the machine's peaks is measured."""

ROUNDS, STEPS = 4, 5
"""Turns of each framework, and steps profiled in each."""


# ----------------------------------------------------------------------------------------- the machine


def measure_peaks(dtype: str = "float32", seconds: float = PEAK_SECONDS) -> tuple[float, float]:
    """This machine's rate of a large matrix product, FLOP/s, and of a large copy, bytes read and written a
    second.

    The best of as many as fit into `seconds`; the product of 1536 x 1536 matrices with all of BLAS's
    threads, the copy of 64 MB by as many of our threads.
    """
    from ..core.kernels.runtime.parallel import parallel_for

    a = np.random.default_rng(0).random((1536, 1536)).astype(dtype)
    product = np.empty_like(a)
    source = np.zeros(1 << 26, np.uint8)
    target = np.zeros_like(source)
    pieces = 16
    size = source.size // pieces

    def copy_piece(index: int) -> None:
        target[index * size : (index + 1) * size] = source[index * size : (index + 1) * size]

    flops = 2.0 * 1536**3 / _best(lambda: np.matmul(a, a, out=product), seconds)
    bandwidth = 2.0 * source.nbytes / _best(lambda: parallel_for(copy_piece, pieces, 1e4), seconds)
    return flops, bandwidth


def _best(work: Callable[[], Any], seconds: float) -> float:
    best, end = np.inf, perf_counter() + seconds
    while perf_counter() < end:
        start = perf_counter()
        work()
        best = min(best, perf_counter() - start)
    return best


# ----------------------------------------------------------------------------------------- our framework


def gather(runs: Sequence[Sequence[Event]]) -> list[OperationRecord]:
    """Medians over the steps of each call, then sums over the calls of one operation in one phase on one
    shape."""
    if len({len(events) for events in runs}) != 1:
        raise MeasurementError(
            f"profile: expected the same operations in every step, found {[len(e) for e in runs]}"
        )
    rows: dict[tuple[str, str, str], OperationRecord] = {}
    for calls in zip(*runs, strict=True):
        event = calls[0]
        key = (event.name, event.phase, event.shapes)
        row = rows.setdefault(
            key, OperationRecord(*key, calls=0, seconds=0, blas_seconds=0, memory_seconds=0, flops=0, bytes=0)
        )
        total, blas, kernel = (
            float(np.median([getattr(c, f) for c in calls])) for f in ("seconds", "blas", "kernel")
        )
        row.calls += 1
        row.seconds += total
        row.blas_seconds += blas
        row.memory_seconds += max(0.0, kernel - blas)
        row.flops += event.flops
        row.bytes += event.bytes
    return list(rows.values())


def profile(
    model: Callable[[Any], Any],
    batch: tuple[Any, Any],
    optimizer: Optimizer | None = None,
    criterion: Callable[[Any, Any], Any] | None = None,
    steps: int = 10,
) -> ProfileReport:
    """Take training steps of a model apart. The model is trained by them.

    Args:
        model: a module of this package.
        batch: inputs and targets.
        optimizer: by default Adam with its defaults.
        criterion: by default cross-entropy.
        steps: profiled; as many are run before, and as many without clocks to see what the clocks cost.
    Returns:
        A report without PyTorch's times; `analysis.speed_report.profile_table` shows it.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.core.model import MLP
    >>> found = profile(MLP((4, 8, 3)), (torch.ones(2, 4), torch.tensor([0, 2])), steps=2)
    >>> [row.name for row in found.operations if row.phase == "forward"]
    ['linear', 'relu', 'linear', 'cross_entropy']
    """
    from ..core.kernels.runtime.pool import get_num_threads
    from ..core.operations.nn.loss_cross_entropy import cross_entropy

    if steps < 1:
        raise ValueError(f"profile: expected at least one step, found {steps}")
    parameters: list[Any] = list(model.parameters())  # type: ignore[attr-defined]
    optimizer = optimizer or Adam(parameters)
    train = training_step(model, criterion or cross_entropy, optimizer)
    for _ in range(steps):
        train(*batch)
    plain = _step_times(lambda: train(*batch), steps)
    runs = our_events(lambda: train(*batch), optimizer, steps)
    peak_flops, peak_bandwidth = measure_peaks(str(parameters[0].array.dtype))
    return ProfileReport(
        environment=None,
        model=type(model).__name__,
        parameter_count=sum(p.numel() for p in parameters),
        batch="x".join(map(str, batch[0].shape)),
        dtype=str(parameters[0].array.dtype),
        optimizer=type(optimizer).__name__,
        threads=get_num_threads(),
        steps=steps,
        peak_flops=peak_flops,
        peak_bandwidth=peak_bandwidth,
        step_seconds=float(np.median(plain)),
        profiled_seconds=float(np.median([sum(event.seconds for event in events) for events in runs])),
        operations=gather(runs),
    )


def _step_times(step: Callable[[], Any], steps: int) -> list[float]:
    times = []
    for _ in range(steps):
        start = perf_counter()
        step()
        times.append(perf_counter() - start)
    return times


# ----------------------------------------------------------------------------------------- PyTorch

COUNTERPARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "convolution": (("aten::conv2d",), ("ConvolutionBackward0",)),
    "linear": (("aten::linear",), ("AddmmBackward0",)),
    "relu": (("aten::relu",), ("ReluBackward0",)),
    "max_pool": (("aten::max_pool2d",), ("MaxPool2DWithIndicesBackward0",)),
    "batch_norm": (("aten::batch_norm",), ("NativeBatchNormBackward0",)),
    "cross_entropy": (("aten::cross_entropy_loss",), ("NllLossBackward0", "LogSoftmaxBackward0")),
    "add": (("aten::add",), ("AddBackward0",)),
    "pad": (("aten::pad",), ("ConstantPadNdBackward0",)),
}
"""Operations of ours, and PyTorch's names of the same: forward, and the nodes of its backward."""

_EVALUATE = "autograd::engine::evaluate_function: "


def their_events(step: Callable[[], Any], steps: int) -> list[list[tuple[str, float]]]:
    """The outermost events of PyTorch's own profiler in each of so many steps: name and seconds, in the
    order of time."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as torch_profile

    found = []
    for _ in range(steps):
        with torch_profile(activities=[ProfilerActivity.CPU]) as recorded:
            step()
        outermost = [event for event in recorded.events() if event.cpu_parent is None]
        outermost.sort(key=lambda event: event.time_range.start)
        found.append([(event.name, 1e-6 * event.time_range.elapsed_us()) for event in outermost])
    return found


def place_beside(calls: Sequence[Event], theirs: Sequence[Sequence[tuple[str, float]]]) -> dict[int, float]:
    """PyTorch's median seconds for those of our calls that have a counterpart, by the call's number.

    The i-th call of an operation in a phase is the i-th of its counterpart: both frameworks run the same
    network.
    """
    found: dict[int, float] = {}
    for name, (forward, backward) in COUNTERPARTS.items():
        for phase, names in (
            ("forward", forward),
            ("backward", tuple(_EVALUATE + node for node in backward)),
        ):
            ours = [number for number, call in enumerate(calls) if (call.name, call.phase) == (name, phase)]
            columns = []
            for part in names:
                samples = [[seconds for event, seconds in events if event == part] for events in theirs]
                if any(len(sample) != len(ours) for sample in samples):
                    break
                columns.append(np.median(samples, axis=0))
            else:
                if ours:
                    found |= dict(zip(ours, np.sum(columns, axis=0).tolist(), strict=True))
    for number, call in enumerate(calls):
        if call.phase == "update":
            steps = [
                sum(s for event, s in events if event.startswith("Optimizer.step#")) for events in theirs
            ]
            found[number] = float(np.median(steps))
    return found


# ----------------------------------------------------------------------------------------- both, in turns


def compare_profiles(
    model: str,
    batch_size: int,
    optimizer: str,
    dtype: str,
    threads: int,
    rounds: int = ROUNDS,
    steps: int = STEPS,
    sizes: Mapping[str, int] | None = None,
) -> ProfileReport:
    """Profile a network of `core.model` in both frameworks, each in a process of its own, in turns.

    The images are noise, which costs as much as any others; SGD has momentum.

    Args:
        rounds: turns of each framework.
        steps: profiled in each turn.
        sizes: of the CNN, where they are not the specification's: channels, kernel_size, hidden.
    Raises:
        MeasurementError, WorkerError: as in the speed suite.
    """
    from .case_worker import case_worker
    from .speed import SETTLE_SECONDS

    case = {"model": model, "batch": batch_size, "optimizer": optimizer, "dtype": dtype, "sizes": sizes or {}}
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in FRAMEWORKS}
    with ExitStack() as stack:
        workers: dict[str, Worker] = {
            name: stack.enter_context(case_worker(name, threads)) for name in FRAMEWORKS
        }
        opened = {}
        for name, worker in workers.items():
            worker.ask("start", threads=threads)
            opened[name] = worker.ask("open_profile", case=case, warmup=steps)
        ours, theirs = FRAMEWORKS
        if opened[ours]["sha256"] != opened[theirs]["sha256"]:
            raise MeasurementError(f"profile: the frameworks were given different values for {model}")
        for _, name in turns(list(workers), rounds):
            sleep(SETTLE_SECONDS)
            told[name].append(workers[name].ask("profile", steps=steps))
        peaks = workers[ours].ask("peaks", dtype=dtype)
        environment = Environment(
            **workers[ours].ask("environment", started="", command_line=list(sys.argv), commit=None)
        )
    runs = [[Event(*event) for event in events] for reply in told[ours] for events in reply["events"]]
    their_runs = [
        [(str(n), float(s)) for n, s in events] for reply in told[theirs] for events in reply["events"]
    ]
    beside = place_beside(runs[0], their_runs)
    rows = gather(runs)
    by_key = {(row.name, row.phase, row.shapes): row for row in rows}
    for number, call in enumerate(runs[0]):
        if number in beside:
            row = by_key[call.name, call.phase, call.shapes]
            row.their_seconds = (row.their_seconds or 0.0) + beside[number]

    def median_step(name: str) -> float:
        return float(np.median([seconds for reply in told[name] for seconds in reply["plain"]]))

    return ProfileReport(
        environment=environment,
        model=model,
        parameter_count=opened[ours]["parameters"],
        batch=opened[ours]["batch"],
        dtype=dtype,
        optimizer=optimizer,
        threads=threads,
        steps=rounds * steps,
        peak_flops=peaks["flops"],
        peak_bandwidth=peaks["bandwidth"],
        step_seconds=median_step(ours),
        profiled_seconds=float(np.median([sum(event.seconds for event in events) for events in runs])),
        operations=rows,
        their_step_seconds=median_step(theirs),
    )


def show(report: ProfileReport, path: Path, fig_dir: Path, console: Console) -> None:
    """Write the report, print the table, draw the roofline."""
    from ..analysis import visuals
    from ..analysis.speed_report import operation_costs, profile_detail, profile_table

    write_report(report, path)
    console.print(profile_table(report))
    costs = operation_costs(report)
    if any(c.flops for c in costs):
        figure = visuals.roofline(costs, report.peak_flops, report.peak_bandwidth, profile_detail(report))
        visuals.save(figure, fig_dir, path.stem)
        console.print(f"figure {fig_dir / path.stem}.png", highlight=False)
    console.print(f"JSON   {path}", highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """The command: 1 if a process failed, 2 for bad arguments."""
    from rich.console import Console

    from .work import IMAGE_SHAPES, OPTIMIZERS

    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.profile", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--model", default="CNN", choices=list(IMAGE_SHAPES))
    parser.add_argument("--batch_size", "--batch-size", type=int, default=64)
    parser.add_argument("--optimizer", default="Adam", choices=list(OPTIMIZERS))
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64"])
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each framework")
    parser.add_argument("--steps", type=int, default=STEPS, help="profiled in each turn")
    parser.add_argument("--log_dir", "--log-dir", type=Path, default=Path("logs"))
    parser.add_argument("--fig_dir", "--fig-dir", type=Path, default=Path("fig"))
    told = parser.parse_args(arguments)
    if min(told.batch_size, told.rounds, told.steps) < 1 or not 1 <= told.threads <= available_cores():
        parser.error(f"expected positive numbers, and --threads of at most {available_cores()}")
    console = Console() if sys.stdout.isatty() else Console(width=118)
    try:
        report = compare_profiles(
            told.model, told.batch_size, told.optimizer, told.dtype, told.threads, told.rounds, told.steps
        )
        path = told.log_dir / f"profile_{told.model}_{told.optimizer}_batch{told.batch_size}.json"
        show(report, path, told.fig_dir, console)
    except (MeasurementError, WorkerError, LogError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
