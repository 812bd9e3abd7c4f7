"""How long training takes and how much memory it needs, as bars."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnn_physics77.analysis.comparison import (
    all_disturbed,
    compared,
    disturbance_warning,
    epoch_time_ratio,
    memory_ratio,
    pair_runs,
    runs_by_label,
    shortfall,
)
from cnn_physics77.analysis.statistics import Ratio, spread
from cnn_physics77.analysis.style import BLACK, GREY, look, new_figure, styled
from cnn_physics77.results import FRAMEWORKS, REFERENCE, RunLog

_MEGABYTE = 1e6


@styled
def speed_bars(logs: Sequence[RunLog]) -> Figure:
    """Training time by framework and optimizer: seconds for an epoch, milliseconds for a step.

    Bars are medians over epochs (steps) of all seeds, whiskers quartiles, dots the single epochs. Over each
    pair stands the ratio of our epoch time to PyTorch's with its 95 % bootstrap interval; pairs in which a
    run did not train have none.

    Raises:
        ValueError: for no logs, or logs without a finished epoch.
    """
    runs = runs_by_label(logs, "speed_bars")
    if not any(log.epochs for log in logs):
        raise ValueError(f"speed_bars: expected logs with epochs, found none in {len(logs)} logs")
    note = (
        "Bars: medians; whiskers: quartiles; dots: single epochs. Ratio: median over paired epochs, with its "
        "95 % bootstrap interval (the range of fewer than six); below 1 is faster than PyTorch. "
        "On the clock: gathering the batch, forward, backward, update."
    )
    if any(log.disturbed_epochs for log in logs):
        note += " Crosses: epochs that other programs disturbed, in no bar and no ratio."
    figure = new_figure("Training time", logs, _width(runs, 2), 3.8, note, warning=disturbance_warning(logs))
    epoch_axes, step_axes = figure.subplots(1, 2)
    _bars(
        epoch_axes, runs, lambda log: [record.seconds for record in log.epochs if not record.disturbed],
        dots=True, left_out=lambda log: [record.seconds for record in log.epochs if record.disturbed],
    )  # fmt: skip
    epoch_axes.set_title("One epoch")
    epoch_axes.set_ylabel("Seconds per epoch")
    _bars(
        step_axes, runs, lambda log: [1e3 * second for second in log.step_seconds()], dots=False,
        missing="disturbed" if any(log.disturbed_epochs for log in logs) else "not measured",
    )  # fmt: skip
    step_axes.set_title("One training step")
    step_axes.set_ylabel("Milliseconds per step")
    _ratios(epoch_axes, runs, logs, epoch_time_ratio)
    return figure


@styled
def memory_bars(logs: Sequence[RunLog]) -> Figure:
    """Peak resident memory above the process's own baseline; the baseline stands apart, on its own axis.

    Bars are medians over seeds, whiskers quartiles, dots single runs, in megabytes of 10^6 bytes.

    Raises:
        ValueError: for no logs, or logs in which no memory was measured.
    """
    runs = runs_by_label(logs, "memory_bars")
    measured = [log.memory for log in logs if log.memory is not None]
    if not measured:
        raise ValueError(f"memory_bars: expected logs with a memory record, found none in {len(logs)} logs")
    rulers = ", ".join(sorted({record.ruler for record in measured}))
    note = (
        f"Resident memory of a process of its own, apart from timing ({rulers}). The baseline is read after "
        "importing the framework and loading the data, before the network exists. MB = 10^6 bytes."
    )
    if any(log.lanes for log in logs):
        note += (
            " A captured step needs most in its first calls, which are captured and compared; the process of "
            "a second lane counts."
        )
    figure = new_figure("Peak memory", logs, _width(runs, 2), 3.8, note)
    above_axes, base_axes = figure.subplots(1, 2)
    _bars(
        above_axes, runs,
        lambda log: [log.memory.above_baseline_bytes / _MEGABYTE] if log.memory else [], dots=True,
    )  # fmt: skip
    above_axes.set_title("Above baseline: what training adds")
    above_axes.set_ylabel("Peak above baseline (MB)")
    _bars(
        base_axes, runs, lambda log: [log.memory.baseline_bytes / _MEGABYTE] if log.memory else [], dots=True,
        faint=True,
    )  # fmt: skip
    base_axes.set_title("Baseline: the framework and the data")
    base_axes.set_ylabel("Baseline (MB)")
    _ratios(above_axes, runs, logs, memory_ratio)
    return figure


def _width(runs: dict[str, list[RunLog]], panels: int) -> float:
    return max(8.5, panels * (1.0 + 1.15 * len(runs)))


def _positions(runs: dict[str, list[RunLog]]) -> list[float]:
    """Bars of one optimizer side by side, a gap before the next."""
    places, place, before = [], 0.0, None
    for members in runs.values():
        optimizer = members[0].config.optimizer
        place += 0.0 if before is None else (1.0 if optimizer == before else 1.6)
        places.append(place)
        before = optimizer
    return places


def _bars(
    axes: Axes,
    runs: dict[str, list[RunLog]],
    quantity: Callable[[RunLog], list[float]],
    *,
    dots: bool,
    faint: bool = False,
    left_out: Callable[[RunLog], list[float]] = lambda log: [],
    missing: str = "not measured",
) -> None:
    """A bar for each label; crosses for values that are `left_out` of it. Under a place without a bar stands
    why."""
    places, names = _positions(runs), []
    for place, (label, members) in zip(places, runs.items(), strict=True):
        style = look(members[0].framework, members[0].config.optimizer)
        values = np.array([value for log in members for value in quantity(log)], dtype=np.float64)
        outside = np.array([value for log in members for value in left_out(log)], dtype=np.float64)
        if outside.size:
            shift = 0.27 * np.linspace(-1, 1, outside.size + 2)[1:-1]
            axes.plot(
                place + shift, outside, linestyle="none", marker="X", color="white", markeredgecolor=BLACK,
                markersize=6.5, zorder=4, gid="disturbed",
            )  # fmt: skip
        reasons = [shortfall(members)]
        if values.size == 0:
            reasons.append("disturbed" if outside.size else missing)
        names.append(label + "".join(f"\n({reason})" for reason in reasons if reason))
        if values.size == 0:
            continue
        centre = spread(values)
        axes.bar(
            [place], [centre.median], width=0.78, facecolor="white" if faint else style.colour, alpha=1.0,
            edgecolor=style.colour if faint else BLACK, hatch=style.hatch, linewidth=0.9, label=label,
        )  # fmt: skip
        if values.size > 1:
            axes.errorbar(
                [place], [centre.median],
                yerr=[[centre.median - centre.lower], [centre.upper - centre.median]],
                color=BLACK, capsize=5, linewidth=1.6, zorder=5,
            )  # fmt: skip
        if dots and values.size > 1:
            shift = 0.27 * np.linspace(-1, 1, values.size)
            axes.plot(
                place + shift, values, linestyle="none", marker="o",
                color="white",
                markersize=3.4 if values.size < 16 else 2.2, markeredgecolor=BLACK, markeredgewidth=0.6,
                zorder=4,
            )  # fmt: skip
        axes.annotate(
            _short(centre.median), (place, max(centre.upper, values.max() if dots else 0)), (0, 4),
            textcoords="offset points", ha="center", va="bottom", size=8.5, gid="value",
        )  # fmt: skip
    axes.set_xticks(places, names)
    if not axes.has_data():
        axes.set_yticks([])  # those of an empty axis are nobody's
    axes.tick_params(axis="x", length=0)
    axes.grid(False, axis="x")
    axes.set_xlim(places[0] - 0.65, places[-1] + 0.65)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.1)


def _short(value: float) -> str:
    return f"{value:#.3g}" if 0 < value < 99.95 else f"{value:,.0f}"


def _ratios(
    axes: Axes,
    runs: dict[str, list[RunLog]],
    logs: Sequence[RunLog],
    ratio: Callable[[Sequence[tuple[RunLog, RunLog]]], Ratio | None],
) -> None:
    """A bracket over each pair of bars of one optimizer, with the ratio of ours to PyTorch's; the wider ones
    stand above the others."""
    frameworks = compared(logs)
    places = dict(zip(runs, _positions(runs), strict=True))
    top = axes.get_ylim()[1]
    axes.set_ylim(0, top * (1.04 + 0.12 * max(len(frameworks), 1)))
    brackets = [
        (row, framework, optimizer)
        for row, framework in enumerate(reversed(frameworks))
        for optimizer in dict.fromkeys(first.config.optimizer for first, _ in pair_runs(logs, framework))
    ]
    for row, framework, optimizer in brackets:
        ours, theirs = (places[f"{FRAMEWORKS[name]}-{optimizer}"] for name in (framework, REFERENCE))
        own = [pair for pair in pair_runs(logs, framework) if pair[0].config.optimizer == optimizer]
        found = ratio(own)
        if found is None:
            text = "not compared"
            if ratio is epoch_time_ratio and all_disturbed(own):
                text += ": disturbed"
        elif math.isfinite(found.low):
            text = f"ratio {found.estimate:.2f}  [{found.low:.2f}, {found.high:.2f}]"
        else:
            text = f"ratio {found.estimate:.2f}"
        height, tick = top * (1.04 + 0.12 * row), top * 0.02
        axes.plot(
            [ours, ours, theirs, theirs], [height - tick, height, height, height - tick], color=GREY,
            linewidth=1.0, clip_on=False,
        )  # fmt: skip
        axes.annotate(
            text, ((ours + theirs) / 2, height), (0, 3), textcoords="offset points", ha="center", va="bottom",
            size=9, weight="bold", gid="ratio",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
