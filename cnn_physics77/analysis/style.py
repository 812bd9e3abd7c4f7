"""How every figure looks, and how it is saved.

Figures are made with the object API (no pyplot) inside an `rc_context`, so importing or calling this
package changes no setting of the caller's matplotlib. Colours are those of Okabe and Ito
(jfly.uni-koeln.de/color), told apart by the colour-blind; lightness, dashes, markers and hatches repeat
what the colour says, so that a grey print can be read as well.
"""

import functools
import io
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, ParamSpec

import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cnn_physics77.results import RunLog, write_atomically

P = ParamSpec("P")
Dash = Literal["-"] | tuple[float, tuple[float, ...]]

BLACK, GREY, LIGHT_GREY = "#000000", "#595959", "#D9D9D9"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

# For several lines in one panel: neighbours differ in lightness, and dashes repeat the difference.
CYCLE = tuple(
    zip(
        (BLUE, ORANGE, BLACK, SKY, VERMILLION, GREEN, PURPLE, GREY),
        (
            "-",
            (0, (5, 1.5)),
            (0, (1, 1.2)),
            (0, (9, 1.5)),
            (0, (5, 1.5, 1, 1.5)),
            (0, (1, 1.2)),
            "-",
            (0, (5, 1.5)),
        ),
        ("o", "s", "^", "D", "v", "P", "X", "*"),
        strict=True,
    )
)

_RC = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure looks the same everywhere
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "axes.edgecolor": "#707070",
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "cnn_physics77",  # otherwise ids are random and no two files are equal
    "svg.fonttype": "path",
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function under this package's settings, whatever the caller's are."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(["default", _RC]):
            return draw(*args, **kwargs)

    return wrapper


# --- looks of the runs --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """How the runs of one framework and optimizer are drawn."""

    colour: str
    dash: Dash
    width: float
    marker: str
    size: float  # of the marker
    face: str  # of the marker
    hatch: str
    layer: float  # zorder: thin lines lie on thicker ones, so all are seen where they coincide


# Colours (Adam, SGD), dash, width, marker, its size, hatch, from the bottom to the top. What lies on another
# differs from it in lightness, so that it shows in grey.
_LOOKS: dict[str, tuple[tuple[str, str], Dash, float, str, float, str]] = {
    "numpy77_compiled": (("#7CCBB0", "#005B43"), "-", 6.5, "D", 11.0, "...."),
    "numpy77": ((BLUE, SKY), "-", 3.0, "o", 8.5, ""),
    "pytorch": ((ORANGE, VERMILLION), (0, (3, 1.6)), 1.6, "s", 4.5, "////"),
}


def look(framework: str, optimizer: str = "Adam") -> Look:
    """Hue, dash, marker and hatch say which framework; an open marker and the other tone are SGD.

    >>> look("numpy77").colour, look("pytorch", "SGD").colour
    ('#0072B2', '#D55E00')
    """
    plain = optimizer == "SGD"
    colours, dash, width, marker, size, hatch = _LOOKS[framework]
    colour, layer = colours[plain], 3 + list(_LOOKS).index(framework) / 10
    return Look(colour, dash, width, marker, size, "white" if plain else colour, hatch, layer)


# --- figure, header, footer ---------------------------------------------------------------------------------


def new_figure(
    title: str,
    logs: Sequence[RunLog],
    width: float,
    height: float,
    note: str = "",
    *,
    show_model: bool = True,
    legend_rows: int = 0,
    warning: str = "",
) -> Figure:
    """An empty figure of `width` x `height` inches (without header and footer) with title and provenance.

    The header says what is shown, on which data set, with which seeds and settings; a loud bar follows
    where the data stand in for MNIST, or with `warning`. `note`, below, explains what a mark means. The
    panels that are added fill the space between them.
    """
    detail, found = provenance(logs, show_model=show_model) if logs else ("", "")
    warnings = " ".join(filter(None, (found, warning)))
    return headed_figure(title, detail, width, height, note, warnings, legend_rows=legend_rows)


