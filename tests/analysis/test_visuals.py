"""Each plot shows the data it was given, says what it shows, and no text lies on another."""

import math

import numpy as np
import pytest
from matplotlib.container import BarContainer, ErrorbarContainer

from cnn_physics77.analysis import frontier, visuals
from cnn_physics77.analysis.comparison import epoch_time_ratio, memory_ratio
from cnn_physics77.analysis.confusion import confusion_counts
from cnn_physics77.analysis.statistics import Ratio, band, bootstrap_ratio, exponential_moving_average

ON_LOGS = (
    visuals.training_curves,
    visuals.gradient_norms,
    visuals.step_losses,
    visuals.layer_gradient_norms,
    visuals.speed_bars,
    visuals.memory_bars,
    visuals.confusion_matrices,
    visuals.efficiency_frontier,
)


def _line(axes, label):
    return next(line for line in axes.lines if line.get_label() == label)


# --- every plot ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", ON_LOGS, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize(
    "logs",
    [
        lambda invented: invented.grid(layers=5),
        lambda invented: invented.seeds(layers=5),
        lambda invented: invented.pair(layers=5, epochs=1, fallback=True),
        lambda invented: invented.trio(layers=5),
        lambda invented: invented.trio(layers=5, optimizer="SGD", trains=False),
        lambda invented: [log for seed in (67, 68, 69) for log in invented.trio(layers=5, seed=seed)],
    ],
    ids=["grid", "seeds", "one epoch of digits", "three", "three that fail", "three, seeds"],
)
def test_texts_do_not_overlap(draw, logs, drawn, invented):
    logs = logs(invented)
    if draw is visuals.efficiency_frontier and not any(log.trained for log in logs):
        pytest.skip("nothing to draw")
    texts = [words for words, _ in drawn(draw(logs))]
    assert any("seed" in words and logs[0].data.title in words for words in texts)
    assert any("NOT MNIST" in words for words in texts) == logs[0].data.fallback


@pytest.mark.parametrize("draw", ON_LOGS, ids=lambda draw: draw.__name__)
def test_no_logs_is_a_clear_error(draw):
    with pytest.raises(ValueError, match=rf"{draw.__name__}: expected at least one log, found none"):
        draw([])


@pytest.mark.parametrize("draw", ON_LOGS, ids=lambda draw: draw.__name__)
def test_two_data_sets_are_not_mixed(draw, invented):
    with pytest.raises(
        ValueError, match=r"expected logs of one data set, found MNIST, digits of scikit-learn"
    ):
        draw([invented.log(), invented.log("pytorch", fallback=True)])


@pytest.mark.parametrize("draw", ON_LOGS[:-1], ids=lambda draw: draw.__name__)
def test_two_networks_are_not_mixed_into_one_band(draw, invented):
    with pytest.raises(ValueError, match=r"Custom-Adam that differ in the seed alone, found 2 settings"):
        draw([invented.log(hidden=16, layers=5), invented.log(hidden=32, layers=5)])


@pytest.mark.parametrize("draw", ON_LOGS[:-1], ids=lambda draw: draw.__name__)
def test_a_diverged_run_is_drawn_and_named(draw, drawn, invented):
    logs = [invented.log(layers=5), invented.log("pytorch", layers=5, nan_from=10)]
    texts = [words for words, _ in drawn(draw(logs))]
    assert any("Torch-Adam" in words and "did not train" in words for words in texts)


# --- curves -------------------------------------------------------------------------------------------------


def test_training_curves_hold_the_epochs(invented):
    logs = invented.pair()
    figure = visuals.training_curves(logs)
    losses, tests, accuracies = figure.axes
    for log in logs:
        for axes, expected in (
            (losses, [record.train_loss for record in log.epochs]),
            (tests, [record.test_loss for record in log.epochs]),
            (accuracies, [100 * record.test_accuracy for record in log.epochs]),
        ):
            line = _line(axes, log.label)
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
            np.testing.assert_allclose(line.get_ydata(), expected)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "Cross-entropy (nats)",
        "Cross-entropy (nats)",
        "Accuracy (%), log scale of the error",
    ]
    assert {axes.get_xlabel() for axes in figure.axes} == {"Epoch"}
    assert losses.get_yscale() == "log"
    low, high = accuracies.get_ylim()
    assert low < min(100 * r.test_accuracy for r in logs[0].epochs) and high < 100


