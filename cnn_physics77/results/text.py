"""A log for the eye: all but its long lists."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from .records import RunLog


def _table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    rows = [header, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]


def _optional(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def to_text(log: RunLog) -> str:
    """The log without its long lists, for reading.

    >>> from cnn_physics77.results import example_log
    >>> print(to_text(example_log()))
    Custom-Adam on MNIST: finished
    ...
    """
    config, data, environment = log.config, log.data, log.environment
    lines = [f"{log.label} on {data.title}: {log.status}"]
    if data.fallback:
        lines.append(
            "NOTE: these data stand in for MNIST, which could not be had; the figures are not MNIST's."
        )
    if log.status == "finished" and not log.trained:
        lines.append(f"DID NOT TRAIN: final accuracy below the floor of {log.accuracy_floor:.0%}.")
    lines += ["", f"run     {log.run_id}", f"group   {log.group}"]
    lines += [f"config  {', '.join(f'{name} {value}' for name, value in dataclasses.asdict(config).items())}"]
    lines += [f"data    {data.train_size} training and {data.test_size} test images from {data.source}"]
    lines += ["", f"network {config.model}, {log.parameter_count} parameters"]
    lines += [f"  {parameter.name:<24}{tuple(parameter.shape)}" for parameter in log.architecture.parameters]
    lines += [
        "",
        "epochs (seconds of training alone; loss and accuracy on the test set; rest from the replay)",
    ]
    lines += _table(
        [
            "epoch",
            "seconds",
            "others",
            "attempts",
            "test loss",
            "accuracy %",
            "train loss",
            "gradient norm",
            "peak memory MB",
        ],
        (
            [
                str(record.epoch),
                f"{record.seconds:.3f}",
                "-" if record.disturbance is None else str(record.disturbance),
                "-" if record.disturbance is None else str(record.disturbance.attempts),
                f"{record.test_loss:.4f}",
                f"{100 * record.test_accuracy:.2f}",
                _optional(record.train_loss, ".4f"),
                _optional(record.mean_gradient_norm, ".4g"),
                "-" if record.peak_memory_bytes is None else f"{record.peak_memory_bytes / 1e6:.1f}",
            ]
            for record in log.epochs
        ),
    )
    lines += ["  others: processors that other programs kept busy meanwhile"]
    if log.disturbed_epochs:
        numbers = ", ".join(str(record.epoch) for record in log.epochs if record.disturbed)
        lines += [f"DISTURBED in every attempt: epochs {numbers}; their times enter no comparison."]
    if log.memory is not None:
        memory = log.memory
        lines += [
            "",
            f"memory  peak {memory.peak_bytes / 1e6:.1f} - baseline {memory.baseline_bytes / 1e6:.1f} = "
            f"{memory.above_baseline_bytes / 1e6:.1f} MB over {memory.steps} steps ({memory.ruler})",
        ]
        if memory.kept_bytes:
            kept = ", ".join(f"{name} {size / 1e6:.2f}" for name, size in memory.kept_bytes.items())
            lines += [f"  kept for the backward pass of one step, MB: {kept}"]
    if log.proof is not None:
        proof = log.proof
        lines += [
            "",
            f"proof   float64, {proof.steps} steps in both frameworks, largest relative differences: "
            f"loss {proof.loss:.1e}, gradient norm {proof.gradient_norm:.1e}, "
            f"parameters {proof.parameters:.1e} "
            f"(tolerance {proof.tolerance:.0e}: {'passed' if proof.passed else 'FAILED'})",
        ]
    lines += ["", f"weights before step 1   {log.initial_weights_sha256}"]
    lines += [f"weights at the end      {log.final_weights_sha256 or '-'}"]
    lines += [f"replay equal            {'-' if log.replay_equal is None else log.replay_equal}"]
    lines += [f"order of epoch {i:<3}      {value}" for i, value in enumerate(log.permutation_sha256, 1)]
    lines += ["", f"started {environment.started}, source {environment.commit or 'outside a checkout'}"]
    lines += [f"command {' '.join(environment.command_line)}"]
    lines += [f"machine {environment.cpu}, {environment.cores} cores, {environment.platform}"]
    caches = ", ".join(f"{name} {size}" for name, size in environment.caches.items())
    lines += [f"caches  {caches or 'unknown'}; memory {environment.memory_bytes / 1e9:.1f} GB"]
    versions = ", ".join(f"{name} {version}" for name, version in environment.packages.items())
    lines += [f"with    Python {environment.python}, {versions}"]
    lines += [f"threads {environment.framework_threads} (framework); denormals {environment.denormals}"]
    for pool in environment.thread_pools:
        name = f"{pool.get('internal_api', '?')} {pool.get('version') or ''}".strip()
        lines += [f"  pool  {name}: {pool.get('num_threads')} threads"]
    lines += [f"freed memory {environment.freed_memory}"]
    if environment.performance:
        lines += ["performance.status():", *(f"  {line}" for line in environment.performance)]
    return "\n".join(lines) + "\n"
