"""Labels that keep clear of each other and of what is drawn."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

_GAPS = (2, 6, 10, 15, 21, 28, 37, 48, 62, 80)  # points between the kept-free circle and the text
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))  # right, left, above, ...


def place_labels(
    axes: Axes,
    places: Sequence[tuple[float, float]],
    texts: Sequence[str],
    *,
    size: float = 8,
    clear: float | Sequence[float] = 7,
) -> list[Text]:
    """Write each text near its point (data coordinates) clear of points, lines, whiskers, legends and other
    texts.

    Candidates lie on circles of growing radius round the point; the first free one is taken (the least
    covered one where none is free), and a label that had to go far gets a thin leader. `clear` is the radius
    in points that is kept free round every point, or one radius for each. Call it when everything else is
    drawn and the axes have their limits.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # settles the layout, and with it the places in pixels
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    pixels = figure.dpi / 72
    window = axes.get_window_extent(renderer)
    radii = [float(clear)] * len(places) if isinstance(clear, int | float) else list(clear)
    centres = [axes.transData.transform(place) for place in places]
    taken = [
        Bbox.from_extents(x, y, x, y).padded(r * pixels) for (x, y), r in zip(centres, radii, strict=True)
    ]
    taken += [text.get_window_extent(renderer) for text in axes.texts if text.get_text()]
    taken += [child.get_window_extent(renderer) for child in axes.get_children() if isinstance(child, Legend)]
    obstacles = np.array([box.extents for box in taken]).reshape(-1, 4)
    for vertices in _strokes(axes):
        obstacles = np.concatenate([obstacles, _along(vertices, 4 * pixels)])
    written: list[Text] = []
    for place, centre, text, radius in zip(places, centres, texts, radii, strict=True):
        label = axes.annotate(text, place, (0, 0), textcoords="offset points", size=size, color="#303030")
        label.set_in_layout(False)
        extent = np.array(label.get_window_extent(renderer).size)
        offset, side, box = _best_place(centre, extent, radius, pixels, obstacles, np.array(window.extents))
        label.set_position(offset)
        label.set_horizontalalignment(("right", "center", "left")[side[0] + 1])
        label.set_verticalalignment(("top", "center", "bottom")[side[1] + 1])
        obstacles = np.concatenate([obstacles, box[None]])
        if math.hypot(*offset) > radius + 11:
            leader = axes.annotate(
                "", place, offset, textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": "#909090", "linewidth": 0.6, "shrinkB": 0.7 * radius},
            )  # fmt: skip
            leader.set_in_layout(False)
        written.append(label)
    return written


def _best_place(
    centre: NDArray, extent: NDArray, radius: float, pixels: float, obstacles: NDArray, window: NDArray
) -> tuple[tuple[float, float], tuple[int, int], NDArray]:
    """The first free offset in points (or the least covered), the side it lies on, and its box in pixels."""
    best: tuple[tuple[float, float], tuple[int, int], NDArray] | None = None
    least = math.inf
    for gap in _GAPS:
        for side in _SIDES:
            direction = np.array(side) * (0.7 if 0 not in side else 1.0)
            offset = (radius + gap) * direction
            low = centre + offset * pixels + (np.array(side) - 1) * extent / 2
            box = np.concatenate([low, low + extent]) + 1.5 * pixels * np.array([-1, -1, 1, 1])
            area = (box[2] - box[0]) * (box[3] - box[1])
            hidden = _common_areas(box, obstacles).sum() + area - _common_areas(box, window[None]).sum()
            if hidden < least - 1e-6:
                best, least = ((float(offset[0]), float(offset[1])), side, box), hidden
        if least < 1e-6:
            break
    assert best is not None
    return best


def _strokes(axes: Axes) -> list[NDArray]:
    """The vertices, in pixels, of all lines that are more than markers, and of the whiskers of error bars."""
    strokes = [
        line.get_transform().transform(line.get_xydata())
        for line in axes.lines
        if line.get_linestyle() != "None"
    ]
    for bars in axes.collections:
        if isinstance(bars, LineCollection):
            strokes += [bars.get_transform().transform(segment) for segment in bars.get_segments()]
    return strokes


def _along(vertices: NDArray, step: float) -> NDArray:
    """Small boxes along a line, in pixels, shape (boxes, 4)."""
    points = []
    for start, end in itertools.pairwise(vertices):
        length = float(np.hypot(*(end - start)))
        if math.isfinite(length):
            shares = np.linspace(0, 1, min(int(length / step) + 2, 1000))[:, None]
            points.append(start + shares * (end - start))
    if not points:
        return np.empty((0, 4))
    places = np.concatenate(points)
    return np.concatenate([places - 1, places + 1], axis=1)


def _common_areas(box: NDArray, others: NDArray) -> NDArray:
    """Area that a box (x0, y0, x1, y1) shares with each of the others, shape (others,)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    return np.prod(np.maximum(high - low, 0), axis=1)