def test_training_curves_over_seeds_have_bands(invented):
    logs = invented.seeds(5)
    figure = visuals.training_curves(logs)
    ours = [log for log in logs if log.framework == "numpy77"]
    expected = band([[record.test_loss for record in log.epochs] for log in ours])
    axes = figure.axes[1]
    np.testing.assert_allclose(_line(axes, "Custom-Adam").get_ydata(), expected.median)
    assert len(axes.collections) == 2
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(expected.lower.min())
    assert heights.max() == pytest.approx(expected.upper.max())


def test_perfect_accuracy_and_missing_training_loss(drawn, invented):
    log = invented.log()
    for record in log.epochs:
        record.test_accuracy, record.train_loss = 1.0, None
    figure = visuals.training_curves([log])
    assert "not recorded" in " ".join(words for words, _ in drawn(figure))
    axes = figure.axes[2]
    low, high = axes.transData.inverted().transform(axes.get_window_extent())[:, 1]
    assert low < 100 < high  # drawn inside the panel, not on its edge
    assert 100 in axes.get_yticks()


def test_grid_legend_says_what_did_not_train(invented):
    legend = visuals.training_curves(invented.grid()).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [
        "Custom-Adam",
        "Torch-Adam",
        "Custom-SGD (did not train)",
        "Torch-SGD (did not train)",
    ]


def test_gradient_norms_hold_every_step_and_its_average(invented):
    logs = invented.pair()
    axes = visuals.gradient_norms(logs, decay=0.9).axes[0]
    for log in logs:
        smooth = _line(axes, log.label)
        np.testing.assert_array_equal(smooth.get_xdata(), np.arange(1, 76))
        np.testing.assert_allclose(
            smooth.get_ydata(), exponential_moving_average(log.steps.gradient_norm, 0.9)
        )
    raw = [line for line in axes.lines if line.get_alpha() == 0.28]
    np.testing.assert_array_equal(raw[0].get_ydata(), logs[0].steps.gradient_norm)
    assert axes.get_yscale() == "log" and axes.get_ylabel() == "2-norm of the gradient"
    ends = [line.get_xdata()[0] for line in axes.lines if line.get_color() == "#BDBDBD"]
    assert ends == [25.5, 50.5]


@pytest.mark.parametrize("epochs", [1, 3])
def test_the_note_speaks_of_lines_that_are_there(invented, epochs):
    figure = visuals.step_losses(invented.pair(epochs=epochs))
    note = next(text.get_text() for text in figure.texts if text.get_gid() == "note")
    assert ("Vertical lines" in note) == (epochs > 1)


@pytest.mark.parametrize("steps, span", [(20, 2), (400, 10), (5000, 50)])
def test_smoothing_follows_the_length_of_the_run(invented, steps, span):
    log = invented.log(epochs=1, steps=steps)
    figure = visuals.gradient_norms([log])
    note = next(text.get_text() for text in figure.texts if text.get_gid() == "note")
    assert f"over about {span} steps" in note
    expected = exponential_moving_average(log.steps.gradient_norm, 1 - 1 / span)
    np.testing.assert_allclose(_line(figure.axes[0], "Custom-Adam").get_ydata(), expected)


def test_gradient_norms_of_the_grid_share_their_axis(invented):
    figure = visuals.gradient_norms(invented.grid())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Adam", "SGD"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


def test_step_losses_of_a_diverged_run_mark_the_step(invented):
    axes = visuals.step_losses([invented.log(), invented.log("pytorch", nan_from=30)]).axes[0]
    cross = _line(axes, "Torch-Adam: not finite from step 31")
    assert list(cross.get_xdata()) == [31]
    line = _line(axes, "Torch-Adam (did not train)")
    assert np.isnan(line.get_ydata()[30:]).all() and np.isfinite(line.get_ydata()[:30]).all()


def test_a_gradient_that_vanishes_is_not_called_infinite(invented, drawn):
    ours, theirs = invented.pair()
    ours.steps.gradient_norm[40:] = [0.0] * 35
    theirs.steps.gradient_norm[20] = 0.0  # a single zero is a gap
    figure = visuals.gradient_norms([ours, theirs])
    names = [line.get_label() for line in figure.axes[0].lines]
    assert "Custom-Adam: zero from step 41" in names
    assert not any(name.startswith("Torch-Adam:") for name in names)
    drawn(figure)


