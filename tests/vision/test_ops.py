"""Boxes against loops, and branches that are left out at random."""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.vision import ops


def boxes(count, seed=0):
    corners = np.random.default_rng(seed).uniform(0, 10, size=(count, 2, 2))
    return np.sort(corners, axis=1).reshape(count, 4)


def shared(a, b):
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    both = max(width, 0) * max(height, 0)
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return both / (sum(areas) - both)


def test_box_iou_is_the_loop():
    one, two = boxes(7), boxes(5, 1)
    found = ops.box_iou(ours.tensor(one), ours.tensor(two)).numpy()
    np.testing.assert_allclose(found, [[shared(a, b) for b in two] for a in one], rtol=1e-12)
    assert ops.box_iou(ours.empty(0, 4), ours.tensor(two)).shape == (0, 5)


@pytest.mark.parametrize("threshold", [0.0, 0.2, 1.0])
def test_nms_is_the_loop(threshold):
    rows, scores = boxes(40), np.random.default_rng(2).random(40)
    expected = []
    for i in sorted(range(40), key=lambda i: -scores[i]):
        if all(shared(rows[i], rows[j]) <= threshold for j in expected):
            expected.append(i)
    found = ops.nms(ours.tensor(rows), ours.tensor(scores), threshold)
    assert found.tolist() == expected and found.dtype == ours.int64
    assert ops.nms(ours.empty(0, 4), ours.empty(0), 0.5).shape == (0,)


def test_small_and_clipped_boxes():
    rows = ours.tensor([[-1.0, 2.0, 3.0, 20.0], [0.0, 0.0, 0.5, 9.0]])
    assert ops.clip_boxes_to_image(rows, (10, 2)).tolist() == [[0, 2, 2, 10], [0, 0, 0.5, 9]]
    assert ops.remove_small_boxes(rows, 1.0).tolist() == [0]
    with pytest.raises(ShapeError, match="nms: expected one score for each of 2 boxes"):
        ops.nms(rows, ours.ones(3), 0.5)
    with pytest.raises(ShapeError, match="box_area: expected boxes"):
        ops.box_area(ours.ones(3))
    with pytest.raises(ShapeError, match=r"nms: expected boxes \(N, 4\), found shape \(1, 2, 4\)"):
        ops.nms(rows[None], ours.ones(1), 0.5)


@pytest.mark.parametrize("dtype", ["float16", "uint8", "int16"])
def test_areas_of_narrow_dtypes_do_not_overflow(dtype):
    rows = ours.tensor([[0, 0, 250, 250], [125, 0, 250, 250]], dtype=getattr(ours, dtype))
    assert ops.box_area(rows).tolist() == [62500, 31250]
    assert ops.box_iou(rows, rows).tolist() == [[1, 0.5], [0.5, 1]]
    assert ops.nms(rows, ours.tensor([0.1, 0.2]), 0.4).tolist() == [1]


def test_branches_are_left_out_for_each_sample_or_all():
    ours.manual_seed(0)
    x = ours.ones(1000, 2, 3)
    rows = ops.stochastic_depth(x, 0.25, "row")
    assert (rows == rows[:, :1, :1]).all() and 0.2 < (rows[:, 0, 0] == 0).double().mean() < 0.3
    assert rows.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert len(ops.stochastic_depth(x, 0.5, "batch").unique()) == 1
    layer = ops.StochasticDepth(0.5, "row").eval()
    assert layer(x) is x and repr(layer) == "StochasticDepth(p=0.5, mode=row)"
    for wrong, match in (((1.5, "row"), "between 0 and 1"), ((0.5, "rows"), "'batch' or 'row'")):
        with pytest.raises(ValueError, match=match):
            ops.stochastic_depth(x, *wrong)


def test_formats_of_boxes_go_back():
    rows = boxes(6)
    middle, size = (rows[:, :2] + rows[:, 2:]) / 2, rows[:, 2:] - rows[:, :2]
    forms = {"xyxy": rows, "xywh": np.c_[rows[:, :2], size], "cxcywh": np.c_[middle, size]}
    for before, x in forms.items():
        for after, y in forms.items():
            np.testing.assert_allclose(ops.box_convert(ours.tensor(x), before, after).numpy(), y, rtol=1e-12)
    with pytest.raises(ValueError, match="found 'yxyx'"):
        ops.box_convert(ours.tensor(rows), "xyxy", "yxyx")


def test_generalized_iou_is_the_loop():
    one, two = boxes(5), boxes(4, 1)

    def value(a, b):
        around = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
        areas = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
        union = areas / (1 + shared(a, b))
        return shared(a, b) - (around - union) / around

    found = ops.generalized_box_iou(ours.tensor(one), ours.tensor(two)).numpy()
    np.testing.assert_allclose(found, [[value(a, b) for b in two] for a in one], rtol=1e-12)


def test_nms_of_classes_and_boxes_of_masks():
    rows, scores = ours.tensor(boxes(30)), ours.tensor(np.random.default_rng(2).random(30))
    classes = ours.arange(30) % 3
    kept = ops.batched_nms(rows, scores, classes, 0.2)
    each = [(classes == c).nonzero()[:, 0] for c in range(3)]
    wanted = ours.cat([i[ops.nms(rows[i], scores[i], 0.2)] for i in each])
    assert sorted(kept.tolist()) == sorted(wanted.tolist()) and (scores[kept].diff() <= 0).all()
    assert ops.batched_nms(rows[:0], scores[:0], classes[:0], 0.2).tolist() == []
    masks = ours.zeros(2, 5, 6)
    masks[0, 1:4, 2], masks[1, 4, 0] = 1, 1
    assert ops.masks_to_boxes(masks).tolist() == [[2, 1, 2, 3], [0, 4, 0, 4]]


def test_focal_loss():
    x = np.random.default_rng(3).standard_normal(8)
    targets = np.array([0, 1] * 4)
    right = np.where(targets, 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x)))
    wanted = -np.where(targets, 0.3, 0.7) * (1 - right) ** 1.5 * np.log(right)
    given = ours.tensor(x), ours.tensor(targets).double(), 0.3, 1.5
    np.testing.assert_allclose(ops.sigmoid_focal_loss(*given).numpy(), wanted, rtol=1e-12)
    assert ops.sigmoid_focal_loss(*given, "mean").item() == pytest.approx(wanted.mean())
    with pytest.raises(ValueError, match="found 'all'"):
        ops.sigmoid_focal_loss(*given, "all")


def test_a_frozen_batch_norm_is_one_that_is_evaluated():
    norm, frozen = ours.nn.BatchNorm2d(3), ops.FrozenBatchNorm2d(3)
    norm(ours.randn(4, 3, 2, 2))
    norm.weight.data.uniform_()
    frozen.load_state_dict({k: v for k, v in norm.state_dict().items() if k != "num_batches_tracked"})
    x = ours.randn(2, 3, 4, 4)
    ours.testing.assert_close(frozen(x), norm.eval()(x).detach())
    assert not list(frozen.parameters())
