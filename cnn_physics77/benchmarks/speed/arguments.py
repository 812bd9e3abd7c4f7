"""The speed suite: our time over PyTorch's, case by case.

Run by hand::

    python -m cnn_physics77.benchmarks.speed                   # the suite
    python -m cnn_physics77.benchmarks.speed --cases targets   # the cases with a target
    python -m cnn_physics77.benchmarks.speed --cases columns   # these with one thread, in float64, ...
    python -m cnn_physics77.benchmarks.speed --cases captured  # these as captured steps (torch.compile)
    python -m cnn_physics77.benchmarks.speed --cases compilers # these against PyTorch's compiler and JAX
    python -m cnn_physics77.benchmarks.speed --cases "convolution/5x5*" --rounds 20

Each framework runs in its own process. Both get the same values, warm up, and take turns block by block
(A B B A ...). Before the first timed block, the values that both compute are compared, in float64 (to 1e-9)
and then in the case's own dtype; where they differ by more than the tolerance, nothing is timed and the
command fails. Where another compiler cannot run here (JAX is not installed; there is no C++ compiler for
PyTorch's), one line says so, and the suite goes on. A block that other programs disturbed is repeated, and
left out of the ratio if it stays disturbed. The ratio is the median over pairs of blocks, with its bootstrap
interval. Peak memory is measured in further processes, one for each framework and case.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..instruments.processors import available_cores

if TYPE_CHECKING:
    from .work import Case

CHOICES: dict[str, Callable[[Case], bool]] = {
    "suite": lambda case: not case.column,
    "targets": lambda case: case.target is not None,
    "columns": lambda case: bool(case.column) and not case.against_compiler,
    "captured": lambda case: case.captured == "auto" and not case.against_compiler,
    "compilers": lambda case: case.against_compiler,
    "quick": lambda case: case.quick,
    "all": lambda case: True,
}
"""Choices by name: the suite without the columns, the cases with a target, their columns, of these the
captured steps; captured steps against other compilers, which take minutes to compile; a few of each kind;
everything."""


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.speed", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--cases", metavar="PATTERN",
        help=f"{', '.join(CHOICES)}, or patterns of family/name separated by | "
        "(default: suite, with --quick: quick)",
    )  # fmt: skip
    cores = available_cores()
    parser.add_argument(
        "--threads", type=int, default=cores, help=f"threads of each framework (default: {cores})"
    )
    parser.add_argument(
        "--rounds", type=int, help="timed blocks of each framework (default: 6, for targets 12)"
    )
    parser.add_argument("--quick", action="store_true", help="a few cases, six rounds, no memory measurement")
    parser.add_argument("--output", metavar="FILE", help="JSON file (default: logs/speed_<time>.json)")
    parser.add_argument("--list", action="store_true", help="print the names of the cases and exit")
    return parser
