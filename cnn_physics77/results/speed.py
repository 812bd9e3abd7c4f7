"""The schemas of the two files about speed: a run of the speed suite, and the profile of a training step.

Times are in seconds, sizes in bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator

from .records import OURS, REFERENCE, Disturbance, Environment, MemoryRecord, Real, Seconds, strict

SPEED_SCHEMA, PROFILE_SCHEMA = "cnn_physics77.speed", "cnn_physics77.profile"
VERSION = 1

REFERENCES = {REFERENCE: "PyTorch", "pytorch_compiled": "PyTorch's compiler", "jax": "JAX"}
"""What ours is compared with in the speed suite, and how it is called on the screen and in plots."""


@dataclass
class CaseRecord:
    """One piece of work, done by both frameworks in turns. The i-th entries of the two lists of times are
    a pair."""

    family: str  # heading: "training step", "convolution", ...
    name: str  # unique in its family
    row: str  # name of the work without what its column changes
    column: str  # "" for the work itself; else what was changed: "one thread", "float64", ...
    dtype: str
    threads: int
    calls: int  # of the work in one timed block, equal for both
    warmup_calls: int  # before the first timed block, discarded, equal for both
    given_sha256: str  # of all arrays given to both frameworks, initial weights included
    difference: Real  # largest relative difference of the values that both computed from them in this run
    differs_most: str  # the value of which that is
    tolerance: float  # largest difference that passes; above it nothing is timed
    exact_difference: Real | None  # the same in float64, where the case is not; None where it was not tried
    exact_tolerance: float
    ours: list[Seconds]  # seconds of one call, the mean of each block
    theirs: list[Seconds]
    target: float | None = None  # our time over theirs, at most
    our_memory: MemoryRecord | None = None
    their_memory: MemoryRecord | None = None
    memory_target: float | None = None  # our peak above baseline over theirs, at most
    reference: str = REFERENCE  # a key of REFERENCES: whose times `theirs` are
    untimed_calls: int = 0  # at the start of each block, before its clock, equal for both
    freed_memory: dict[str, str] = field(default_factory=dict)  # by framework, as in `results.Environment`
    # of each block; empty in files from before it was recorded
    our_disturbance: list[Disturbance] = field(default_factory=list)
    their_disturbance: list[Disturbance] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Family and name: what the case is known by."""
        return f"{self.family}/{self.name}"

    @property
    def agreed(self) -> bool:
        """Whether both computed the same (a NaN is a difference)."""
        exact = self.exact_difference is None or self.exact_difference <= self.exact_tolerance
        return exact and self.difference <= self.tolerance

    def times(self, *, disturbed: bool = False) -> tuple[list[float], list[float]]:
        """Ours and theirs of the pairs that nobody disturbed, or of those of which a member was disturbed."""
        marks = [
            any(found.disturbed for found in pair)
            for pair in zip(self.our_disturbance, self.their_disturbance, strict=True)
        ] or [False] * len(self.ours)
        chosen = [
            pair
            for pair, mark in zip(zip(self.ours, self.theirs, strict=True), marks, strict=True)
            if mark == disturbed
        ]
        return [ours for ours, _ in chosen], [theirs for _, theirs in chosen]

    @property
    def disturbed_pairs(self) -> int:
        """Number of pairs that enter no summary because others disturbed a member."""
        return len(self.times(disturbed=True)[0])

    @property
    def memory_ratio(self) -> float | None:
        """Our peak memory above baseline over theirs; None where it was not measured."""
        if self.our_memory is None or self.their_memory is None:
            return None
        theirs = self.their_memory.above_baseline_bytes
        return self.our_memory.above_baseline_bytes / theirs if theirs > 0 else math.inf


@strict
@dataclass
class SpeedReport:
    """One run of the speed suite."""

    environments: dict[str, Environment]  # by framework, of the first process of each
    threads: int  # where a case does not say otherwise
    rounds: int  # timed blocks of each framework in a case
    block_seconds: float  # length that a block aims at
    settle_seconds: float  # pause before each block
    busy: float | None  # share of the processors that others used at the start; None: see the blocks
    cases: list[CaseRecord]
    not_run: dict[str, str] = field(default_factory=dict)  # keys of REFERENCES, or cases, and why they failed
    schema: str = SPEED_SCHEMA
    version: int = VERSION


