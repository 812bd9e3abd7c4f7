"""Logs with invented figures, and a reader of what a figure shows."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.text import Text

from cnn_physics77.results import (
    Architecture,
    EpochRecord,
    MemoryRecord,
    ParameterShape,
    StepRecords,
    example_log,
)

STAND_IN = {
    "name": "digits",
    "title": "digits of scikit-learn enlarged to 28x28, NOT MNIST",
    "fallback": True,
}


def make_log(
    framework="numpy77", optimizer="Adam", *, seed=67, epochs=3, steps=25, hidden=16, channels=2,
    seconds=None, accuracy=0.975, layers=0, fallback=False, trains=True, nan_from=None, finished=True,
    memory=True, classes=10, test_size=200,
):  # fmt: skip
    """A valid RunLog of invented but plausible figures, the same for the same arguments."""
    shared = np.random.default_rng([seed, hidden, channels, optimizer == "SGD"])
    own = np.random.default_rng([seed, framework == "pytorch", hidden, channels])
    seconds = seconds or {"numpy77": 4.0, "numpy77_compiled": 3.0, "pytorch": 8.0}[framework]
    count = epochs * steps
    time = np.arange(count)
    loss = 2.3 * np.exp(-time / 30) * shared.lognormal(0, 0.2, count) + 0.05
    norm = (0.3 + np.exp(-time / 20)) * shared.lognormal(0, 0.3, count) * own.lognormal(0, 0.02, count)
    error = (1 - accuracy) * (1 + 2 * np.exp(-np.arange(epochs))) * own.lognormal(0, 0.02, epochs)
    accuracies = 1 - error if trains else np.full(epochs, 0.1135)
    test_loss = 3 * error if trains else np.full(epochs, 2.301)
    if nan_from is not None:
        loss[nan_from:] = norm[nan_from:] = math.nan
        test_loss[nan_from // steps :] = math.nan
        accuracies[nan_from // steps :] = 0.098
    names = ["conv.weight", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    if layers > len(names):
        names = [f"layer{i}.weight" for i in range(layers)]
    labels = shared.integers(0, classes, test_size)
    wrong = own.random(test_size) > accuracies[-1]
    predictions = np.where(wrong, (labels + own.integers(1, classes, test_size)) % classes, labels)
    base = example_log(framework)
    shapes = [("fc.weight", [hidden, channels * 676]), ("fc.bias", [hidden])]
    recorded = epochs if finished else epochs - 1
    return dataclasses.replace(
        base,
        run_id=f"{framework}-{optimizer}-{seed}-{hidden}-{channels}",
        status="finished" if finished else "interrupted",
        config=dataclasses.replace(
            base.config, optimizer=optimizer, seed=seed, epochs=epochs, hidden=hidden, channels=channels,
            diagnostics=layers > 0,
        ),
        data=dataclasses.replace(
            base.data, test_size=test_size, classes=classes,
            **(STAND_IN if fallback else {}),
        ),
        architecture=Architecture("CNN()", [ParameterShape(*shape) for shape in shapes]),
        parameter_count=hidden * channels * 676 + hidden,
        epochs=[
            EpochRecord(
                i + 1, 2 * i, seconds * float(own.lognormal(0, 0.03)),
                float(test_loss[i]), float(accuracies[i]), float(loss[i * steps : (i + 1) * steps].mean()),
                float(norm[i * steps : (i + 1) * steps].mean()), 10**7,
            )
            for i in range(recorded)
        ],
        steps=StepRecords(
            (seconds / steps * own.lognormal(0, 0.1, count)).tolist(), loss.tolist(), norm.tolist(),
            {name: (norm * 0.8**i).tolist() for i, name in enumerate(names[:layers])},
        ),
        memory=MemoryRecord(3 * 10**8, 3 * 10**8 + int(seconds * 10**7 * own.lognormal(0, 0.02)), 25, "VmHWM")
        if memory
        else None,
        labels=labels.tolist(),
        predictions=predictions.tolist(),
    )  # fmt: skip


def make_pair(**changes):
    """Our run and PyTorch's."""
    return [make_log("numpy77", **changes), make_log("pytorch", **changes)]


def make_trio(**changes):
    """Our run, the one with a captured step, and PyTorch's."""
    ours, theirs = make_pair(**changes)
    compiled = dataclasses.replace(make_log("numpy77_compiled", **changes), lanes="processes")
    return [ours, compiled, theirs]


def make_grid(**changes):
    """Both optimizers in both frameworks; SGD does not train."""
    return make_pair(**changes) + make_pair(optimizer="SGD", trains=False, **changes)


def make_seeds(count=3, **changes):
    return [log for seed in range(67, 67 + count) for log in make_pair(seed=seed, **changes)]


SIZES = ((1, 8), (2, 16), (4, 16), (4, 32), (8, 32), (8, 64), (8, 128), (16, 128), (16, 256))


def make_frontier(seeds=1):
    """Nine sizes over two and a half decades; the eighth is slower and worse than the seventh."""
    logs = []
    for place, (channels, hidden) in enumerate(SIZES):
        accuracy = 0.86 + 0.014 * place - (0.03 if place == 7 else 0)
        for seed in range(67, 67 + seeds):
            for framework, slow in (("numpy77", 1.0), ("pytorch", 2.0)):
                logs.append(
                    make_log(
                        framework, seed=seed, channels=channels, hidden=hidden, accuracy=accuracy, epochs=2,
                        seconds=slow * (1 + channels * hidden / 300),
                    )
                )  # fmt: skip
    return logs


@pytest.fixture(scope="session")
def invented():
    """The makers of logs, for tests (which cannot import a conftest)."""
    return SimpleNamespace(
        log=make_log,
        pair=make_pair,
        trio=make_trio,
        grid=make_grid,
        seeds=make_seeds,
        frontier=make_frontier,
        sizes=SIZES,
    )


@pytest.fixture
def drawn(monkeypatch):
    """Draw a figure; returns [(text, box in pixels)] of every text that reaches the canvas.

    Fails when two boxes overlap, one leaves the figure, or a legend lies on a panel. Slanted text is returned
    but not compared: its box is larger than it.
    """

    def draw(figure):
        found = []
        original = Text.draw

        def record(self, renderer):
            if self.get_visible() and self.get_text().strip():
                found.append(self)
            return original(self, renderer)

        with monkeypatch.context() as patch:
            patch.setattr(Text, "draw", record)
            figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        boxes = [(text.get_text(), text.get_window_extent(renderer), text.get_rotation()) for text in found]
        upright = [(words, box) for words, box, angle in boxes if angle % 90 == 0]
        for words, box in upright:
            assert box.x0 >= -1 and box.y0 >= -1, f"{words!r} leaves the figure: {box}"
            assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, f"{words!r} leaves: {box}"
        corners = np.array([box.extents for _, box in upright])
        for place, (words, _) in enumerate(upright):
            rest = corners[place + 1 :]
            low = np.maximum(corners[place, :2], rest[:, :2])
            high = np.minimum(corners[place, 2:], rest[:, 2:])
            common = np.flatnonzero((high - low > 1).all(axis=1))
            assert not common.size, f"{words!r} overlaps {upright[place + 1 + common[0]][0]!r}"
        for legend in figure.legends:
            box = legend.get_window_extent(renderer)
            assert not any(box.overlaps(axes.get_window_extent(renderer)) for axes in figure.axes)
        assert all(axes.get_legend() is None for axes in figure.axes), "a legend inside a panel can hide data"
        return [(words, box) for words, box, _ in boxes]

    return draw