def test_one_step_is_enough(invented, drawn):
    logs = invented.pair(epochs=1, steps=1, layers=5)
    for draw in (visuals.gradient_norms, visuals.layer_gradient_norms, visuals.training_curves):
        drawn(draw(logs))


def test_all_nan_says_so(drawn, invented):
    logs = [invented.log(nan_from=0), invented.log("pytorch", nan_from=0)]
    assert any("no finite value" in words for words, _ in drawn(visuals.gradient_norms(logs)))
    drawn(visuals.training_curves(logs))


def test_logs_without_steps_are_refused(invented):
    log = invented.log()
    log.steps.gradient_norm, log.steps.loss = [], []
    with pytest.raises(ValueError, match="gradient_norms: expected logs with steps, found none in 1 logs"):
        visuals.gradient_norms([log])
    with pytest.raises(ValueError, match=r"layer_gradient_norms: expected .* diagnostics"):
        visuals.layer_gradient_norms([invented.log()])


def test_layer_gradient_norms_as_lines(invented):
    logs = invented.pair(layers=5)
    figure = visuals.layer_gradient_norms(logs, decay=0.0)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Custom-Adam", "Torch-Adam"]
    for axes, log in zip(figure.axes, logs, strict=True):
        for name, norms in log.steps.layer_gradient_norm.items():
            np.testing.assert_allclose(_line(axes, name).get_ydata(), norms)
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in axes.lines}) == 5


def test_layer_gradient_norms_as_a_map(drawn, invented):
    logs = invented.pair(layers=12)
    figure = visuals.layer_gradient_norms(logs, decay=0.0)
    image = figure.axes[0].images[0].get_array()
    assert image.shape == (12, 75)
    np.testing.assert_allclose(10 ** image[3], logs[0].steps.layer_gradient_norm["layer3.weight"])
    assert figure.axes[-1].get_ylabel() == "2-norm of the gradient"
    drawn(figure)


# --- bars ---------------------------------------------------------------------------------------------------


def test_speed_bars_are_medians_with_quartiles_and_ratio(invented):
    logs = invented.seeds(3)
    epoch_axes, step_axes = visuals.speed_bars(logs).axes
    for axes, values in (
        (epoch_axes, lambda log: [record.seconds for record in log.epochs]),
        (step_axes, lambda log: [1e3 * second for second in log.steps.seconds]),
    ):
        bars = [container for container in axes.containers if isinstance(container, BarContainer)]
        whiskers = [container for container in axes.containers if isinstance(container, ErrorbarContainer)]
        for framework, bar, whisker in zip(("numpy77", "pytorch"), bars, whiskers, strict=True):
            pool = [value for log in logs if log.framework == framework for value in values(log)]
            lower, median, upper = np.percentile(pool, [25, 50, 75])
            assert bar[0].get_height() == pytest.approx(median)
            ends = whisker.lines[2][0].get_segments()[0][:, 1]
            assert tuple(ends) == pytest.approx((lower, upper))
        assert bars[1][0].get_hatch() and not bars[0][0].get_hatch()
        assert axes.get_ylim()[0] == 0
    pairs = [
        (ours.seconds, theirs.seconds)
        for first, second in zip(logs[::2], logs[1::2], strict=True)
        for ours, theirs in zip(first.epochs, second.epochs, strict=True)
    ]
    expected = bootstrap_ratio(*zip(*pairs, strict=True))
    shown = next(text.get_text() for text in epoch_axes.texts if text.get_gid() == "ratio")
    assert shown == f"ratio {expected.estimate:.2f}  [{expected.low:.2f}, {expected.high:.2f}]"
    assert (epoch_axes.get_ylabel(), step_axes.get_ylabel()) == ("Seconds per epoch", "Milliseconds per step")


