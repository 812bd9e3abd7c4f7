"""Which runs belong together, which may be compared, and the figures of that comparison."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

from cnn_physics77.analysis.statistics import (
    ACCURACY_MARGIN,
    GRADIENT_NORM_MARGIN,
    LOSS_MARGIN,
    Equivalence,
    Ratio,
    bootstrap_ratio,
    paired_tost,
)
from cnn_physics77.results import FRAMEWORKS, OURS, REFERENCE, Disturbance, RunLog


def runs_by_label(
    logs: Sequence[RunLog], operation: str, *, one_network: bool = True
) -> dict[str, list[RunLog]]:
    """The runs of each label (framework and optimizer), by optimizer, then framework, then seed.

    Raises:
        ValueError: naming `operation`, for no logs at all, logs of several data sets, or (if `one_network`)
            a label whose runs differ in more than the seed, which no band over seeds may mix.

    >>> from cnn_physics77.results import example_log
    >>> list(runs_by_label([example_log("pytorch"), example_log("numpy77")], "demo"))
    ['Custom-Adam', 'Torch-Adam']
    """
    if not logs:
        raise ValueError(f"{operation}: expected at least one log, found none; run main.py first")
    titles = sorted({log.data.title for log in logs})
    if len(titles) > 1:
        raise ValueError(f"{operation}: expected logs of one data set, found {', '.join(titles)}")
    frameworks = list(FRAMEWORKS)
    ordered = sorted(
        logs, key=lambda log: (log.config.optimizer, frameworks.index(log.framework), log.config.seed)
    )
    found: dict[str, list[RunLog]] = {}
    for log in ordered:
        found.setdefault(log.label, []).append(log)
    for label, runs in found.items() if one_network else ():
        settings = {(log.parameter_count, *setting(log)) for log in runs}
        if len(settings) > 1:
            raise ValueError(
                f"{operation}: expected runs of {label} that differ in the seed alone, found {len(settings)} "
                "settings; pass the logs of one network and one configuration"
            )
    return found


def setting(log: RunLog) -> tuple[object, ...]:
    """The configuration up to the seed."""
    return dataclasses.astuple(dataclasses.replace(log.config, seed=0))


def shortfall(runs: Sequence[RunLog]) -> str:
    """Why runs of one label enter no comparison: "", "did not train", "interrupted", with a count if not all.

    >>> from cnn_physics77.results import example_log
    >>> shortfall([example_log(), example_log(accuracy_floor=1.1)])
    '1 of 2 did not train'
    """
    reasons = []
    for reason, count in (
        ("did not train", sum(log.status == "finished" and not log.trained for log in runs)),
        ("interrupted", sum(log.status != "finished" for log in runs)),
    ):
        if count:
            reasons.append(reason if count == len(runs) else f"{count} of {len(runs)} {reason}")
    return ", ".join(reasons)


UNKNOWN_DISTURBANCE = (
    "It is unknown whether other programs disturbed the times: this system does not count processor time."
)


def is_unknown(disturbances: Iterable[Disturbance | None]) -> bool:
    """Whether somebody looked for disturbances on a system that does not say."""
    return any(found is not None and found.others is None for found in disturbances)


def disturbance_warning(logs: Sequence[RunLog]) -> str:
    """A sentence where other programs disturbed timed epochs, "" where none did or nobody looked.

    >>> from cnn_physics77.results import example_log
    >>> disturbance_warning([example_log()])
    ''
    """
    disturbed = {log.label: 0 for log in logs}
    for log in logs:
        disturbed[log.label] += log.disturbed_epochs
    if not any(disturbed.values()):
        return ""
    found = [record.disturbance for log in logs for record in log.epochs if record.disturbed]
    most = max(disturbance.others or 0.0 for disturbance in found if disturbance is not None)
    counted = ", ".join(f"{label} {count}" for label, count in disturbed.items() if count)
    epochs = sum(len(log.epochs) for log in logs)
    return (
        f"DISTURBED: other programs kept up to {most:.2f} processors busy during "
        f"{sum(disturbed.values())} of {epochs} timed epochs, also when repeated ({counted}). Their times "
        "enter no median, ratio or frontier. Stop other programs, or pin this one to quiet processors "
        "(taskset), and run again."
    )


def pair_runs(logs: Sequence[RunLog], framework: str = OURS) -> list[tuple[RunLog, RunLog]]:
    """(run of `framework`, run of PyTorch) for every pair that may be compared, failed runs included."""
    references = {log.pair_key: log for log in logs if log.framework == REFERENCE}
    return [
        (log, references[log.pair_key])
        for log in logs
        if log.framework == framework and framework != REFERENCE and log.pair_key in references
    ]


def compared(logs: Sequence[RunLog]) -> list[str]:
    """The frameworks that may be compared with PyTorch, in the order of FRAMEWORKS.

    >>> from cnn_physics77.results import example_log
    >>> compared([example_log("numpy77_compiled"), example_log("pytorch"), example_log()])
    ['numpy77', 'numpy77_compiled']
    """
    return [framework for framework in FRAMEWORKS if pair_runs(logs, framework)]


def epoch_time_ratio(pairs: Sequence[tuple[RunLog, RunLog]]) -> Ratio | None:
    """Median over seeds and epochs of the ratio of epoch times, first member over second.

    Only pairs of which both members trained count (rule: what did not learn enters no comparison), and of
    these only epochs that no other program disturbed in either member; None if none is left.
    """
    times = [
        (ours.seconds, theirs.seconds)
        for first, second in _trained(pairs)
        for ours, theirs in zip(first.epochs, second.epochs, strict=True)
        if not (ours.disturbed or theirs.disturbed)
    ]
    return bootstrap_ratio(*zip(*times, strict=True)) if times else None


def all_disturbed(pairs: Sequence[tuple[RunLog, RunLog]]) -> bool:
    """Whether pairs that trained have no time ratio because other programs disturbed them all."""
    return bool(_trained(pairs)) and epoch_time_ratio(pairs) is None


def memory_ratio(pairs: Sequence[tuple[RunLog, RunLog]]) -> Ratio | None:
    """Median over seeds of the ratio of peaks above baseline; None where nothing was measured or trained."""
    peaks = [
        (first.memory.above_baseline_bytes, second.memory.above_baseline_bytes)
        for first, second in _trained(pairs)
        if first.memory is not None and second.memory is not None
    ]
    positive = [pair for pair in peaks if min(pair) > 0]
    return bootstrap_ratio(*zip(*positive, strict=True)) if positive else None


def _trained(pairs: Sequence[tuple[RunLog, RunLog]]) -> list[tuple[RunLog, RunLog]]:
    return [(first, second) for first, second in pairs if first.trained and second.trained]


def equivalences(logs: Sequence[RunLog], framework: str = OURS) -> dict[str, list[Equivalence]]:
    """Paired TOST over seeds of final accuracy, final loss and last mean gradient norm, for each setting.

    A setting is a configuration up to its seed; its name is the optimizer, with the network's size where
    that varies.
    """
    settings: dict[tuple[object, ...], list[tuple[RunLog, RunLog]]] = {}
    for pair in pair_runs(logs, framework):
        settings.setdefault((pair[0].group, *setting(pair[0])), []).append(pair)
    sizes = {log.parameter_count for log in logs}
    found: dict[str, list[Equivalence]] = {}
    for pairs in settings.values():
        first = pairs[0][0]
        name = first.config.optimizer
        if len(sizes) > 1:
            name += f", {first.parameter_count:,} parameters"
        tests = []
        for margin, quantity in (
            (ACCURACY_MARGIN, _accuracy_percent),
            (LOSS_MARGIN, _loss),
            (GRADIENT_NORM_MARGIN, _gradient_norm),
        ):
            ours, theirs = ([quantity(pair[side]) for pair in pairs] for side in (0, 1))
            tests.append(paired_tost(ours, theirs, margin))
        found[name] = found.get(name, []) + tests
    return found


def _accuracy_percent(log: RunLog) -> float:
    return 100 * log.final_accuracy if log.trained else math.nan


def _loss(log: RunLog) -> float:
    return log.final_loss if log.trained else math.nan


def _gradient_norm(log: RunLog) -> float:
    norm = log.epochs[-1].mean_gradient_norm if log.trained else None
    return math.nan if norm is None else norm