@dataclass
class OperationRecord:
    """The calls of one operation on one shape in a training step; times are medians over the steps, summed
    over the calls."""

    name: str  # "convolution", ...
    phase: str  # "forward", "backward", "update"
    shapes: str  # of its inputs, "64x1x28x28 8x1x3x3"
    calls: int  # in one step
    seconds: float  # all of it
    blas_seconds: float  # in matrix products, as the calling thread sees them
    memory_seconds: float  # in the kernels, outside of matrix products: copies and elementwise passes
    flops: float  # of the plain algorithm
    bytes: float  # of the arrays read and written once each
    their_seconds: float | None = None  # PyTorch's time for the same calls; None where it has no counterpart
    captured_seconds: float | None = None  # of the same calls in the captured step, which may need none

    @property
    def python_seconds(self) -> float:
        """Outside of the kernels: recording, the layers, the backward pass."""
        return max(0.0, self.seconds - self.blas_seconds - self.memory_seconds)

    @property
    def bound(self) -> str:
        """Where most of the time goes: "BLAS", "memory" or "Python"."""
        shares = {"BLAS": self.blas_seconds, "memory": self.memory_seconds, "Python": self.python_seconds}
        return max(shares, key=lambda kind: shares[kind])


@strict
@dataclass
class ProfileReport:
    """One training step, taken apart."""

    environment: Environment | None  # of the process that ran our framework; None where it was not asked for
    model: str
    parameter_count: int
    batch: str  # shape of the images
    dtype: str
    optimizer: str
    threads: int
    steps: int  # profiled, after as many for warming up
    peak_flops: float  # measured rate of a large matrix product, FLOP/s
    peak_bandwidth: float  # measured rate of a large copy, bytes read and written, B/s
    step_seconds: float  # median of a step without instruments
    profiled_seconds: float  # median of a step with them
    operations: list[OperationRecord]
    their_step_seconds: float | None = None  # PyTorch's, without instruments
    captured_step_seconds: float | None = None  # of our step captured, without instruments
    # of each turn; empty in files from before it was recorded
    our_disturbance: list[Disturbance] = field(default_factory=list)
    their_disturbance: list[Disturbance] = field(default_factory=list)
    captured_disturbance: list[Disturbance] = field(default_factory=list)
    schema: str = PROFILE_SCHEMA
    version: int = VERSION

    @property
    def turns(self) -> dict[str, list[Disturbance]]:
        """The turns by whose they were."""
        return {
            "ours": self.our_disturbance,
            "the captured step": self.captured_disturbance,
            "PyTorch's": self.their_disturbance,
        }


def _check(report: SpeedReport) -> SpeedReport:
    """What the types of single fields do not say."""
    known = (OURS, *REFERENCES)
    for name in (*report.environments, *(case.reference for case in report.cases)):
        if name not in known:
            raise ValueError(f"expected frameworks among {', '.join(known)}, found {name!r}")
    seen = set()
    for case in report.cases:
        if case.key in seen:
            raise ValueError(f"case {case.key}: expected each case once, found it twice")
        seen.add(case.key)
        if len(case.ours) != len(case.theirs):
            raise ValueError(
                f"case {case.key}: expected times in pairs, found {len(case.ours)} and {len(case.theirs)}"
            )
        for disturbances in (case.our_disturbance, case.their_disturbance):
            if len(disturbances) not in (0, len(case.ours)):
                raise ValueError(
                    f"case {case.key}: expected a disturbance for each of {len(case.ours)} blocks, "
                    f"found {len(disturbances)}"
                )
        if bool(case.ours) != case.agreed:
            raise ValueError(
                f"case {case.key}: expected times exactly where the values agreed, found {len(case.ours)} "
                f"times, a difference of {case.difference:g} (tolerance {case.tolerance:g}) and "
                f"{case.exact_difference} in float64"
            )
    return report


SpeedSchema = Annotated[SpeedReport, AfterValidator(_check)]
"""A `SpeedReport` whose fields fit each other; what `files` reads and writes."""