def test_each_of_ours_has_its_ratio(invented):
    ours, compiled, theirs = logs = invented.trio()
    for draw, ratio in ((visuals.speed_bars, epoch_time_ratio), (visuals.memory_bars, memory_ratio)):
        axes = draw(logs).axes[0]
        shown = {round(t.xy[0], 1): (t.get_text(), t.xy[1]) for t in axes.texts if t.get_gid() == "ratio"}
        assert [tick.get_text() for tick in axes.get_xticklabels()] == [
            "Custom-Adam",
            "Compiled-Adam",
            "Torch-Adam",
        ]
        assert shown[1.0][0].startswith(f"ratio {ratio([(ours, theirs)]).estimate:.2f}")  # over the middle
        assert shown[1.5][0].startswith(f"ratio {ratio([(compiled, theirs)]).estimate:.2f}")
        assert shown[1.0][1] > shown[1.5][1]


def test_what_did_not_train_is_not_compared(invented):
    axes = visuals.speed_bars(invented.grid()).axes[0]
    shown = [text.get_text() for text in axes.texts if text.get_gid() == "ratio"]
    assert shown[0].startswith("ratio 0.4") and shown[1] == "not compared"
    assert axes.get_xticklabels()[2].get_text() == "Custom-SGD\n(did not train)"


def test_one_framework_has_bars_without_ratio(drawn, invented):
    figure = visuals.speed_bars([invented.log(epochs=1)])
    assert not [text for text in figure.axes[0].texts if text.get_gid() == "ratio"]
    drawn(figure)


def test_memory_bars_keep_the_baseline_apart(invented):
    logs = invented.pair()
    above, base = visuals.memory_bars(logs).axes
    assert [bar[0].get_height() for bar in above.containers] == [
        pytest.approx(log.memory.above_baseline_bytes / 1e6) for log in logs
    ]
    assert [bar[0].get_height() for bar in base.containers] == [300, 300]
    assert "MB" in above.get_ylabel() and "MB" in base.get_ylabel()


def test_bars_without_measurements(invented):
    with pytest.raises(ValueError, match="memory_bars: expected logs with a memory record"):
        visuals.memory_bars(invented.pair(memory=False))
    half = visuals.memory_bars([invented.log(), invented.log("pytorch", memory=False)])
    assert [tick.get_text() for tick in half.axes[0].get_xticklabels()][1] == "Torch-Adam\n(not measured)"
    log = invented.log()
    log.epochs = []
    with pytest.raises(ValueError, match="speed_bars: expected logs with epochs"):
        visuals.speed_bars([log])


# --- confusion ----------------------------------------------------------------------------------------------


def test_confusion_counts_against_a_loop():
    generator = np.random.default_rng(0)
    labels, predictions = generator.integers(0, 4, 50), generator.integers(0, 4, 50)
    expected = np.zeros((4, 4), dtype=int)
    for label, prediction in zip(labels, predictions, strict=True):
        expected[label, prediction] += 1
    np.testing.assert_array_equal(confusion_counts(labels, predictions, 4), expected)
    with pytest.raises(ValueError, match="a prediction for each label, found 1 for 2"):
        confusion_counts([0, 1], [0], 2)
    with pytest.raises(ValueError, match="expected predictions from 0 to 1, found 0 to 2"):
        confusion_counts([0, 1], [0, 2], 2)


def test_confusion_matrices_show_counts_and_row_shares(invented):
    logs = invented.seeds(2, accuracy=0.8)
    figure = visuals.confusion_matrices(logs)
    ours = [log for log in logs if log.framework == "numpy77"]
    counts = sum(confusion_counts(log.labels, log.predictions, 10) for log in ours)
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), 100 * counts / counts.sum(axis=1, keepdims=True))
    shown = {text.get_position(): int(text.get_text()) for text in axes.texts}
    assert shown == {(j, i): counts[i, j] for i in range(10) for j in range(10) if counts[i, j]}
    right = 100 * np.trace(counts) / 400
    assert axes.get_title(loc="left").startswith(f"Custom-Adam: {right:.2f} % right, ")
    assert figure.axes[0].get_ylabel() == "True class" and figure.axes[0].get_xlabel() == "Predicted class"


def test_confusion_without_predictions(invented):
    log = invented.log()
    log.labels = log.predictions = []
    with pytest.raises(ValueError, match="confusion_matrices: expected logs with predictions"):
        visuals.confusion_matrices([log])


