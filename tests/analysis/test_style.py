"""Header, warnings, saving, and that nothing global changes."""

import hashlib
import itertools
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from cnn_physics77.analysis import style, visuals
from cnn_physics77.analysis.labels import place_labels
from cnn_physics77.results import FRAMEWORKS, ProofRecord


def _texts(figure):
    return {text.get_gid(): text.get_text() for text in figure.texts if text.get_gid()}


def test_header_names_data_seed_and_settings(invented):
    texts = _texts(visuals.training_curves(invented.pair()))
    assert texts["title"] == "Loss and accuracy"
    assert texts["provenance"].startswith("MNIST · seed 67 · CNN, ")
    assert "Adam · lr 0.001 · batch 64 · 3 epochs · float32 · 2 threads" in texts["provenance"]
    assert "warning" not in texts


@pytest.mark.parametrize(
    "seeds, words", [([67, 68, 69], "seeds 67 to 69"), ([3, 9], "seeds 3, 9"), ([5], "seed 5")]
)
def test_provenance_of_seeds(seeds, words, invented):
    detail, _ = style.provenance([invented.log(seed=seed) for seed in seeds])
    assert f" · {words} · " in detail


def test_settings_that_differ_are_left_to_the_plot(invented):
    detail, _ = style.provenance(invented.grid())
    assert "Adam" not in detail and "SGD" not in detail and "lr 0.001" in detail


def test_loud_warnings(drawn, invented):
    figure = visuals.training_curves(invented.pair(fallback=True))
    warning = next(text for text in figure.texts if text.get_gid() == "warning")
    assert warning.get_text().startswith("NOT MNIST") and "digits of scikit-learn" in warning.get_text()
    assert warning.get_bbox_patch().get_facecolor()[:3] == to_rgb(style.YELLOW)
    drawn(figure)
    failed = invented.log()
    failed.proof = ProofRecord(50, 1e-9, 1e-3, 0.0, 0.0)
    _, words = style.provenance([failed, invented.log("pytorch", finished=False)])
    assert "proof FAILED" in words and "Interrupted before the last epoch: Torch-Adam." in words


def test_header_wraps_only_at_separators():
    lines = style._wrap_at_separators("aaaa · bbbb · cccc · dd", 11)
    assert lines == ["aaaa · bbbb", "cccc · dd"]
    assert style._wrap_at_separators("", 10) == []


def test_looks_are_told_apart_without_colour():
    looks = [style.look(framework, optimizer) for framework in FRAMEWORKS for optimizer in ("Adam", "SGD")]
    assert len({(look.marker, look.hatch, look.face == "white") for look in looks}) == 2 * len(FRAMEWORKS)

    def grey(look):
        return float(np.dot(to_rgb(look.colour), (0.299, 0.587, 0.114)))

    for optimizer in ("Adam", "SGD"):  # where lines coincide, each differs in lightness from what is below
        order = [style.look(framework, optimizer) for framework in ("numpy77_compiled", "numpy77", "pytorch")]
        for below, above in itertools.pairwise(order):
            assert abs(grey(below) - grey(above)) > 0.1
            assert below.width > above.width and below.size > above.size and below.layer < above.layer


def test_save_writes_both_kinds_whole_and_the_same_each_time(tmp_path, invented):
    digests = []
    for folder in ("a", "b"):
        png, svg = visuals.save(visuals.speed_bars(invented.pair()), tmp_path / folder, "speed", dpi=50)
        assert [png.name, svg.name] == ["speed.png", "speed.svg"]
        assert imread(png).shape[2] == 4
        root = ElementTree.parse(svg).getroot()
        assert root.tag.endswith("svg")
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in (png, svg)])
        assert sorted(path.name for path in png.parent.iterdir()) == ["speed.png", "speed.svg"]
        assert not re.search(rb"\b20\d\d-\d\d-\d\d", svg.read_bytes())
    assert digests[0] == digests[1]


def test_save_leaves_the_old_picture_when_writing_fails(tmp_path, monkeypatch, invented):
    figure = visuals.speed_bars(invented.pair())
    png, _ = visuals.save(figure, tmp_path, "speed", dpi=50)
    before = png.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        visuals.save(figure, tmp_path, "speed", dpi=60)
    assert png.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_drawing_changes_no_setting_and_ignores_the_callers(tmp_path, invented):
    before = dict(matplotlib.rcParams)
    visuals.save(visuals.memory_bars(invented.pair()), tmp_path, "plain", dpi=50)
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "svg.hashsalt": "other"}):
        visuals.save(visuals.memory_bars(invented.pair()), tmp_path, "loud", dpi=50)
    for kind in ("png", "svg"):
        assert (tmp_path / f"plain.{kind}").read_bytes() == (tmp_path / f"loud.{kind}").read_bytes()


def test_import_is_free_of_pyplot_and_core():
    program = (
        "import sys, matplotlib\n"
        "before = repr(matplotlib.rcParams.copy())\n"
        "import cnn_physics77.analysis.visuals, cnn_physics77.analysis.report\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert repr(matplotlib.rcParams.copy()) == before\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_labels_keep_clear_even_when_points_crowd(drawn):
    figure = style.headed_figure("Crowd", "", 6, 4)
    axes = figure.subplots()
    generator = np.random.default_rng(0)
    places = [(float(x), float(y)) for x, y in generator.normal(0, 0.15, (14, 2))] + [(0.0, 0.0), (0.0, 0.0)]
    axes.plot(*zip(*places, strict=True), "o")
    axes.lines[0].set_linestyle("none")
    axes.plot([-1, 1], [-1, 1])
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    labels = place_labels(axes, places, [f"label {i}" for i in range(len(places))])
    drawn(figure)  # fails on any overlap
    renderer = figure.canvas.get_renderer()
    line = axes.transData.transform([(x, x) for x in np.linspace(-1, 1, 400)])
    dots = axes.transData.transform(places)
    for label in labels:
        box = label.get_window_extent(renderer)
        assert not any(box.contains(*point) for point in line), f"the line crosses {label.get_text()}"
        assert not any(box.contains(*point) for point in dots), f"a point lies on {label.get_text()}"


def test_labels_keep_clear_of_whiskers():
    figure = style.headed_figure("Whiskers", "", 6, 4)
    axes = figure.subplots()
    axes.errorbar([0.0], [0.0], xerr=[0.4], yerr=[0.4], linestyle="none")
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    (label,) = place_labels(axes, [(0.0, 0.0)], ["label"])
    box = label.get_window_extent(figure.canvas.get_renderer())
    steps = np.linspace(-0.4, 0.4, 100)
    whiskers = axes.transData.transform([*((x, 0) for x in steps), *((0, y) for y in steps)])
    assert not any(box.contains(*point) for point in whiskers)
