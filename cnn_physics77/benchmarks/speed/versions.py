"""Versions and engines of this package against each other: time of a step, and peak of memory.

Run, with the folders of checkouts of other versions::

    git worktree add ../old v1.0
    python -m cnn_physics77.benchmarks.speed.versions ../old .            # the eager engines
    python -m cnn_physics77.benchmarks.speed.versions . .@threads .@auto  # eager against captured
    python -m cnn_physics77.benchmarks.speed.versions ../old . --works chain PINN CNN:64:Adam

Each contender, ``FOLDER`` or ``FOLDER@LANES`` (of a captured step), runs in a process of its own. They take
turns (A B B A ...). Processes of one version differ by some percent among themselves, by where their arrays
lie; so `--processes` of each are started, one pair after the other. The ratio is the median over all pairs of
blocks against the first contender, with its 95 % bootstrap interval; blocks that other programs disturbed are
repeated, and said. Peaks of memory are above what a process holds before the network is built.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ...analysis.statistics import bootstrap_ratio
from ..instruments.disturbance import undisturbed
from ..instruments.measure import SETTLE_SECONDS, interleaved, thread_environment
from ..instruments.processors import available_cores

WORKS = (
    "CNN:64:Adam", "CNN:1:Adam", "LeNet5:64:Adam", "VGG:64:Adam", "ResNet20:128:Adam", "ResNet20:128:SGD",
    "MLP:128:Adam", "chain", "PINN",
)  # fmt: skip
"""Networks as ``name:batch:optimizer``, and the two small graphs of the speed suite."""

LANES = ("eager", "1", "threads", "processes", "auto")
SETTLE_CALLS = 6
"""Untimed calls: a step is captured, and its lanes chosen, at the third."""


class VersionError(RuntimeError):
    """A contender is not what was expected, or its process ended."""


class Contender:
    """A version and an engine that do a work in a process of their own."""

    def __init__(self, name: str, work: str, threads: int, allocator: str) -> None:
        folder, _, engine = name.partition("@")
        self.name = name
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                Path(__file__).with_name("version_child.py"),
                work,
                engine or "eager",
                str(threads),
                allocator,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | thread_environment(threads) | {"PYTHONPATH": str(Path(folder).resolve())},
            encoding="utf-8",
        )

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, request: int | str) -> float:
        """Send a number of calls, or ``memory``; return the seconds of one call, or the bytes."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(f"{request}\n")
            self._process.stdin.flush()
        except OSError:
            pass  # reading finds out
        line = self._process.stdout.readline()
        if not line:
            raise VersionError(f"{self.name}: the process ended with status {self._process.wait()}")
        return float(line)


def _block(contender: Contender, calls: int, attempt: int) -> float:
    return contender.ask(calls)


def times_of(names: Sequence[str], work: str, args: argparse.Namespace) -> tuple[list[list[float]], int]:
    """Seconds of a step in each timed block, for each contender, and how many blocks stayed disturbed."""
    times: list[list[float]] = [[] for _ in names]
    disturbed = 0
    for _ in range(args.processes):
        with ExitStack() as stack:
            contenders = [
                stack.enter_context(Contender(n, work, args.threads, args.allocator)) for n in names
            ]
            calls = []
            for contender in contenders:
                contender.ask(SETTLE_CALLS)
                calls.append(max(1, round(args.seconds / contender.ask(2))))
                contender.ask(calls[-1])
            for _, number in interleaved(range(len(names)), args.rounds):
                seconds, disturbance = undisturbed(
                    partial(_block, contenders[number], calls[number]), SETTLE_SECONDS
                )
                times[number].append(float("nan") if disturbance.disturbed else seconds)
                disturbed += disturbance.disturbed
    return times, disturbed


def cell_of(times: Sequence[float], first: Sequence[float] | None) -> str:
    """Milliseconds, and the ratio to the first contender's times; disturbed blocks are nan and do not count.

    >>> cell_of([0.002, 0.002], [0.004, 0.004])
    '2  0.50 [0.50, 0.50]'
    """
    seconds = np.asarray(times)
    shown = f"{1e3 * np.median(seconds[~np.isnan(seconds)]):.3g}" if np.isfinite(seconds).any() else "no time"
    if first is None:
        return shown
    if not np.isfinite(seconds / first).any():
        return f"{shown}  no ratio"
    ratio = bootstrap_ratio(seconds, first)
    return f"{shown}  {ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"


def memory_of(name: str, work: str, args: argparse.Namespace) -> float:
    """Peak of memory of 12 steps, in bytes."""
    with Contender(name, work, args.threads, args.allocator) as contender:
        return contender.ask("memory")


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.speed.versions", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("contenders", nargs="+", metavar="FOLDER[@LANES]", help=f"lanes: {', '.join(LANES)}")
    parser.add_argument(
        "--works",
        nargs="+",
        default=WORKS,
        metavar="WORK",
        help=f"of {', '.join(WORKS)}, or other batch sizes",
    )
    parser.add_argument("--rounds", type=int, default=6, help="timed blocks of a process (default: 6)")
    parser.add_argument("--processes", type=int, default=3, help="processes of each contender (default: 3)")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a block (default: 0.3)")
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument(
        "--allocator", choices=("keep", "default"), default="keep",
        help="keep: performance.apply() (default); default: as a script without it",
    )  # fmt: skip
    parser.add_argument("--no-memory", action="store_true", help="measure time alone; peaks need Linux")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Exit status: 1 if a process failed, 2 for bad arguments."""
    parser = build_parser()
    args = parser.parse_args(arguments)
    for name in args.contenders:
        folder, _, lanes = name.partition("@")
        if not (Path(folder) / "cnn_physics77").is_dir():
            parser.error(f"{name}: no package cnn_physics77 in {folder}")
        if lanes and lanes not in LANES:
            parser.error(f"{name}: expected one of {', '.join(LANES)} after @")
    table = Table("work", *args.contenders, title="ms a step, time over the first [95 % interval], MB")
    console = Console(width=max(100, 30 + 40 * len(args.contenders)))
    try:
        for work in args.works:
            times, disturbed = times_of(args.contenders, work, args)
            cells = [cell_of(times[number], times[0] if number else None) for number in range(len(times))]
            if not args.no_memory:
                peaks = [memory_of(name, work, args) for name in args.contenders]
                cells = [f"{cell}  {peak / 1e6:.1f}" for cell, peak in zip(cells, peaks, strict=True)]
            table.add_row(work + (f" ({disturbed} blocks DISTURBED)" if disturbed else ""), *cells)
            console.print(work, *cells, sep=" | ", highlight=False)
    except VersionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