# --- frontier -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [1, 3])
def test_frontier_marks_the_non_dominated_set(seeds, drawn, invented):
    logs = invented.frontier(seeds)
    figure = visuals.efficiency_frontier(logs)
    by_size, by_time = figure.axes
    points, _ = frontier.model_points(logs)
    assert len(points) == 2 * len(invented.sizes)
    ours = [point for point in points if point.framework == "numpy77"]
    assert frontier.non_dominated(ours) == {0, 1, 2, 3, 4, 5, 6, 8}  # the eighth was made slower and worse
    line = next(line for line in by_size.lines if line.get_gid() == "front Custom-Adam")
    assert list(line.get_xdata()) == [point.parameters for index, point in enumerate(ours) if index != 7]
    bubbles = next(c for c in by_size.collections if c.get_gid() == "bubbles Custom-Adam")
    areas, seconds = bubbles.get_sizes(), [point.seconds.median for point in ours]
    np.testing.assert_allclose(areas / areas[0], np.array(seconds) / seconds[0])  # area, not diameter
    np.testing.assert_allclose(bubbles.get_offsets()[:, 0], [point.parameters for point in ours])
    np.testing.assert_allclose(bubbles.get_offsets()[:, 1], [point.accuracy.median for point in ours])
    marks = [line.get_gid() for line in by_size.lines if line.get_gid() in ("dominated", "non-dominated")]
    assert (marks.count("dominated"), marks.count("non-dominated")) == (2, 16)
    stairs = next(line for line in by_time.lines if line.get_gid() == "front")
    assert (np.diff(stairs.get_xdata()) >= 0).all() and (np.diff(stairs.get_ydata()) >= 0).all()
    corner = set(zip(stairs.get_xdata(), stairs.get_ydata(), strict=True))
    for point in points:
        beaten = any(
            other.seconds.median <= point.seconds.median and other.accuracy.median > point.accuracy.median
            for other in points
        )
        assert ((point.seconds.median, point.accuracy.median) in corner) != beaten
    assert by_size.get_xscale() == by_time.get_xscale() == "log"
    assert by_time.get_xlabel() == "Training time, all epochs (s)"
    bars = sum(isinstance(container, ErrorbarContainer) for container in by_size.containers)
    assert bars == (0 if seeds == 1 else 18)
    texts = [words for words, _ in drawn(figure)]
    assert all(f"{channels}x{hidden}" in texts for channels, hidden in invented.sizes)


def test_frontier_leaves_out_what_did_not_train(drawn, invented):
    logs = invented.frontier()
    logs.append(invented.log(channels=1, hidden=2, trains=False))
    figure = visuals.efficiency_frontier(logs)
    assert "Left out: Custom-Adam 1x2 (did not train)." in " ".join(
        words for words, _ in drawn(figure)
    ).replace("\n", " ")
    with pytest.raises(ValueError, match="at least one run that trained, found none in 1 logs"):
        visuals.efficiency_frontier([invented.log(trains=False)])


def test_the_key_of_the_bubbles_reaches_from_the_fastest_to_the_slowest(invented):
    logs = invented.frontier()
    figure = visuals.efficiency_frontier(logs)
    points, _ = frontier.model_points(logs)
    seconds = [point.seconds.median for point in points]
    key = next(found for found in figure.legends if "of training" in found.get_texts()[0].get_text())
    told = [float(text.get_text().split()[0]) for text in key.get_texts()]
    np.testing.assert_allclose([told[0], told[-1]], [max(seconds), min(seconds)], rtol=0.05)
    assert min(seconds) < told[1] < max(seconds) and len(told) == 3
    areas = [handle.get_markersize() ** 2 for handle in key.legend_handles]
    bubbles = next(c for c in figure.axes[0].collections if c.get_gid() == "bubbles Custom-Adam")
    per_second = bubbles.get_sizes()[0] / seconds[0]
    np.testing.assert_allclose(areas, per_second * np.array(told))


def test_frontier_of_a_single_network(drawn, invented):
    drawn(visuals.efficiency_frontier([invented.log()]))


# --- speed suite and roofline -------------------------------------------------------------------------------


