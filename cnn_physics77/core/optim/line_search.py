"""A line search for the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 3.5 and 3.6).

A step t along the direction d is accepted if the loss f falls enough, and its derivative along d as well::

    f(x + t d) <= f(x) + c1 t f'(x; d)          |f'(x + t d; d)| <= c2 |f'(x; d)|

First an interval that contains such steps is found, by longer and longer steps; then it is made smaller. New
steps are minima of the cubic through values and derivatives at two points (equation 3.59), kept away from the
ends of the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent


class Point(NamedTuple):
    """The point x + t d of the line: loss and gradient there, and the slope, the derivative along d."""

    t: float
    loss: float
    gradient: np.ndarray
    slope: float


@silent
def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    size: float,
    trials: int,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance: float = 1e-9,
) -> Point:
    """A point that meets the strong Wolfe conditions, or the best one that was found.

    Args:
        evaluate: gives the point of a step t.
        start: the point of the step 0, where the slope is negative.
        t: the first step to try.
        size: the largest element of \\|d|.
        trials: after the first step, so many more are tried.
        c1, c2: the constants of the conditions.
        tolerance: an interval in which x changes by less than this is not made smaller.

    >>> def square(t):  # (1 - t)^2
    ...     return Point(t, (1 - t) ** 2, np.array([2 * t - 2]), 2 * t - 2)
    >>> strong_wolfe(square, square(0.0), 5.0, size=1.0, trials=25).t
    1.0
    """

    def too_high(point: Point) -> bool:
        return point.loss > start.loss + c1 * point.t * start.slope

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    previous, point = start, evaluate(t)
    for trial in range(trials):
        if too_high(point) or (trial > 1 and point.loss >= previous.loss):
            break
        if is_flat(point):
            return point
        if point.slope >= 0:
            break
        t = minimum_of_cubic(previous, point, point.t + 0.01 * (point.t - previous.t), 10 * point.t)
        previous, point = point, evaluate(t)
    else:
        return start if start.loss <= point.loss else point
    return _zoom(evaluate, [previous, point], size, trials - trial, too_high, is_flat, tolerance)


def _zoom(
    evaluate: Callable[[float], Point],
    ends: list[Point],
    size: float,
    trials: int,
    too_high: Callable[[Point], bool],
    is_flat: Callable[[Point], bool],
    tolerance: float,
) -> Point:
    """Make the interval between two points smaller until a point meets the conditions."""
    low = _lower(ends)
    at_end = False  # whether the last step was close to an end of the interval
    for _ in range(trials):
        left, right = sorted(end.t for end in ends)
        if (right - left) * size < tolerance:
            break
        t = minimum_of_cubic(ends[0], ends[1], left, right)
        margin = 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (at_end or not left < t < right):
            t = right - margin if right - t < t - left else left + margin
            close = False
        at_end = close
        point = evaluate(t)
        if too_high(point) or point.loss >= ends[low].loss:
            ends[1 - low] = point
            low = _lower(ends)
        else:
            if is_flat(point):
                return point
            if point.slope * (ends[1 - low].t - ends[low].t) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = point
    return ends[low]


def _lower(ends: list[Point]) -> int:
    return 0 if ends[0].loss <= ends[1].loss else 1


def minimum_of_cubic(a: Point, b: Point, least: float, most: float) -> float:
    """The t of the minimum of the cubic through losses and slopes of two points, between least and most.

    If the cubic has no minimum it is the middle of the two.

    >>> a, b = (Point(t, (t - 1) ** 2, np.zeros(0), 2 * (t - 1)) for t in (0.0, 5.0))
    >>> minimum_of_cubic(a, b, 0.0, 0.5), minimum_of_cubic(a, b, 0.0, 5.0)
    (0.5, 1.0)
    """
    if a.t > b.t:
        a, b = b, a
    slope = a.slope + b.slope - 3 * np.float64(a.loss - b.loss) / (a.t - b.t)
    square = slope * slope - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    root = np.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + root - slope) / (b.slope - a.slope + 2 * root))
    return float(min(max(t, least), most))
