"""A small log with invented figures."""

from __future__ import annotations

import dataclasses
from typing import Any

from .records import (
    FRAMEWORKS,
    Architecture,
    Config,
    DataRecord,
    Environment,
    EpochRecord,
    MemoryRecord,
    ParameterShape,
    ProofRecord,
    RunLog,
    StepRecords,
)


def example_log(framework: str = "numpy77", **changes: Any) -> RunLog:
    """A small complete log with invented figures, for examples and tests of what reads logs.

    Args:
        framework: a key of FRAMEWORKS.
        changes: fields of `RunLog` to replace, as in `dataclasses.replace`.

    >>> example_log("pytorch", status="interrupted").label
    'Torch-Adam'
    """
    log = RunLog(
        run_id=f"example_{FRAMEWORKS[framework]}-Adam_seed67",
        group="example",
        status="finished",
        framework=framework,
        config=Config(
            mode="basic",
            model="CNN",
            channels=8,
            kernel_size=3,
            hidden=128,
            optimizer="Adam",
            lr=0.001,
            epochs=2,
            batch_size=64,
            seed=67,
            dtype="float32",
            threads=2,
            diagnostics=False,
            warmup_steps=20,
        ),
        data=DataRecord(
            name="mnist",
            title="MNIST",
            fallback=False,
            source="data/mnist",
            sha256={},
            train_size=192,
            test_size=4,
            image_shape=[1, 28, 28],
            classes=10,
        ),
        environment=Environment(
            started="2026-01-01T00:00:00+00:00",
            command_line=["main.py"],
            commit=None,
            python="3.11.7",
            platform="Linux",
            cpu="example",
            cores=2,
            caches={"L2": "1024K"},
            memory_bytes=8 * 10**9,
            packages={"numpy": "2.4.6"},
            thread_variables={"OMP_NUM_THREADS": "2"},
            thread_pools=[{"internal_api": "openblas", "version": "0.3.31", "num_threads": 2}],
            framework_threads=2,
            denormals="kept",
        ),
        parameter_count=90,
        architecture=Architecture(
            "CNN()", [ParameterShape("fc.weight", [10, 8]), ParameterShape("fc.bias", [10])]
        ),
        initial_weights_sha256="0" * 64,
        final_weights_sha256="1" * 64,
        permutation_sha256=["2" * 64, "3" * 64],
        accuracy_floor=0.5,
        epochs=[
            EpochRecord(1, 0, 3.5, 0.30, 0.75, 0.60, 1.5, 20_000_000),
            EpochRecord(2, 3, 3.6, 0.20, 1.00, 0.25, 0.9, 20_000_000),
        ],
        steps=StepRecords(
            seconds=[0.004] * 6,
            loss=[2.3, 1.4, 0.9, 0.4, 0.2, 0.15],
            gradient_norm=[1.0, 2.0, 1.5, 1.0, 0.9, 0.8],
        ),
        memory=MemoryRecord(300_000_000, 320_000_000, 100, "VmHWM", {"ReluBackward": 1_384_448}),
        proof=ProofRecord(50, 1e-9, 1e-15, 2e-15, 3e-12),
        replay_equal=True,
        labels=[7, 2, 1, 0],
        predictions=[7, 2, 1, 0],
    )
    return dataclasses.replace(log, **changes)
