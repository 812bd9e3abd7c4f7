"""What happens during training: loss, accuracy and gradient norms, by epoch and by step."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from cnn_physics77.analysis.comparison import runs_by_label, shortfall
from cnn_physics77.analysis.scales import accuracy_scale, log_scale
from cnn_physics77.analysis.statistics import band, exponential_moving_average
from cnn_physics77.analysis.style import (
    BLACK,
    CYCLE,
    GREY,
    header_legend,
    look,
    new_figure,
    panel_columns,
    styled,
)
from cnn_physics77.results import EpochRecord, RunLog

_MOST_LINES = 8  # more layers than these become rows of a map instead of lines


@styled
def training_curves(logs: Sequence[RunLog]) -> Figure:
    """Training loss, test loss and test accuracy after each epoch, a line for each framework and optimizer.

    Several seeds make a line of medians inside a band of quartiles. Losses have a logarithmic axis, and so
    has the error 100 % - accuracy, so that 97 % and 98 % can be told apart beside a run that stays at 11 %.

    Raises:
        ValueError: for no logs.
    """
    runs = runs_by_label(logs, "training_curves")
    seeds = len({log.config.seed for log in logs})
    note = "Training loss is the mean over the steps of an epoch; test figures are taken after it."
    if seeds > 1:
        note += f" Lines are medians over {seeds} seeds, bands their quartiles."
    figure = new_figure("Loss and accuracy", logs, 11, 3.4, note, legend_rows=1)
    panels = figure.subplots(1, 3)
    quantities: tuple[tuple[str, str, Callable[[EpochRecord], float | None]], ...] = (
        ("Training loss", "Cross-entropy (nats)", lambda record: record.train_loss),
        ("Test loss", "Cross-entropy (nats)", lambda record: record.test_loss),
        ("Test accuracy", "Accuracy (%), log scale of the error", lambda record: 100 * record.test_accuracy),
    )
    for axes, (name, unit, quantity) in zip(panels, quantities, strict=True):
        drawn = False
        for label, members in runs.items():
            curves = [[_number(quantity(record)) for record in log.epochs] for log in members]
            drawn |= _epoch_curve(axes, members[0], label, [curve for curve in curves if curve])
        axes.set_title(name)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if not drawn:
            _say(axes, "not recorded, or not finite")
        elif name == "Test accuracy":
            accuracy_scale(axes, min(100 / max(log.data.test_size, 1) for log in logs))
        else:
            log_scale(axes)
    handles, labels = panels[0].get_legend_handles_labels()
    header_legend(figure, handles, [_named(label, runs[label]) for label in labels], len(labels))
    return figure


def _named(label: str, members: Sequence[RunLog]) -> str:
    reason = shortfall(members)
    return f"{label} ({reason})" if reason else label


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _epoch_curve(axes: Axes, log: RunLog, label: str, curves: list[list[float]]) -> bool:
    """One line (and band); returns whether anything finite was there to draw."""
    style = look(log.framework, log.config.optimizer)
    if not curves:
        curves = [[math.nan]]
    middle = band(curves)
    epochs = np.arange(1, middle.median.size + 1)
    axes.plot(
        epochs, middle.median, color=style.colour, linestyle=style.dash, linewidth=style.width,
        marker=style.marker, markerfacecolor=style.face, markersize=style.size,
        markeredgecolor=style.colour, label=label, zorder=style.layer,
    )  # fmt: skip
    if middle.curves > 1:
        axes.fill_between(epochs, middle.lower, middle.upper, color=style.colour, alpha=0.18, linewidth=0)
    return bool(np.isfinite(middle.median).any())


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, style="italic")
    axes.set_yticks([])


@styled
def gradient_norms(logs: Sequence[RunLog], decay: float | None = None) -> Figure:
    """2-norm of the whole gradient at each training step, one panel for each optimizer, logarithmic.

    Faint: every step. Strong: exponential moving average with bias correction; by default over a fortieth of
    the run, at least 2 and at most 50 steps. With several seeds the faint lines are left out, and the median
    of the smoothed lines lies in a band of their quartiles.

    Raises:
        ValueError: for no logs, or logs without steps.
    """
    return _per_step(
        logs, "gradient_norms", "Gradient norm per step", "2-norm of the gradient", decay,
        lambda log: log.steps.gradient_norm,
    )  # fmt: skip


@styled
def step_losses(logs: Sequence[RunLog], decay: float | None = None) -> Figure:
    """Loss of the batch at each training step, drawn as `gradient_norms` draws norms; raises as it does."""
    return _per_step(
        logs, "step_losses", "Loss per step", "Cross-entropy of the batch (nats)", decay,
        lambda log: log.steps.loss,
    )  # fmt: skip


def _per_step(
    logs: Sequence[RunLog],
    operation: str,
    title: str,
    quantity: str,
    decay: float | None,
    column: Callable[[RunLog], Sequence[float]],
) -> Figure:
    runs = runs_by_label(logs, operation)
    if not any(len(column(log)) for log in logs):
        raise ValueError(f"{operation}: expected logs with steps, found none in {len(logs)} logs")
    optimizers = list(dict.fromkeys(log.config.optimizer for members in runs.values() for log in members))
    seeds = len({log.config.seed for log in logs})
    decay = _decay(decay, max(len(column(log)) for log in logs))
    span = round(1 / (1 - decay))
    if seeds > 1:
        note = f"Exponential moving averages over about {span} steps: median and quartiles of {seeds} seeds."
    else:
        note = f"Faint: every step. Strong: exponential moving average over about {span} steps."
    if _epoch_ends(logs, max(len(column(log)) for log in logs)).size:
        note += " Vertical lines end an epoch."
    ends = {label: _end([column(log) for log in members]) for label, members in runs.items()}
    entries = len(runs) + sum(end is not None for end in ends.values())
    in_a_row = max(2 * len(optimizers), len(runs) if entries == len(runs) else 0)
    figure = new_figure(
        title, logs, max(7.5, 5.2 * len(optimizers)), 3.7, note,
        legend_rows=math.ceil(entries / in_a_row),
    )  # fmt: skip
    handles = []
    panels = figure.subplots(1, len(optimizers), sharey=True, squeeze=False)[0]
    for axes, optimizer in zip(panels, optimizers, strict=True):
        longest = 0
        for label, members in runs.items():
            members = [log for log in members if log.config.optimizer == optimizer and len(column(log))]
            if not members:
                continue
            style = look(members[0].framework, optimizer)
            columns = [_positive(column(log)) for log in members]
            longest = max(longest, *(values.size for values in columns))
            smooth = band([exponential_moving_average(values, decay) for values in columns])
            steps = np.arange(1, smooth.median.size + 1)
            if len(columns) == 1:
                axes.plot(steps, columns[0], color=style.colour, alpha=0.28, linewidth=0.5, zorder=2)
            else:
                axes.fill_between(
                    steps, smooth.lower, smooth.upper, color=style.colour, alpha=0.2, linewidth=0
                )
            handles += axes.plot(
                steps, smooth.median, color=style.colour, linestyle=style.dash,
                linewidth=0.8 * style.width, label=_named(label, members), zorder=style.layer,
            )  # fmt: skip
            end = ends[label]
            if end is not None:
                handles += axes.plot(
                    [end[0]], [0.02], marker="X", color=style.colour, markersize=9, markeredgecolor=BLACK,
                    linestyle="none", transform=axes.get_xaxis_transform(), zorder=6, clip_on=False,
                    label=f"{label}: {end[1]} from step {end[0]}",
                )  # fmt: skip
        _mark_epochs(axes, _epoch_ends(logs, longest))
        if len(optimizers) > 1:
            axes.set_title(optimizer)
        axes.set_xlim(1 - 0.01 * longest, 1.01 * longest + 1)
        axes.set_xlabel("Training step")
    panels[0].set_ylabel(quantity)
    if any(np.isfinite(_positive(column(log))).any() for log in logs):
        log_scale(panels[0])
    else:
        _say(panels[0], "no finite value above zero")
    header_legend(figure, handles, [str(handle.get_label()) for handle in handles], in_a_row)
    return figure


def _decay(decay: float | None, steps: int) -> float:
    return 1 - 1 / min(max(steps / 40, 2), 50) if decay is None else decay


def _positive(values: Sequence[float]) -> NDArray[np.float64]:
    """The values with NaN for what a logarithmic axis cannot show."""
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(array) & (array > 0), array, np.nan)


def _end(columns: Sequence[Sequence[float]]) -> tuple[int, str] | None:
    """The first step from which a curve never comes back to a logarithmic axis, and what it is from there."""
    ends = []
    for column in columns:
        shown = np.flatnonzero(np.isfinite(_positive(column)))
        end = int(shown[-1]) + 1 if shown.size else 0
        if end < len(column):
            ends.append((end + 1, "zero" if np.isfinite(column[end:]).all() else "not finite"))
    return min(ends, default=None)


def _epoch_ends(logs: Sequence[RunLog], steps: int) -> NDArray[np.float64]:
    """Where an epoch ends and another one begins; none where the runs differ in it, or there are too many."""
    lengths = {len(log.steps.loss) / len(log.epochs) for log in logs if log.epochs and log.steps.loss}
    if len(lengths) != 1:
        return np.empty(0)
    length = lengths.pop()
    ends = np.arange(length, steps, length) + 0.5
    return ends if ends.size <= 60 else np.empty(0)


def _mark_epochs(axes: Axes, ends: NDArray[np.float64]) -> None:
    for end in ends:
        axes.axvline(end, color="#BDBDBD", linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    if ends.size:
        axes.grid(False, axis="x")


@styled
def layer_gradient_norms(logs: Sequence[RunLog], decay: float | None = None) -> Figure:
    """2-norm of the gradient of each parameter at each step, smoothed, one panel for each run, logarithmic.

    Shows vanishing gradients (lower layers fall away) and exploding ones. Up to eight parameters are lines;
    more become a map of step by parameter. Only runs with diagnostics are drawn, the first seed of each
    label.

    Raises:
        ValueError: for no logs, or none recorded with diagnostics.
    """
    runs = runs_by_label(logs, "layer_gradient_norms")
    chosen = {
        label: next((log for log in members if log.steps.layer_gradient_norm), None)
        for label, members in runs.items()
    }
    shown = {label: log for label, log in chosen.items() if log is not None}
    if not shown:
        raise ValueError(
            "layer_gradient_norms: expected at least one log recorded with diagnostics, found none in "
            f"{len(logs)}; run main.py with --diagnostics"
        )
    names = list(dict.fromkeys(name for log in shown.values() for name in log.steps.layer_gradient_norm))
    decay = _decay(decay, max(len(log.steps.loss) for log in shown.values()))
    columns = panel_columns(len(shown))
    lines = len(shown) // columns + (len(shown) % columns > 0)
    tall = 3.3 if len(names) <= _MOST_LINES else max(3.0, 0.9 + 0.17 * len(names))
    note = (
        f"Exponential moving averages over about {round(1 / (1 - decay))} steps. "
        "Parameters in the order of the network, first layer first."
    )
    width = {1: 7.5, 2: 10.5, 3: 13.5}[columns]
    per_row = 4 * columns
    figure = new_figure(
        "Gradient norm of each parameter", list(shown.values()), width, tall * lines, note,
        legend_rows=math.ceil(len(names) / per_row) if len(names) <= _MOST_LINES else 0,
    )  # fmt: skip
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    draw = _layer_lines if len(names) <= _MOST_LINES else _layer_maps
    draw(figure, panels, shown, names, decay)
    for axes, label in zip(panels.flat, shown, strict=False):
        axes.set_title(_named(label, [shown[label]]))
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("Training step")
    return figure


def _layer_lines(
    figure: Figure, panels: NDArray, shown: dict[str, RunLog], names: list[str], decay: float
) -> None:
    for axes, log in zip(panels.flat, shown.values(), strict=False):
        for place, ((colour, dash, marker), name) in enumerate(zip(CYCLE, names, strict=False)):
            smooth = exponential_moving_average(_positive(log.steps.layer_gradient_norm.get(name, [])), decay)
            every = max(1, smooth.size // 6)
            axes.plot(
                np.arange(1, smooth.size + 1), smooth, color=colour, linestyle=dash, linewidth=1.7,
                label=name, marker=marker, markersize=5.5, markevery=(every * place // len(names), every),
            )  # fmt: skip
    for axes in panels[:, 0]:
        axes.set_ylabel("2-norm of the gradient")
    if np.isfinite(panels[0, 0].dataLim.intervaly).all():
        log_scale(panels[0, 0])
    handles, labels = panels[0, 0].get_legend_handles_labels()
    header_legend(figure, handles, labels, 4 * panels.shape[1])


def _layer_maps(
    figure: Figure, panels: NDArray, shown: dict[str, RunLog], names: list[str], decay: float
) -> None:
    tables = []
    for log in shown.values():
        norms = log.steps.layer_gradient_norm
        rows = [np.log10(exponential_moving_average(_positive(norms.get(name, [])), decay)) for name in names]
        table = np.full((len(names), max(row.size for row in rows)), np.nan)
        for line, row in zip(table, rows, strict=True):
            line[: row.size] = row
        tables.append(table)
    known = np.concatenate([table[np.isfinite(table)] for table in tables])
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    image = None
    for axes, table in zip(panels.flat, tables, strict=False):
        image = axes.imshow(
            table, aspect="auto", cmap="cividis", vmin=low, vmax=high, interpolation="nearest",
            extent=(0.5, table.shape[1] + 0.5, len(names) - 0.5, -0.5),
        )  # fmt: skip
        axes.set_facecolor("#B0B0B0")
        axes.grid(False)
        axes.set_yticks(range(len(names)), names, size=7)
    assert image is not None
    bar = figure.colorbar(image, ax=list(panels.flat), shrink=0.8, label="2-norm of the gradient")
    bar.ax.yaxis.set_major_locator(MaxNLocator(6, integer=high - low > 2.5))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{10.0**value:.2g}"))
