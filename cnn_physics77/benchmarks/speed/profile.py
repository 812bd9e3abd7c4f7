"""A training step operation by operation: what each costs, and what the machine could do.

Run by hand, or as ``python main.py --mode profile``::

    python -m cnn_physics77.benchmarks.speed.profile --model VGG --batch-size 64

The time of an operation has three parts: *BLAS*, in matrix products as the calling thread sees them (other
threads may work on other blocks of the same product); *memory*, the rest of its kernels (copies and
elementwise passes); *Python*, outside of the kernels (recording and the derivative's formula). The time
between operations (layers, the backward pass itself, accumulation of gradients) has its own row. Beside it
is the time that the same operation takes in the step as `torch.compile` captures it, in threads. FLOPs are
those of the plain algorithm, bytes those of reading or writing every array once: an algorithm may need fewer
FLOPs (Winograd) or more bytes (im2col).
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np
from rich.console import Console

from ...analysis import visuals
from ...analysis.profile_report import operation_costs, profile_detail, profile_table, profile_warning
from ...core.kernels.runtime.pool import get_num_threads
from ...core.operations.nn.loss_cross_entropy import cross_entropy
from ...core.optim.adam import Adam
from ...core.optim.optimizer import Optimizer
from ...core.training import training_step
from ...results import (
    OURS,
    REFERENCE,
    Disturbance,
    Environment,
    LogError,
    OperationRecord,
    ProfileReport,
    write_report,
)
from ..instruments.captured_recorder import place_captured
from ..instruments.disturbance import undisturbed
from ..instruments.measure import (
    SETTLE_SECONDS,
    MeasurementError,
    interleaved,
    measure_peaks,
    source_commit,
)
from ..instruments.processors import available_cores
from ..instruments.recorder import Event, our_events
from ..instruments.torch_recorder import place_beside
from ..process.worker import SPEED, Worker, WorkerError
from .work import IMAGE_SHAPES, OPTIMIZERS

CAPTURED = "captured"
"""The name of ours where its step is captured."""

ROUNDS, STEPS = 4, 5
"""Turns of each framework, and profiled steps per turn."""


# ----------------------------------------------------------------------------------------- our framework


def gather(runs: Sequence[Sequence[Event]]) -> list[OperationRecord]:
    """One row for each operation, phase and shape: the median over the steps of each call, summed over the
    calls."""
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
    """Profile training steps of a model of this package. The model is trained by them.

    Args:
        model: a module of this package.
        batch: inputs and targets.
        optimizer: by default Adam with its defaults.
        criterion: by default cross-entropy.
        steps: number of profiled steps. As many are run before them as warm-up, and as many without clocks,
            to measure what the clocks cost.
    Returns:
        A report without PyTorch's times; `analysis.profile_report.profile_table` shows it.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.core.model import MLP
    >>> found = profile(MLP((4, 8, 3)), (torch.ones(2, 4), torch.tensor([0, 2])), steps=2)
    >>> [row.name for row in found.operations if row.phase == "forward"]
    ['linear', 'relu', 'linear', 'cross_entropy']
    """
    if steps < 1:
        raise ValueError(f"profile: expected at least one step, found {steps}")
    parameters: list[Any] = list(model.parameters())  # type: ignore[attr-defined]
    optimizer = optimizer or Adam(parameters)
    train = training_step(model, criterion or cross_entropy, optimizer)
    for _ in range(steps):
        train(*batch)
    peaks = [measure_peaks(str(parameters[0].array.dtype))]

    def measure(attempt: int) -> tuple[list[float], list[list[Event]]]:
        plain = _step_times(lambda: train(*batch), steps)
        return plain, our_events(lambda: train(*batch), optimizer, steps)

    (plain, runs), disturbance = undisturbed(measure)
    peaks.append(measure_peaks(str(parameters[0].array.dtype)))
    return ProfileReport(
        environment=None,
        model=type(model).__name__,
        parameter_count=sum(p.numel() for p in parameters),
        batch="x".join(map(str, batch[0].shape)),
        dtype=str(parameters[0].array.dtype),
        optimizer=type(optimizer).__name__,
        threads=get_num_threads(),
        steps=steps,
        peak_flops=max(flops for flops, _ in peaks),
        peak_bandwidth=max(bandwidth for _, bandwidth in peaks),
        step_seconds=float(np.median(plain)),
        profiled_seconds=float(np.median([sum(event.seconds for event in events) for events in runs])),
        operations=gather(runs),
        our_disturbance=[disturbance],
    )


def _step_times(step: Callable[[], Any], steps: int) -> list[float]:
    times = []
    for _ in range(steps):
        start = perf_counter()
        step()
        times.append(perf_counter() - start)
    return times


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
    captured: bool = True,
) -> ProfileReport:
    """Profile a network of `core.model` in both frameworks, each in its own process, in interleaved turns.

    The images are noise, which costs as much as any others; SGD has momentum.

    Args:
        rounds: turns of each framework.
        steps: profiled steps per turn.
        sizes: channels, kernel_size and hidden of the CNN, where they differ from the specification's.
        captured: whether our step is also profiled as a captured one, in threads, in one more process.
    Raises:
        MeasurementError, WorkerError: as in the speed suite.
    """
    case = {"model": model, "batch": batch_size, "optimizer": optimizer, "dtype": dtype, "sizes": sizes or {}}
    ours, theirs = OURS, REFERENCE
    names = [ours, *([CAPTURED] if captured else []), theirs]
    replies: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    disturbances: dict[str, list[Disturbance]] = {name: [] for name in names}
    peaks: list[dict[str, float]] = []
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with ExitStack() as stack:
        workers: dict[str, Worker] = {
            name: stack.enter_context(Worker([ours if name == CAPTURED else name], threads, SPEED))
            for name in names
        }
        opened = {}
        for name, worker in workers.items():
            worker.ask("start", threads=threads)
            lanes = "threads" if name == CAPTURED else ""
            opened[name] = worker.ask("open_profile", case=case | {"captured": lanes}, warmup=steps)
        if len({reply["sha256"] for reply in opened.values()}) > 1:
            raise MeasurementError(f"profile: the frameworks were given different values for {model}")
        for number, name in interleaved(list(workers), rounds):
            if len(peaks) < number:  # once a round: the best of them counts
                sleep(SETTLE_SECONDS)
                peaks.append(workers[ours].ask("peaks", dtype=dtype))
            reply, disturbance = undisturbed(
                lambda attempt, worker=workers[name]: worker.ask("profile", steps=steps),  # type: ignore[misc]
                SETTLE_SECONDS,
            )
            replies[name].append(reply)
            disturbances[name].append(disturbance)
        environment = Environment(
            **workers[ours].ask(
                "environment", started=started, command_line=list(sys.argv), commit=source_commit()
            )
        )
    for name in names:
        replies[name] = _quiet(replies[name], disturbances[name])
    runs = [[Event(*event) for event in events] for reply in replies[ours] for events in reply["events"]]
    rows = gather(runs)
    _add(rows, runs[0], "their_seconds", place_beside(runs[0], _named(replies[theirs])))
    if captured:
        parts = _named(replies[CAPTURED])
        medians = np.median([[seconds for _, seconds in step] for step in parts], axis=0).tolist()
        placed = place_captured(runs[0], [(name, s) for (name, _), s in zip(parts[0], medians, strict=True)])
        _add(rows, runs[0], "captured_seconds", placed)

    def median_step(name: str) -> float:
        return float(np.median([seconds for reply in replies[name] for seconds in reply["plain"]]))

    return ProfileReport(
        environment=environment,
        model=model,
        parameter_count=opened[ours]["parameters"],
        batch=opened[ours]["batch"],
        dtype=dtype,
        optimizer=optimizer,
        threads=threads,
        steps=len(runs),
        peak_flops=max(peak["flops"] for peak in peaks),
        peak_bandwidth=max(peak["bandwidth"] for peak in peaks),
        step_seconds=median_step(ours),
        profiled_seconds=float(np.median([sum(event.seconds for event in events) for events in runs])),
        operations=rows,
        their_step_seconds=median_step(theirs),
        captured_step_seconds=median_step(CAPTURED) if captured else None,
        our_disturbance=disturbances[ours],
        their_disturbance=disturbances[theirs],
        captured_disturbance=disturbances.get(CAPTURED, []),
    )


def _named(replies: list[dict[str, Any]]) -> list[list[tuple[str, float]]]:
    """Names and seconds of the events of each step."""
    return [[(str(n), float(s)) for n, s in events] for reply in replies for events in reply["events"]]


def _add(rows: list[OperationRecord], calls: list[Event], name: str, seconds: Mapping[int, float]) -> None:
    """Add seconds, by the numbers of calls, to a field of the rows to which the calls belong."""
    by_key = {(row.name, row.phase, row.shapes): row for row in rows}
    for number, value in seconds.items():
        call = calls[number]
        row = by_key[call.name, call.phase, call.shapes]
        setattr(row, name, (getattr(row, name) or 0.0) + value)


def _quiet(replies: list[dict[str, Any]], disturbances: list[Disturbance]) -> list[dict[str, Any]]:
    """The replies of the undisturbed turns; all replies if there is none."""
    quiet = [reply for reply, found in zip(replies, disturbances, strict=True) if not found.disturbed]
    return quiet or replies


def show(report: ProfileReport, path: Path, fig_dir: Path, console: Console) -> None:
    """Write the report, print the table, draw the roofline."""
    write_report(report, path)
    console.print(profile_table(report))
    costs = operation_costs(report)
    if any(c.flops for c in costs):
        figure = visuals.roofline(
            costs, report.peak_flops, report.peak_bandwidth, profile_detail(report), profile_warning(report)
        )
        visuals.save(figure, fig_dir, path.stem)
        console.print(f"figure {fig_dir / path.stem}.png", highlight=False)
    console.print(f"JSON   {path}", highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Exit status: 1 if a process failed, 2 for bad arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.speed.profile", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    cores = available_cores()
    parser.add_argument("--model", default="CNN", choices=list(IMAGE_SHAPES), help="default: CNN")
    parser.add_argument("--batch_size", "--batch-size", type=int, default=64, help="images (default: 64)")
    parser.add_argument("--optimizer", default="Adam", choices=list(OPTIMIZERS), help="default: Adam")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64"], help="default: float32")
    parser.add_argument(
        "--threads", type=int, default=cores, help=f"threads of each framework (default: {cores})"
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"turns of each framework (default: {ROUNDS})"
    )
    parser.add_argument(
        "--steps", type=int, default=STEPS, help=f"profiled steps per turn (default: {STEPS})"
    )
    parser.add_argument(
        "--log_dir", "--log-dir", type=Path, default=Path("logs"), help="folder of the JSON (default: logs)"
    )
    parser.add_argument(
        "--fig_dir", "--fig-dir", type=Path, default=Path("fig"), help="folder of figures (default: fig)"
    )
    args = parser.parse_args(arguments)
    if min(args.batch_size, args.rounds, args.steps) < 1 or not 1 <= args.threads <= available_cores():
        parser.error(f"expected positive numbers, and --threads of at most {available_cores()}")
    console = Console() if sys.stdout.isatty() else Console(width=118)
    try:
        report = compare_profiles(
            args.model, args.batch_size, args.optimizer, args.dtype, args.threads, args.rounds, args.steps
        )
        path = args.log_dir / f"profile_{args.model}_{args.optimizer}_batch{args.batch_size}.json"
        show(report, path, args.fig_dir, console)
    except (MeasurementError, WorkerError, LogError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
