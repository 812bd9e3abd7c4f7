"""Which digit is taken for which."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from cnn_physics77.analysis.comparison import runs_by_label, shortfall
from cnn_physics77.analysis.style import new_figure, panel_columns, styled
from cnn_physics77.results import RunLog


def confusion_counts(labels: ArrayLike, predictions: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Number of images of class i (row) that were taken for class j (column), shape (classes, classes).

    Raises:
        ValueError: for unequal lengths or a class outside 0 ... classes - 1.

    >>> confusion_counts([0, 1, 1], [0, 1, 0], 2)
    array([[1, 0],
           [1, 1]])
    """
    true = np.asarray(labels, dtype=np.int64).ravel()
    taken = np.asarray(predictions, dtype=np.int64).ravel()
    if true.size != taken.size:
        raise ValueError(
            f"confusion_counts: expected a prediction for each label, found {taken.size} for {true.size}"
        )
    for name, values in (("labels", true), ("predictions", taken)):
        if values.size and not (values.min() >= 0 and values.max() < classes):
            raise ValueError(
                f"confusion_counts: expected {name} from 0 to {classes - 1}, "
                f"found {values.min()} to {values.max()}"
            )
    return np.bincount(true * classes + taken, minlength=classes * classes).reshape(classes, classes)


@styled
def confusion_matrices(logs: Sequence[RunLog]) -> Figure:
    """Counts of true class by predicted class after the last epoch, for each framework and optimizer.

    The colour is the share of the row (of the true class), on a scale that stretches small shares so that
    errors show beside the diagonal. Several seeds are added up.

    Raises:
        ValueError: for no logs, or logs without predictions.
    """
    runs = {
        label: [log for log in members if log.predictions]
        for label, members in runs_by_label(logs, "confusion_matrices").items()
    }
    runs = {label: members for label, members in runs.items() if members}
    if not runs:
        raise ValueError(
            f"confusion_matrices: expected logs with predictions, found none in {len(logs)} logs"
        )
    classes = logs[0].data.classes
    seeds = len({log.config.seed for members in runs.values() for log in members})
    note = "Numbers: test images. Colour: share of the true class (row), scale stretched at the low end."
    if seeds > 1:
        note += f" Sums over {seeds} seeds."
    columns = panel_columns(len(runs))
    lines = -(-len(runs) // columns)
    side = max(4.2, 0.44 * classes)
    figure = new_figure("Confusion matrix", logs, columns * side + 1.0, lines * side, note)
    panels = figure.subplots(lines, columns, squeeze=False, gridspec_kw={"hspace": 0.06})
    image = None
    for axes, (label, members) in zip(panels.flat, runs.items(), strict=False):
        counts = sum(
            (confusion_counts(log.labels, log.predictions, classes) for log in members),
            start=np.zeros((classes, classes), dtype=np.int64),
        )
        image = _matrix(axes, counts)
        total = int(counts.sum())
        wrong = total - int(np.trace(counts))
        reason = shortfall(members)
        axes.set_title(
            f"{label}: {100 * (total - wrong) / total:.2f} % right, {wrong:,} wrong"
            + (f"\n({reason})" if reason else "")
        )
    for axes in panels.flat[len(runs) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("True class")
    for axes in panels[-1]:
        axes.set_xlabel("Predicted class")
    assert image is not None
    bar = figure.colorbar(image, ax=list(panels.flat), shrink=0.85, label="Share of the true class (%)")
    bar.set_ticks([0, 0.1, 1, 5, 20, 50, 100], labels=["0", "0.1", "1", "5", "20", "50", "100"])
    bar.ax.minorticks_off()
    return figure


def _matrix(axes: Axes, counts: NDArray[np.int64]):
    classes = len(counts)
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    norm = PowerNorm(0.35, vmin=0, vmax=100)
    colours = matplotlib.colormaps["Blues"]
    image = axes.imshow(share, cmap=colours, norm=norm, interpolation="nearest")
    for i in range(classes):
        for j in range(classes):
            if counts[i, j]:
                red, green, blue, _ = colours(norm(share[i, j]))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
                axes.text(
                    j, i, f"{counts[i, j]}", ha="center", va="center", color="white" if dark else "black",
                    size=8 if counts.max() < 10_000 else 6.5, weight="bold" if i == j else "normal",
                )  # fmt: skip
    axes.set_xticks(range(classes))
    axes.set_yticks(range(classes))
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(False)
    axes.grid(True, which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
