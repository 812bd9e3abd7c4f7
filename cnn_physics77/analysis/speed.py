"""Speed beyond one network: ratios over a suite of cases, and operations against the machine's ceilings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from cnn_physics77.analysis.labels import place_labels
from cnn_physics77.analysis.statistics import Ratio
from cnn_physics77.analysis.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    headed_figure,
    header_legend,
    styled,
)

_PADDED_DECADES = 0.06


@dataclass(frozen=True, slots=True)
class SpeedCase:
    """Our time over another's for one piece of work."""

    family: str  # heading of a block of rows: "training step", "convolution", ...
    name: str
    ratio: Ratio | None  # None where other programs disturbed every pair
    target: float | None = None  # the ratio that is aimed at, at most
    remark: str = ""  # beside the figures
    reference: str = "PyTorch"  # whose time ours is divided by


@styled
def speed_ratios(cases: Sequence[SpeedCase], detail: str = "", warning: str = "") -> Figure:
    """Ratio of our time to PyTorch's, or another's, in each case, with its interval, on a logarithmic axis
    with a line at 1.

    Args:
        cases: rows, grouped by family in the order of first appearance.
        detail: machine, precision, threads and the like, for the header, pieces separated by " · ".
        warning: something the reader must not miss.
    Raises:
        ValueError: for no cases, or a ratio that is not positive and finite.
    """
    if not cases:
        raise ValueError("speed_ratios: expected at least one case, found none")
    ratios = [case.ratio for case in cases if case.ratio is not None]
    wrong = [
        case.name
        for case in cases
        if case.ratio is not None and not (case.ratio.estimate > 0 and math.isfinite(case.ratio.estimate))
    ]
    if wrong:
        raise ValueError(f"speed_ratios: expected positive finite ratios, found another for {wrong[0]}")
    families = list(dict.fromkeys(case.family for case in cases))
    rows: list[tuple[float, SpeedCase]] = []
    headings: list[tuple[float, str]] = []
    place = 0.0
    for family in families:
        headings.append((place, family))
        place += 0.9
        for case in cases:
            if case.family == family:
                rows.append((place, case))
                place += 1
        place += 0.35
    others = " or ".join(dict.fromkeys(case.reference for case in cases))
    level = f"{100 * max((ratio.level for ratio in ratios), default=0.95):g} %"
    note = (
        f"Median of paired ratios with its {level} bootstrap interval. "
        f"Filled dot: faster than {others}; square: slower; open dot: the interval holds 1."
    )
    if any(case.target is not None for case in cases):
        note += " Triangles: the target, at most."
    figure = headed_figure(
        f"Time relative to {others}", detail, 9, max(1.6, 0.225 * place + 0.7), note, warning
    )
    axes = figure.subplots()
    bounds = [ratio.estimate for ratio in ratios] + [1.0]
    bounds += [value for ratio in ratios for value in (ratio.low, ratio.high) if math.isfinite(value)]
    bounds += [case.target for case in cases if case.target is not None]
    low, high = math.log10(min(bounds)), math.log10(max(bounds))
    margin = max(_PADDED_DECADES * (high - low), 0.03)
    limits = 10 ** (low - margin), 10 ** (high + margin)
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(place - 0.2, -0.7)
    axes.axvspan(limits[0], 1, color="#EDF4F9", zorder=0)
    axes.axvline(1, color=BLACK, linewidth=1.3, zorder=2, gid="parity")
    for height, case in rows:
        ratio = case.ratio
        remark = f"  {case.remark}" if case.remark else ""
        if ratio is None:
            axes.annotate(
                f"no ratio{remark}", (1, height), (6, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="center_baseline", size=8.5, annotation_clip=False,
                style="italic", gid="no ratio",
            )  # fmt: skip
            continue
        low_end, high_end = (ratio.low, ratio.high) if math.isfinite(ratio.low) else (ratio.estimate,) * 2
        colour, marker, face = GREY, "o", "white"
        if high_end < 1:
            colour, marker, face = BLUE, "o", BLUE
        elif low_end > 1:
            colour, marker, face = VERMILLION, "s", VERMILLION
        axes.plot([low_end, high_end], [height, height], color=colour, linewidth=2.2, zorder=3, alpha=0.75)
        axes.plot(
            [ratio.estimate], [height], marker=marker, markersize=5.5, color=colour, linestyle="none",
            markerfacecolor=face, markeredgewidth=1.5, zorder=4, gid="case",
        )  # fmt: skip
        if case.target is not None:
            axes.plot(
                [case.target], [height - 0.36], marker="v", markersize=4.5, color=GREY, linestyle="none",
                zorder=3, gid="target",
            )  # fmt: skip
        axes.annotate(
            f"{ratio.estimate:.2f}"
            + (f"  [{low_end:.2f}, {high_end:.2f}]" if low_end < high_end else "")
            + remark,
            (1, height), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center_baseline", size=8.5, annotation_clip=False,
        )  # fmt: skip
    axes.yaxis.set_major_locator(FixedLocator([height for height, _ in rows]))
    axes.set_yticklabels([case.name for _, case in rows])
    axes.tick_params(axis="y", length=0)
    for height, family in headings:
        axes.annotate(
            family, (0, height), (-4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            ha="right", va="center", size=9, weight="bold", annotation_clip=False, gid="family",
        )  # fmt: skip
    axes.grid(False, axis="y")
    subs = (1.0, 2.0, 5.0) if high - low > 0.9 else (1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
    axes.xaxis.set_major_locator(LogLocator(10, subs=subs, numticks=12))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel(f"Our time / that of {others}  (log scale; left of the line: ours is faster)")
    return figure


@dataclass(frozen=True, slots=True)
class OperationCost:
    """What one operation of a training step does, and how long it takes."""

    name: str
    kind: str  # what bounds it: "BLAS", "memory", "Python", ...
    flops: float  # floating-point operations in one step
    bytes: float  # read and written in one step
    seconds: float  # time in one step
    captured: float = 0.0  # time in one captured step; 0 where it is unknown, or the operation needs none

    @property
    def intensity(self) -> float:
        """Arithmetic intensity, FLOP per byte."""
        return self.flops / self.bytes

    @property
    def rate(self) -> float:
        """FLOP per second."""
        return self.flops / self.seconds


_KINDS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (VERMILLION, "D"), (PURPLE, "v"), (SKY, "P"))


@styled
def roofline(
    operations: Sequence[OperationCost],
    peak_flops: float,
    peak_bandwidth: float,
    detail: str = "",
    warning: str = "",
) -> Figure:
    """FLOP rate against arithmetic intensity, one mark for each operation, under the machine's two ceilings.
    A line leads from it to a small dot, its rate in the captured step.

    An operation of intensity I can reach at most min(peak_flops, I * peak_bandwidth). The area of a mark is
    the operation's share of the step's time. What does no arithmetic (copies, transpositions) has no place
    here and is named in the note.

    Args:
        operations: costs in one training step.
        peak_flops: measured rate of a large matrix product, FLOP/s.
        peak_bandwidth: measured rate of a large copy, bytes read and written, B/s.
        detail: machine, network, batch and the like, for the header, pieces separated by " · ".
        warning: something the reader must not miss.
    Raises:
        ValueError: for no operation that does arithmetic, or a time, size or ceiling that is not positive.

    Source: S. Williams, A. Waterman, D. Patterson, Commun. ACM 52 (4), 65 (2009).
    """
    if not (peak_flops > 0 and peak_bandwidth > 0):
        raise ValueError(
            f"roofline: expected ceilings above zero, found {peak_flops} FLOP/s and {peak_bandwidth} B/s"
        )
    for operation in operations:
        if not (operation.seconds > 0 and operation.bytes > 0):
            raise ValueError(
                f"roofline: expected time and bytes above zero, found {operation.seconds} s and "
                f"{operation.bytes} bytes for {operation.name}"
            )
    shown = [operation for operation in operations if operation.flops > 0]
    if not shown:
        raise ValueError(
            f"roofline: expected an operation with FLOPs, found none among {len(operations)} operations"
        )
    note = "Area of a mark: share of the step's time. Ceilings: measured on this machine."
    if any(operation.captured for operation in shown):
        note += " Black dots: the same in the captured step."
    above = [o.name for o in shown if o.rate > min(peak_flops, o.intensity * peak_bandwidth)]
    if above:
        note += (
            f" Above a ceiling: {', '.join(above)}; FLOPs and bytes are the plain algorithm's (Winograd "
            "takes fewer), and data in a cache move faster than the measured copy."
        )
    idle = [operation for operation in operations if operation.flops <= 0]
    total = sum(operation.seconds for operation in operations)
    if idle:
        share = sum(operation.seconds for operation in idle) / total
        names = ", ".join(operation.name for operation in idle)
        note += f" Without arithmetic, not shown ({share:.0%} of the time): {names}."
    figure = headed_figure("Roofline of one training step", detail, 9, 5.2, note, warning, legend_rows=1)
    axes = figure.subplots()
    ridge = peak_flops / peak_bandwidth
    intensities = [operation.intensity for operation in shown] + [ridge]
    low, high = min(intensities) / 2.5, max(intensities) * 3
    grid = np.geomspace(low, high, 200)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    captured = [(o.intensity, o.rate, o.flops / o.captured) for o in shown if o.captured]
    slowest = min(rate for o in shown for rate in (o.rate, *(found for *_, found in captured)))
    fastest = max([peak_flops, *(rate for *_, rate in captured)])
    axes.set_ylim(min(slowest, low * peak_bandwidth) / 2, fastest * 2.5)
    axes.plot(grid, np.minimum(peak_flops, grid * peak_bandwidth), color=BLACK, linewidth=1.8, gid="roof")
    axes.annotate(
        f"matrix product {_rate(peak_flops, 'FLOP/s')}", (high, peak_flops), (-4, 4),
        textcoords="offset points", ha="right", va="bottom", size=8.5,
    )  # fmt: skip
    kinds = list(dict.fromkeys(operation.kind for operation in shown))
    handles = []
    for (colour, marker), kind in zip(_KINDS * len(kinds), kinds, strict=False):
        members = [operation for operation in shown if operation.kind == kind]
        handles.append(
            Line2D(
                [], [], color=colour, marker=marker, markeredgecolor=BLACK, markersize=6.5, linestyle="none"
            )
        )
        axes.scatter(
            [operation.intensity for operation in members], [operation.rate for operation in members],
            s=[30 + 900 * operation.seconds / total for operation in members], marker=marker,
            facecolor=colour, edgecolor=BLACK, linewidth=0.8, alpha=0.85, label=kind, zorder=4,
        )  # fmt: skip
    for intensity, rate, rate_captured in captured:
        axes.plot([intensity] * 2, [rate, rate_captured], color=BLACK, linewidth=0.9, zorder=5)
        axes.plot(
            [intensity], [rate_captured], marker="o", markersize=3.5, color=BLACK, zorder=6, gid="captured"
        )
    axes.set_xlabel("Arithmetic intensity (FLOP per byte read or written)")
    axes.set_ylabel("Rate (FLOP/s)")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _rate(value, "")))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    header_legend(figure, handles, [f"bound by {kind}" for kind in kinds], len(kinds))
    figure.draw_without_rendering()  # settles the slope of the ceiling on the page
    start = max(low * 1.25, axes.get_ylim()[0] / peak_bandwidth)
    (x0, y0), (x1, y1) = axes.transData.transform([(x, x * peak_bandwidth) for x in (start, 2 * start)])
    axes.annotate(
        f"copy {_rate(peak_bandwidth, 'B/s')}", (start, start * peak_bandwidth), (0, 4),
        textcoords="offset points", ha="left", va="bottom", size=8.5, rotation_mode="anchor",
        rotation=math.degrees(math.atan2(y1 - y0, x1 - x0)),
    )  # fmt: skip
    place_labels(
        axes,
        [(operation.intensity, operation.rate) for operation in shown],
        [operation.name for operation in shown],
        clear=[math.sqrt(30 + 900 * operation.seconds / total) / 2 + 2 for operation in shown],
    )
    return figure


def _rate(value: float, unit: str) -> str:
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"