def _cases():
    return [
        visuals.SpeedCase("Training step", "CNN, batch 64", Ratio(0.5, 0.45, 0.55, 0.95, 20), 0.55),
        visuals.SpeedCase("Convolution", "3x3", Ratio(1.3, 1.2, 1.4, 0.95, 20)),
        visuals.SpeedCase("Training step", "CNN, batch 1", Ratio(0.98, 0.9, 1.1, 0.95, 20), 1.0),
        visuals.SpeedCase("Convolution", "single", Ratio(0.7, math.nan, math.nan, 0.95, 1)),
    ]


def test_speed_ratios_group_cases_and_mark_parity(drawn):
    figure = visuals.speed_ratios(_cases(), "float32 · 2 threads")
    axes = figure.axes[0]
    order = [label.get_text() for label in axes.get_yticklabels()]
    assert order == ["CNN, batch 64", "CNN, batch 1", "3x3", "single"]
    dots = [line for line in axes.lines if line.get_gid() == "case"]
    assert [line.get_xdata()[0] for line in dots] == [0.5, 0.98, 1.3, 0.7]
    assert [line.get_marker() for line in dots] == ["o", "o", "s", "o"]
    assert [line.get_markerfacecolor() == "white" for line in dots] == [False, True, False, False]
    parity = next(line for line in axes.lines if line.get_gid() == "parity")
    assert list(parity.get_xdata()) == [1, 1]
    assert [line.get_xdata()[0] for line in axes.lines if line.get_gid() == "target"] == [0.55, 1.0]
    assert axes.get_xscale() == "log"
    texts = [words for words, _ in drawn(figure)]
    assert "0.50  [0.45, 0.55]" in texts and "0.70" in texts and "float32 · 2 threads" in texts


def test_speed_ratios_of_a_long_suite(drawn):
    cases = [
        visuals.SpeedCase(
            f"family {i // 15}", f"case number {i}", Ratio(0.3 * 1.03**i, 0.29, 0.4 * 1.03**i, 0.95, 9)
        )
        for i in range(60)
    ]
    drawn(visuals.speed_ratios(cases))


def test_speed_ratios_refuse_nonsense():
    with pytest.raises(ValueError, match="speed_ratios: expected at least one case"):
        visuals.speed_ratios([])
    with pytest.raises(ValueError, match="positive finite ratios, found another for bad"):
        visuals.speed_ratios([visuals.SpeedCase("x", "bad", Ratio(math.nan, 0, 0, 0.95, 2))])


def test_roofline_places_operations_under_the_ceilings(drawn):
    operations = [
        visuals.OperationCost("conv", "BLAS", 4e9, 1e8, 0.05),
        visuals.OperationCost("linear", "BLAS", 2e9, 2e7, 0.02),
        visuals.OperationCost("relu", "memory", 1e6, 8e6, 0.001),
        visuals.OperationCost("copy", "memory", 0, 8e6, 0.001),
    ]
    figure = visuals.roofline(operations, 1.5e11, 2e10, "CNN · batch 64")
    axes = figure.axes[0]
    roof = next(line for line in axes.lines if line.get_gid() == "roof")
    x, y = roof.get_xdata(), roof.get_ydata()
    np.testing.assert_allclose(y, np.minimum(1.5e11, 2e10 * x))
    blas, memory = axes.collections
    np.testing.assert_allclose(blas.get_offsets(), [(40, 8e10), (100, 1e11)])
    np.testing.assert_allclose(memory.get_offsets(), [(0.125, 1e9)])
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert "FLOP/s" in axes.get_ylabel() and "FLOP per byte" in axes.get_xlabel()
    texts = " ".join(words for words, _ in drawn(figure))
    assert "matrix product 150 GFLOP/s" in texts and "copy 20 GB/s" in texts
    assert "Without arithmetic, not shown (1% of the time): copy." in texts


def test_roofline_refuses_nonsense():
    with pytest.raises(ValueError, match="ceilings above zero"):
        visuals.roofline([], 0.0, 1.0)
    with pytest.raises(ValueError, match="an operation with FLOPs, found none among 0"):
        visuals.roofline([], 1.0, 1.0)
    with pytest.raises(ValueError, match=r"time and bytes above zero, found 0\.0 s .* for relu"):
        visuals.roofline([visuals.OperationCost("relu", "memory", 1.0, 1.0, 0.0)], 1.0, 1.0)
