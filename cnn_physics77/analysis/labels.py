"""Labels that keep clear of each other and of what is drawn."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

_GAPS = (2, 6, 10, 15, 21, 28, 37, 48, 62, 80)  # points between the kept-free circle and the text
_DIRECTIONS = (
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
)


def place_labels(
    axes: Axes,
    places: Sequence[tuple[float, float]],
    texts: Sequence[str],
    *,
    size: float = 8,
    clear: float | Sequence[float] = 7,
) -> list[Text]:
    """Write each text near its point (data coordinates) clear of points, lines, legends and other texts.

    Candidates lie on circles of growing radius round the point; the first free one is taken (the least
    covered one where none is free), and a label that had to go far gets a thin leader. `clear` is the radius
    in points that is kept free round every point, or one radius for each. Call it when everything else is
    drawn and the axes have their limits.
    """
    figure = axes.figure
    figure.draw_without_rendering()  # settles the layout, and with it the places in pixels
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    pixels = figure.dpi / 72
    window = axes.get_window_extent(renderer)
    radii = [float(clear)] * len(places) if isinstance(clear, int | float) else list(clear)
    taken = []
    for place, radius in zip(places, radii, strict=True):
        x, y = axes.transData.transform(place)
        taken.append(Bbox.from_extents(x, y, x, y).padded(radius * pixels))
    taken += [text.get_window_extent(renderer) for text in axes.texts if text.get_text()]
    taken += [child.get_window_extent(renderer) for child in axes.get_children() if isinstance(child, Legend)]
    for line in axes.lines:
        taken += _along(line, 4 * pixels)
    written = []
    for place, text, radius in zip(places, texts, radii, strict=True):
        label = axes.annotate(text, place, (0, 0), textcoords="offset points", size=size, color="#303030")
        label.set_in_layout(False)
        best = (math.inf, (0.0, 0.0), "left", "center")
        for gap in _GAPS:
            for dx, dy, horizontal, vertical in _DIRECTIONS:
                offset = ((radius + gap) * dx, (radius + gap) * dy)
                _move(label, offset, horizontal, vertical)
                box = label.get_window_extent(renderer).padded(1.5 * pixels)
                hidden = sum(_common_area(box, other) for other in taken)
                hidden += box.width * box.height - _common_area(box, window)
                if hidden < best[0] - 1e-6:
                    best = (hidden, offset, horizontal, vertical)
            if best[0] < 1e-6:
                break
        _, offset, horizontal, vertical = best
        _move(label, offset, horizontal, vertical)
        taken.append(label.get_window_extent(renderer).padded(1.5 * pixels))
        if math.hypot(*offset) > radius + 11:
            leader = axes.annotate(
                "", place, offset, textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": "#909090", "linewidth": 0.6, "shrinkB": 0.7 * radius},
            )  # fmt: skip
            leader.set_in_layout(False)
        written.append(label)
    return written


def _along(line: Line2D, step: float) -> list[Bbox]:
    """Small boxes along a drawn line, in pixels; none for a line that is only markers."""
    if line.get_linestyle() == "None":
        return []
    vertices = line.get_transform().transform(line.get_xydata())
    boxes = []
    for start, end in itertools.pairwise(vertices):
        length = float(np.hypot(*(end - start)))
        if math.isfinite(length):
            for share in np.linspace(0, 1, min(int(length / step) + 2, 1000)):
                x, y = start + share * (end - start)
                boxes.append(Bbox.from_extents(x - 1, y - 1, x + 1, y + 1))
    return boxes


def _move(label: Text, offset: tuple[float, float], horizontal: str, vertical: str) -> None:
    label.set_position(offset)
    label.set_horizontalalignment(horizontal)  # type: ignore[arg-type]
    label.set_verticalalignment(vertical)  # type: ignore[arg-type]


def _common_area(a: Bbox, b: Bbox) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return width * height if width > 0 and height > 0 else 0.0