def headed_figure(
    title: str,
    detail: str,
    width: float,
    height: float,
    note: str = "",
    warning: str = "",
    *,
    legend_rows: int = 0,
) -> Figure:
    """`new_figure` with its header in words; `detail` is wrapped at its separators " · ".

    `legend_rows` keeps room between header and panels for `header_legend`.
    """
    characters = int(width * 15)  # at 8.5 points DejaVu Sans takes about 0.063 inch a character
    details = _wrap_at_separators(detail, characters)
    warnings = textwrap.wrap(warning, int(width * 11.5))
    notes = textwrap.wrap(note, characters)
    top = 0.46 + 0.18 * len(details) + (0.16 + 0.2 * len(warnings) if warnings else 0) + 0.24 * legend_rows
    bottom = 0.08 + 0.17 * len(notes)
    figure = Figure(figsize=(width, height + top + bottom), layout="constrained")
    FigureCanvasAgg(figure)
    whole = height + top + bottom
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(  # type: ignore[call-arg]
        rect=(0.06 / width, bottom / whole, 1 - 0.12 / width, height / whole), w_pad=0.06, h_pad=0.05
    )
    left = 0.12 / width
    figure.text(left, 1 - 0.10 / whole, title, va="top", size=13, weight="bold", gid="title")
    place = 0.40
    if details:
        figure.text(
            left, 1 - place / whole, "\n".join(details), va="top", size=8.5, color=GREY, gid="provenance",
            linespacing=1.35,
        )  # fmt: skip
        place += 0.18 * len(details)
    if warnings:
        figure.text(
            left + 0.06 / width, 1 - (place + 0.1) / whole, "\n".join(warnings), va="top", size=9.5,
            weight="bold", gid="warning", bbox={"facecolor": YELLOW, "edgecolor": BLACK, "pad": 3.5,
            "linewidth": 1.2},
        )  # fmt: skip
    if notes:
        figure.text(
            left, 0.07 / whole, "\n".join(notes), va="bottom", size=8, color=GREY, gid="note", linespacing=1.3
        )
    return figure


def panel_columns(count: int) -> int:
    """Columns of a figure with so many panels: three are one row, others are in pairs.

    >>> [panel_columns(count) for count in (1, 2, 3, 4)]
    [1, 2, 3, 2]
    """
    return 3 if count == 3 else min(count, 2)


def header_legend(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], columns: int, rows: int = 0
) -> None:
    """A legend for all panels in the strip of `rows` that `legend_rows` kept; no data can lie under it."""
    engine = figure.get_layout_engine()
    assert engine is not None
    _, bottom, _, height = engine.get()["rect"]
    strip = 0.24 * (rows or math.ceil(len(labels) / columns)) / figure.get_figheight()
    legend = figure.legend(
        handles, labels, loc="upper left",
        bbox_to_anchor=(0.12 / figure.get_figwidth(), bottom + height + strip), ncols=columns,
        borderpad=0.1, borderaxespad=0.0, columnspacing=2.2,
    )  # fmt: skip
    legend.set_in_layout(False)


def _wrap_at_separators(text: str, characters: int) -> list[str]:
    lines: list[str] = []
    for piece in text.split(" · ") if text else []:
        if lines and len(lines[-1]) + 3 + len(piece) <= characters:
            lines[-1] += f" · {piece}"
        else:
            lines.append(piece)
    return lines


def provenance(logs: Sequence[RunLog], *, show_model: bool = True) -> tuple[str, str]:
    """What the figures come from, in one line, and a warning ("" when there is nothing to warn of).

    A setting that differs between the logs is left out; the plot itself shows it.

    >>> from cnn_physics77.results import example_log
    >>> provenance([example_log("numpy77"), example_log("pytorch")])
    ('MNIST · seed 67 · CNN, 90 parameters · Adam · lr 0.001 · batch 64 · 2 epochs · float32 · 2 threads', '')
    """
    seeds = sorted({log.config.seed for log in logs})
    if len(seeds) == 1:
        named = f"seed {seeds[0]}"
    elif seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        named = f"seeds {seeds[0]} to {seeds[-1]}"
    else:
        named = f"seeds {', '.join(map(str, seeds))}"
    pieces = [logs[0].data.title, named]
    models = {(log.config.model, log.parameter_count) for log in logs}
    if len(models) == 1 and show_model:
        model, count = models.pop()
        pieces.append(f"{model}, {count:,} parameters")
    for name, form in (
        ("optimizer", "{}"),
        ("lr", "lr {:g}"),
        ("batch_size", "batch {}"),
        ("epochs", "{} epochs"),
        ("dtype", "{}"),
        ("threads", "{} threads"),
    ):
        values = {getattr(log.config, name) for log in logs}
        if len(values) == 1:
            value = values.pop()
            text = form.format(value)
            pieces.append(text[:-1] if value == 1 and text.startswith("1 ") else text)
    warnings = []
    if logs[0].data.fallback:
        warnings.append(
            f"NOT MNIST, which could not be had. All figures are for its stand-in: {logs[0].data.title}."
        )
    if any(log.proof is not None and not log.proof.passed for log in logs):
        warnings.append(
            "The float64 proof FAILED: the frameworks did not compute the same, their times say nothing."
        )
    interrupted = sorted({log.label for log in logs if log.status != "finished"})
    if interrupted:
        warnings.append(f"Interrupted before the last epoch: {', '.join(interrupted)}.")
    return " · ".join(pieces), " ".join(warnings)


# --- files --------------------------------------------------------------------------------------------------


def save(figure: Figure, folder: str | Path, name: str, *, dpi: int = 160) -> list[Path]:
    """Write `<name>.png` and `<name>.svg` in `folder`, each whole or not at all; returns both paths.

    The bytes depend on the figure and matplotlib's version alone: no date, no random ids.

    Raises:
        OSError: when the folder cannot be made or written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with matplotlib.style.context(["default", _RC]):
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
            paths.append(folder / f"{name}.{kind}")
            write_atomically(paths[-1], buffer.getvalue())
    return paths
