"""The efficiency frontier: what accuracy costs in parameters and in training time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from cnn_physics77.analysis.comparison import disturbance_warning, runs_by_label, shortfall
from cnn_physics77.analysis.labels import place_labels
from cnn_physics77.analysis.scales import accuracy_scale, log_ticks
from cnn_physics77.analysis.statistics import Spread, pareto_front, spread
from cnn_physics77.analysis.style import BLACK, GREY, Look, header_legend, look, new_figure, styled
from cnn_physics77.results import RunLog

_LARGEST_BUBBLE = 34.0  # diameter in points; one of the key has room
_KEY_ROWS = 2  # rows of the header's strip that the key of the bubbles takes


@dataclass(frozen=True, slots=True)
class ModelPoint:
    """One size of network in one framework, over all its seeds that trained."""

    label: str  # framework and optimizer
    framework: str
    optimizer: str
    size: str  # channels x hidden, or the model's name where it is not the specification's
    parameters: int
    accuracy: Spread  # per cent
    seconds: Spread  # training time of all epochs, over the runs that nobody disturbed
    disturbed: bool = False  # whether others disturbed every run: then `seconds` is over all of them


def model_points(logs: Sequence[RunLog]) -> tuple[list[ModelPoint], list[str]]:
    """The points of the frontier, by label and parameters, and what was left out and why.

    >>> from cnn_physics77.results import example_log
    >>> points, left_out = model_points([example_log()])
    >>> points[0].size, points[0].parameters, points[0].seconds.median, left_out
    ('8x128', 90, 7.1, [])
    """
    points, left_out = [], []
    for label, members in runs_by_label(logs, "model_points", one_network=False).items():
        sizes: dict[tuple[int, str], list[RunLog]] = {}
        for log in members:
            config = log.config
            size = f"{config.channels}x{config.hidden}" if config.model == "CNN" else config.model
            sizes.setdefault((log.parameter_count, size), []).append(log)
        for (parameters, size), runs in sorted(sizes.items()):
            trained = [log for log in runs if log.trained]
            if not trained:
                left_out.append(f"{label} {size} ({shortfall(runs)})")
                continue
            quiet = [log for log in trained if not log.disturbed_epochs]
            points.append(
                ModelPoint(
                    label, trained[0].framework, trained[0].config.optimizer, size, parameters,
                    spread([100 * log.final_accuracy for log in trained]),
                    spread([sum(record.seconds for record in log.epochs) for log in quiet or trained]),
                    disturbed=not quiet,
                )
            )  # fmt: skip
    return points, left_out


def non_dominated(points: Sequence[ModelPoint]) -> set[int]:
    """Indices of the points that no other beats in parameters, time and accuracy together (medians).

    A point whose time others disturbed is none of them, and beats none.
    """
    axes = [(point.parameters, _time(point), point.accuracy.median) for point in points]
    return set(pareto_front(axes, ("min", "min", "max")).tolist())


def _time(point: ModelPoint) -> float:
    """The time as it is compared: NaN where others disturbed it."""
    return math.nan if point.disturbed else point.seconds.median


@styled
def efficiency_frontier(logs: Sequence[RunLog]) -> Figure:
    """Test accuracy against parameters (bubbles: training time) and against training time.

    Left: the area of a bubble is the training time; a line joins, within each framework, the networks that
    no other of the same framework beats in parameters, time and accuracy together. Right: the staircase is
    the non-dominated set of all networks of all frameworks in time and accuracy. Networks on a set have
    filled marks, the others open ones. Several seeds give medians with quartile bars.

    Raises:
        ValueError: for no logs, or none that trained.
    """
    runs_by_label(logs, "efficiency_frontier", one_network=False)
    points, left_out = model_points(logs)
    if not points:
        raise ValueError(
            f"efficiency_frontier: expected at least one run that trained, found none in {len(logs)} logs"
        )
    seeds = len({log.config.seed for log in logs})
    note = (
        "Names: channels x hidden units. Filled marks are not dominated, open ones are. Left: within the "
        "same framework, in parameters, time and accuracy together. Right: among all, in time and accuracy."
    )
    if seeds > 1:
        note += f" Medians of {seeds} seeds with quartiles."
    if any(point.disturbed for point in points):
        note += " Crosses: other programs disturbed the time, which is on no set."
    if left_out:
        note += f" Left out: {', '.join(left_out)}."
    labels = list(_groups(points))
    entries = len(labels) + 1
    columns = 4 if entries == 4 else 3
    rows = -(-entries // columns)
    figure = new_figure(
        "Efficiency frontier", logs, 12, 4.6, note, show_model=False, legend_rows=rows + _KEY_ROWS,
        warning=disturbance_warning(logs),
    )  # fmt: skip
    by_size, by_time = figure.subplots(1, 2, width_ratios=(1.15, 1))
    resolution = min(100 / max(log.data.test_size, 1) for log in logs)
    _draw_by_size(by_size, points, resolution)
    _draw_by_time(by_time, points, resolution)
    handles = [
        _handle(look(group[0].framework, group[0].optimizer), label)
        for label, group in _groups(points).items()
    ]
    handles.append(Line2D([], [], color=BLACK, linewidth=1.2))
    header_legend(figure, handles, [*labels, "not dominated by any (right)"], columns, rows + _KEY_ROWS)
    _bubble_key(figure, [point.seconds.median for point in points])
    return figure


def _groups(points: list[ModelPoint]) -> dict[str, list[ModelPoint]]:
    found: dict[str, list[ModelPoint]] = {}
    for point in points:
        found.setdefault(point.label, []).append(point)
    return found


def _draw_by_size(axes: Axes, points: list[ModelPoint], resolution: float) -> None:
    slowest = max(point.seconds.median for point in points)
    for label, members in _groups(points).items():
        style = look(members[0].framework, members[0].optimizer)
        front = non_dominated(members)
        line = [members[index] for index in sorted(front)]
        axes.plot(
            [point.parameters for point in line], [point.accuracy.median for point in line],
            color=style.colour, linestyle=style.dash, linewidth=0.8 * style.width, zorder=style.layer,
            gid=f"front {label}",
        )  # fmt: skip
        axes.scatter(
            [point.parameters for point in members], [point.accuracy.median for point in members],
            s=[_bubble_area(point.seconds.median, slowest) for point in members], facecolor=style.colour,
            alpha=0.13, linewidth=0, zorder=2, gid=f"bubbles {label}",
        )  # fmt: skip
        axes.scatter(
            [point.parameters for point in members], [point.accuracy.median for point in members],
            s=[_bubble_area(point.seconds.median, slowest) for point in members], facecolor="none",
            edgecolor=style.colour, linewidth=1.1, linestyle=style.dash, zorder=2.5,
        )  # fmt: skip
        for index, point in enumerate(members):
            _mark(axes, style, point.parameters, point, index in front)
    _logarithmic_x(axes, [point.parameters for point in points], padding=0.16)
    accuracy_scale(axes, resolution)
    _pad_vertically(axes, 0.14)
    axes.set_title("Accuracy by parameters; area of a bubble: training time")
    axes.set_xlabel("Parameters")
    axes.set_ylabel("Test accuracy (%), log scale of the error")
    named: dict[tuple[str, str], tuple[float, float, float]] = {}  # one name for both frameworks
    for point in points:
        key = (point.size, point.optimizer)
        radius = math.sqrt(_bubble_area(point.seconds.median, slowest)) / 2
        radius = max(radius, 6.0, named.get(key, (0.0, 0.0, 0.0))[2])
        named[key] = (point.parameters, point.accuracy.median, radius)
    place_labels(
        axes,
        [(x, y) for x, y, _ in named.values()],
        [size for size, _ in named],
        clear=[radius for _, _, radius in named.values()],
    )


def _draw_by_time(axes: Axes, points: list[ModelPoint], resolution: float) -> None:
    front = pareto_front([(_time(point), point.accuracy.median) for point in points], ("min", "max")).tolist()
    stairs = sorted((points[index].seconds.median, points[index].accuracy.median) for index in front)
    for members in _groups(points).values():
        style = look(members[0].framework, members[0].optimizer)
        for point in members:
            place = point.seconds.median
            if point.seconds.count > 1:
                axes.errorbar(
                    [place], [point.accuracy.median],
                    xerr=[[place - point.seconds.lower], [point.seconds.upper - place]],
                    color=style.colour, linewidth=1.2, capsize=2, zorder=style.layer,
                )  # fmt: skip
            _mark(axes, style, place, point, points.index(point) in front)
    _logarithmic_x(axes, [point.seconds.median for point in points], padding=0.12)
    corners = stairs[:1]
    for place, height in stairs[1:]:
        corners += [(place, corners[-1][1]), (place, height)]
    if corners:  # none where every time was disturbed
        corners.append((axes.get_xlim()[1], corners[-1][1]))
        axes.plot(*zip(*corners, strict=True), color=BLACK, linewidth=1.2, zorder=2, gid="front")
    accuracy_scale(axes, resolution)
    _pad_vertically(axes, 0.08)
    axes.set_title("Accuracy by training time")
    axes.set_xlabel("Training time, all epochs (s)")
    axes.set_ylabel("Test accuracy (%), log scale of the error")
    place_labels(
        axes, [(point.seconds.median, point.accuracy.median) for point in points],
        [point.size for point in points], size=7, clear=5,
    )  # fmt: skip


def _mark(axes: Axes, style: Look, place: float, point: ModelPoint, on_front: bool) -> None:
    if point.accuracy.count > 1:
        axes.errorbar(
            [place], [point.accuracy.median],
            yerr=[
                [point.accuracy.median - point.accuracy.lower], [point.accuracy.upper - point.accuracy.median]
            ],
            color=style.colour, linewidth=1.2, capsize=2, zorder=style.layer,
        )  # fmt: skip
    axes.plot(
        [place], [point.accuracy.median], marker="x" if point.disturbed else style.marker,
        markersize=0.85 * style.size,
        color=style.colour, markerfacecolor=style.colour if on_front else "white", linestyle="none",
        zorder=style.layer + 1,
        gid="disturbed" if point.disturbed else "non-dominated" if on_front else "dominated",
    )  # fmt: skip


def _handle(style: Look, label: str) -> Line2D:
    handle = Line2D([], [], color=style.colour, linewidth=0.8 * style.width, marker=style.marker, label=label)
    handle.set_linestyle(style.dash)
    handle.set_markersize(0.85 * style.size)
    return handle


def _bubble_area(seconds: float, slowest: float) -> float:
    """Area in points squared, proportional to the time."""
    return _LARGEST_BUBBLE**2 * seconds / slowest


def _bubble_key(figure: Figure, times: list[float]) -> None:
    """The bubbles of the slowest model, of the fastest, and of one between them, above the left panel, in the
    strip's last rows: outside of the panels, and not above the right one, which has no bubbles."""
    handles = []
    slowest, fastest = max(times), min(times)
    shown = {float(f"{time:.2g}") for time in (slowest, math.sqrt(slowest * fastest), fastest)}
    for seconds in sorted(shown, reverse=True):
        size = math.sqrt(_bubble_area(seconds, slowest))
        handles.append(
            Line2D(
                [], [], linestyle="none", marker="o", markersize=size, markerfacecolor="none",
                markeredgecolor=GREY, label=f"{seconds:g} s of training",
            )
        )  # fmt: skip
    engine = figure.get_layout_engine()
    assert engine is not None
    _, bottom, _, height = engine.get()["rect"]
    legend = figure.legend(
        handles=handles, loc="lower left", ncols=3, columnspacing=2.4, borderpad=0.0, borderaxespad=0.0,
        bbox_to_anchor=(0.12 / figure.get_figwidth(), bottom + height + 0.13 / figure.get_figheight()),
        handletextpad=0.9,
    )  # fmt: skip
    legend.set_in_layout(False)


def _logarithmic_x(axes: Axes, values: Sequence[float], padding: float) -> None:
    low, high = math.log10(min(values)), math.log10(max(values))
    margin = padding * max(high - low, 0.5)
    axes.set_xscale("log")
    axes.set_xlim(10 ** (low - margin), 10 ** (high + margin))
    log_ticks(axes.xaxis)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _with_unit(value)))


def _with_unit(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _pad_vertically(axes: Axes, share: float) -> None:
    """Room above and below for bubbles and labels, as a share of the axis."""
    transform = axes.yaxis.get_transform()
    bottom, top = transform.transform(np.array(axes.get_ylim()))
    margin = share * (top - bottom)
    axes.set_ylim(*transform.inverted().transform(np.array([max(bottom - margin, -2.02), top + margin])))
