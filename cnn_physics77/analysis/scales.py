"""Axes for losses and accuracies, on which small differences near the end of training still show."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

_LEAST_DECADES = 0.08  # an axis spans at least 20 %, so that nothing trifling fills a panel


def accuracy_scale(axes: Axes, resolution: float) -> None:
    """A logarithmic axis of the error, labelled in accuracy: height -log10(100 - accuracy + resolution / 2).

    Half a test image is added so that no error at all has a place, too.

    Args:
        axes: with the accuracies, in per cent, already drawn.
        resolution: what one test image is worth, in points.
    """
    lowest, highest = axes.dataLim.intervaly
    most = 100 + resolution / 2

    def forward(accuracy: NDArray) -> NDArray:
        return -np.log10(np.maximum(most - np.asarray(accuracy, dtype=float), 1e-12))

    def inverse(height: NDArray) -> NDArray:
        return most - 10.0 ** -np.asarray(height, dtype=float)

    axes.set_yscale("function", functions=(forward, inverse))
    bottom, top = (float(height) for height in forward(np.array([lowest, highest])))
    margin = max(0.06 * (top - bottom), (_LEAST_DECADES - (top - bottom)) / 2)
    bottom, top = max(bottom - margin, -2.02), top + margin
    axes.set_ylim(*inverse(np.array([bottom, top])))
    factors = (1, 2, 5) if top - bottom > 0.9 else (1, 1.5, 2, 2.5, 3, 4, 5, 7)
    errors = [0.0] + [factor * 10.0**power for power in range(-4, 2) for factor in factors] + [100.0]
    ticks: list[float] = []
    last = math.inf
    for tick in (round(100 - error, 6) for error in errors):
        height = float(forward(np.array(tick)))
        if bottom <= height <= min(top, last - 0.07 * (top - bottom)):
            ticks.append(tick)
            last = height
    axes.yaxis.set_major_locator(FixedLocator(ticks) if len(ticks) >= 3 else MaxNLocator(5))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


def log_scale(axes: Axes) -> None:
    """Logarithmic y axis with plain numbers, never narrower than `_LEAST_DECADES`."""
    axes.set_yscale("log")
    bottom, top = (math.log10(limit) for limit in axes.get_ylim())
    widening = max(0.0, _LEAST_DECADES - (top - bottom)) / 2
    bottom, top = bottom - widening, top + widening
    axes.set_ylim(10**bottom, 10**top)
    log_ticks(axes.yaxis)
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:.6g}" if 1e-4 <= value < 1e5 else f"{value:.0e}")
    )


def log_ticks(axis: Axis) -> None:
    """Places for the labels of a logarithmic axis, at least three of them, however short it is."""
    low, high = (math.log10(limit) for limit in axis.get_view_interval())
    axis.set_minor_formatter(NullFormatter())
    if high - low > 2.2:
        axis.set_major_locator(LogLocator(10, numticks=9))
    elif high - low > 0.8:
        axis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=9))
    else:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_minor_locator(NullLocator())
