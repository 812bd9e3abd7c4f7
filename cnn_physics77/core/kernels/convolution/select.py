"""Which algorithm runs a map of a convolution: the one of the least estimated cost among those that apply.

Winograd's algorithms have a larger rounding error than the others (their files have tables), so they estimate
their cost as infinite for all but float32, and have to save a fifth of the time of an exact algorithm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cnn_physics77.core.kernels.convolution.algorithm import Algorithm, Problem

WORTH = 0.8  # of the time of an exact algorithm: what a larger rounding error must bring


@dataclass(frozen=True, slots=True)
class Choice:
    """The algorithm for one map of one convolution."""

    problem: Problem
    algorithm: Algorithm
    reason: str

    def __str__(self) -> str:
        return f"{self.problem.map}: {self.algorithm.name}, {self.reason}"


def select(problem: Problem, algorithms: Sequence[Algorithm], wanted: str | None = None) -> Choice:
    """The algorithm that runs a problem, and the reason; ``wanted`` by name, where that one can do it."""
    able = [algorithm for algorithm in algorithms if algorithm.does(problem)]
    for algorithm in able:
        if algorithm.name == wanted:
            return Choice(problem, algorithm, "by override")
    times = {algorithm: algorithm.cost(problem) for algorithm in able}
    # The first of equals, as of those that all are estimated as infinite.
    ranked = sorted(able, key=lambda algorithm: times[algorithm] / (1 if algorithm.exact else WORTH))
    best, *others = ranked
    rival = next((a for a in others if a.exact and times[a] < float("inf")), None)
    if rival is None:
        return Choice(problem, best, "no other is as fast")
    shown = ", ".join(f"{a.name} {times[a]:.2g} ms" for a in (best, rival))
    return Choice(problem, best, f"least estimated time: {shown}")
