"""Boxes against loops, and branches that are left out at random."""

from __future__ import annotations

import math

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


def test_batches_of_boxes():
    rng = np.random.default_rng(7)
    one, two = (ours.tensor(np.sort(rng.uniform(0, 9, (*shape, 2, 2)), -2)) for shape in ((2, 3), (2, 5)))
    one, two = one.flatten(-2), two.flatten(-2)
    found = ops.box_iou(one, two), ops.box_area(one), ops.clip_boxes_to_image(two, (4, 6))
    for i in range(2):
        alone = ops.box_iou(one[i], two[i]), ops.box_area(one[i]), ops.clip_boxes_to_image(two[i], (4, 6))
        for batch, wanted in zip(found, alone, strict=True):
            assert ours.equal(batch[i], wanted) and wanted.any()
    for few in (one[:1], one[0]):  # these boxes with each of the others
        assert ours.equal(ops.box_iou(few, two)[1], ops.box_iou(one[0], two[1]))


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
    with pytest.raises(ShapeError, match=r"box_area: expected boxes \(\.\.\., N, 4\), found shape \(3,\)"):
        ops.box_area(ours.ones(3))
    with pytest.raises(
        ShapeError, match=r"generalized_box_iou: expected boxes \(N, 4\), found shape \(1, 2, 4\)"
    ):
        ops.generalized_box_iou(ours.ones(1, 2, 4), ours.ones(1, 2, 4))
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
    for shape in ((2, 3), (2, 5), (0,), ()):
        with pytest.raises(ShapeError, match=r"box_convert: expected boxes \(\.\.\., 4\), found shape \("):
            ops.box_convert(ours.ones(shape), "xyxy", "xywh")
    assert ops.box_convert(ours.tensor([1.0, 2.0, 5.0, 4.0]), "xyxy", "xywh").tolist() == [1, 2, 4, 2]


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
    assert ops.masks_to_boxes(masks[:0]).shape == (0, 4)
    with pytest.raises(ShapeError, match=r"masks_to_boxes: .* found mask 1 without any pixel"):
        ops.masks_to_boxes(ours.stack([masks[0], 0 * masks[0]]))
    with pytest.raises(ShapeError, match=r"masks_to_boxes: expected masks \(N, H, W\)"):
        ops.masks_to_boxes(masks[0])


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
    for alpha in (-0.5, 1.5, float("nan")):
        with pytest.raises(ValueError, match=f"expected alpha from 0 to 1, or -1 for none, found {alpha}"):
            ops.sigmoid_focal_loss(*given[:2], alpha)


def losses(a, b, eps=1e-7):
    """By generalized IoU, by distance, and by distance and shape."""
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = size.prod() if (size > 0).all() else 0.0
    covered = sum(areas) - both
    around = np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])
    iou, area = both / (covered + eps), around.prod()
    apart = (((a[:2] + a[2:]) - (b[:2] + b[2:])) ** 2).sum() / 4
    by_distance = 1 - iou + apart / ((around**2).sum() + eps)
    angles = [math.atan((c[2] - c[0]) / (c[3] - c[1])) for c in (a, b)]
    v = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    return 1 - iou + (area - covered) / (area + eps), by_distance, by_distance + v * v / (1 - iou + v + eps)


LOSSES = [ops.generalized_box_iou_loss, ops.distance_box_iou_loss, ops.complete_box_iou_loss]


@pytest.mark.parametrize("number", range(3))
def test_losses_of_boxes_are_the_loop(number):
    one, two, loss = boxes(9), boxes(9, 1), LOSSES[number]
    one[0] = two[0]
    wanted = [losses(a, b)[number] for a, b in zip(one, two)]
    given = ours.tensor(one, requires_grad=True), ours.tensor(two)
    np.testing.assert_allclose(loss(*given).detach(), wanted, rtol=1e-12, atol=1e-15)
    assert loss(*given, "mean").item() == pytest.approx(np.mean(wanted))
    assert loss(*given, reduction="sum").item() == pytest.approx(np.sum(wanted))
    assert loss(given[0][3], given[1][3]).item() == pytest.approx(wanted[3])
    assert loss(*(ours.tensor(x).half() for x in (one, two))).dtype == ours.float32
    if number < 2:  # of the third one the gradient takes a factor as a constant
        ours.autograd.gradcheck(lambda x: loss(x[1:], given[1][1:]), given[0])
    empty = ours.zeros(0, 4, requires_grad=True)
    assert loss(empty, empty, "mean").item() == 0 and loss(empty, empty, "mean").requires_grad
    with pytest.raises(ValueError, match=f"{loss.__name__}: expected the reduction .* found 'all'"):
        loss(*given, "all")
    with pytest.raises(ShapeError, match=rf"{loss.__name__}: expected as many targets as boxes"):
        loss(given[0], given[1][:2])


def test_the_factor_of_the_shapes_is_a_constant():
    one, two = ours.tensor(boxes(4), requires_grad=True), ours.tensor(boxes(4, 1))
    (slope,) = ours.autograd.grad(ops.complete_box_iou_loss(one, two).sum(), one)
    wide, high = one[:, 2] - one[:, 0], one[:, 3] - one[:, 1]
    angle = ((two[:, 2] - two[:, 0]) / (two[:, 3] - two[:, 1])).atan()
    v = 4 / math.pi**2 * ((wide / high).atan() - angle) ** 2
    iou = ops.box_iou(one, two).diagonal().detach()
    constant = (v / (1 - iou + v + 1e-7)).detach()
    (wanted,) = ours.autograd.grad((ops.distance_box_iou_loss(one, two) + constant * v).sum(), one)
    np.testing.assert_allclose(slope, wanted, rtol=1e-5)


def test_iou_by_distance_and_shape_are_the_losses_of_all_pairs():
    one, two = boxes(5), boxes(4, 1)
    given = ours.tensor(one), ours.tensor(two)
    for call, number in ((ops.distance_box_iou, 1), (ops.complete_box_iou, 2)):
        wanted = [[1 - losses(a, b)[number] for b in two] for a in one]
        np.testing.assert_allclose(call(*given), wanted, rtol=1e-6)
        assert call(given[0][:0], given[1]).shape == (0, 4)


def test_a_frozen_batch_norm_is_one_that_is_evaluated():
    norm, frozen = ours.nn.BatchNorm2d(3), ops.FrozenBatchNorm2d(3)
    norm(ours.randn(4, 3, 2, 2))
    norm.weight.data.uniform_()
    state = norm.state_dict()
    assert str(frozen.load_state_dict(state)) == "<All keys matched successfully>"
    assert "num_batches_tracked" in state
    x = ours.randn(2, 3, 4, 4)
    ours.testing.assert_close(frozen(x), norm.eval()(x).detach())
    assert not list(frozen.parameters()) and sorted(frozen.state_dict()) == [
        "bias",
        "running_mean",
        "running_var",
        "weight",
    ]
    inner = ours.nn.Sequential(ops.FrozenBatchNorm2d(3))
    inner.load_state_dict(ours.nn.Sequential(norm).state_dict())
    with pytest.raises(RuntimeError, match=r'Missing key.*"weight"'):
        frozen.load_state_dict({k: v for k, v in state.items() if k != "weight"})
