"""Parts of images in boxes, against loops over their samples and pixels."""

import importlib
import math

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.vision import ops

RNG = np.random.default_rng(3)
IMAGES = RNG.normal(size=(2, 3, 7, 5))
BOXES = np.array(
    [
        [1, 0.5, 1.0, 4.0, 6.2],
        [0, -3.0, -4.0, 9.0, 11.0],  # out of the image on all sides
        [1, 2.0, 2.0, 2.1, 2.0],
        [0, 3.0, 4.0, 2.0, 1.0],  # the wrong way round
    ]
)


def pixel(image, y, x):
    """The four pixels around a place, by their distance."""
    height, width = image.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    return sum(
        image[i, j] * (1 - abs(y - i)) * (1 - abs(x - j))
        for i in range(top, min(top + 2, height))
        for j in range(left, min(left + 2, width))
    )


def by_loop(box, size, scale, ratio, aligned):
    low, high = (np.array(part) * scale - 0.5 * aligned for part in (box[[2, 1]], box[[4, 3]]))
    extent = high - low if aligned else np.maximum(high - low, 1)
    step = extent / size
    counts = [ratio if ratio > 0 else math.ceil(s) for s in step]
    found = np.zeros((3, *size))
    for c, p, q in np.ndindex(found.shape):
        samples = [
            pixel(
                IMAGES[int(box[0]), c],
                low[0] + step[0] * (p + (i + 0.5) / counts[0]),
                low[1] + step[1] * (q + (j + 0.5) / counts[1]),
            )
            for i in range(counts[0])
            for j in range(counts[1])
        ]
        found[c, p, q] = sum(samples) / max(len(samples), 1)
    return found


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("ratio", [2, -1])
def test_boxes_are_the_loop(aligned, ratio):
    expected = [by_loop(box, (2, 3), 0.9, ratio, aligned) for box in BOXES]
    found = ops.roi_align(ours.tensor(IMAGES), ours.tensor(BOXES), (2, 3), 0.9, ratio, aligned)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-14)


def test_derivatives_and_other_forms():
    images, boxes = ours.tensor(IMAGES, requires_grad=True), ours.tensor(BOXES)
    ours.autograd.gradcheck(lambda x: ops.roi_align(x, boxes, 2), images)
    ours.autograd.gradgradcheck(lambda x: ops.roi_align(x**2, boxes, 2), images)
    order = [1, 3, 0, 2]  # a list has the boxes of the first image first
    parts = [boxes[[1, 3], 1:], boxes[[0, 2], 1:]]
    layer = ops.RoIAlign(2, spatial_scale=1.0, sampling_ratio=-1)
    np.testing.assert_array_equal(
        layer(images, parts).detach(), ops.roi_align(images, boxes, 2)[order].detach()
    )
    assert repr(layer) == "RoIAlign(output_size=2, spatial_scale=1.0, sampling_ratio=-1, aligned=False)"
    half = ops.roi_align(images.detach().half(), boxes.half(), 2)
    assert half.dtype == ours.float16
    np.testing.assert_allclose(half, ops.roi_align(images, boxes, 2).detach(), rtol=2e-2, atol=2e-2)
    assert ops.roi_align(images, boxes, (2, 3)).view(4, -1).shape == (4, 18)


def test_pieces_of_many_pixels_are_the_whole(monkeypatch):
    images, boxes = ours.tensor(IMAGES, requires_grad=True), ours.tensor(BOXES)
    for name, call in (("roi_align", ops.roi_align), ("roi_pool", ops.roi_pool)):
        module = importlib.import_module(f"cnn_physics77.vision.ops.{name}")
        whole = call(images, boxes, 3)
        (slope,) = ours.autograd.grad(whole.square().sum(), images)
        monkeypatch.setattr(module, "AT_ONCE", 3)
        np.testing.assert_allclose(call(images, boxes, 3).detach(), whole.detach(), rtol=1e-12)
        (again,) = ours.autograd.grad(call(images, boxes, 3).square().sum(), images)
        np.testing.assert_allclose(again, slope, rtol=1e-12)


@pytest.mark.parametrize("call", [ops.roi_align, ops.roi_pool])
def test_no_boxes(call):
    images = ours.tensor(IMAGES, requires_grad=True)
    for none in ([], [ours.empty(0, 4).double()], ours.empty(0, 5).double()):
        found = call(images, none, (2, 3))
        assert found.shape == (0, 3, 2, 3) and found.requires_grad
        assert not ours.autograd.grad(found.sum(), images)[0].any()


def test_a_pixel_that_is_not_finite_spoils_the_bins_that_take_it():
    images = ours.tensor(IMAGES)
    boxes = ours.tensor(BOXES[[0, 0, 2]])
    boxes[1, 1:] = ours.tensor([0.2, 0.2, 2.2, 2.2])
    plain = ops.roi_align(images, boxes, 2, sampling_ratio=1)
    for wrong in (math.nan, math.inf):
        images[1, 0, 5, 4] = wrong  # only the last bin of the first box takes it
        found = ops.roi_align(images, boxes, 2, sampling_ratio=1)
        changed = found != plain
        assert changed[0, 0].tolist() == [[False, False], [False, True]] and changed.sum() == 1


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_boxes_that_are_not_finite(wrong):
    boxes = ours.tensor(BOXES)
    boxes[1, 3] = wrong
    for ratio in (2, -1):
        found = ops.roi_align(ours.tensor(IMAGES), boxes, 2, sampling_ratio=ratio)
        assert not found[1].any() and found[0].all()
    with pytest.raises(ValueError, match="roi_pool: expected finite boxes"):
        ops.roi_pool(ours.tensor(IMAGES), boxes, 2)


@pytest.mark.parametrize(("dtype", "samples"), [("float32", 2), ("float64", 3)])
def test_samples_are_counted_in_the_dtype_of_the_input(dtype, samples):
    """A bin is (4.1 - 0.1) / 2 = 2 pixels wide, but for rounding."""
    image, box = ours.tensor(IMAGES).to(getattr(ours, dtype)), [0.0, 1.0, 1.0, 41.0, 41.0]
    given = image, ours.tensor([box], dtype=image.dtype), 2, 0.1
    assert ours.equal(ops.roi_align(*given), ops.roi_align(*given, samples))
    assert not ours.equal(ops.roi_align(*given), ops.roi_align(*given, 5 - samples))


def test_each_bin_has_a_channel_of_its_own():
    images = ours.tensor(np.random.default_rng(4).normal(size=(2, 12, 7, 5)), requires_grad=True)
    boxes = ours.tensor(BOXES)
    found = ops.PSRoIAlign((2, 3), 0.9, 2)(images, boxes)
    assert found.shape == (4, 2, 2, 3)
    for c, p, q in np.ndindex(2, 2, 3):
        channel = (c * 2 + p) * 3 + q
        part = ops.roi_align(images[:, channel : channel + 1], boxes, (2, 3), 0.9, 2, aligned=True)
        np.testing.assert_allclose(found[:, c, p, q].detach(), part[:, 0, p, q].detach(), rtol=1e-12)
    ours.autograd.gradcheck(lambda x: ops.ps_roi_align(x, boxes, (2, 3)), images)
    assert ops.ps_roi_align(images, [], (2, 3)).shape == (0, 2, 2, 3)
    with pytest.raises(ShapeError, match=r"ps_roi_align: expected input channels .* 2 x 4 bins, found 12"):
        ops.ps_roi_align(images, boxes, (2, 4))
    assert repr(ops.PSRoIAlign(2, 0.5, 1)) == "PSRoIAlign(output_size=2, spatial_scale=0.5, sampling_ratio=1)"


def largest_by_loop(box, size, scale):
    left, top, right, bottom = (math.floor(abs(v) * scale + 0.5) * (-1 if v < 0 else 1) for v in box[1:])
    steps = max(bottom - top + 1, 1) / size[0], max(right - left + 1, 1) / size[1]
    found = np.zeros((3, *size))
    for c, *bin_ in np.ndindex(found.shape):
        rows, columns = (
            range(max(math.floor(i * s) + low, 0), min(math.ceil((i + 1) * s) + low, n))
            for i, s, low, n in zip(bin_, steps, (top, left), IMAGES.shape[2:])
        )
        pixels = [IMAGES[int(box[0]), c, i, j] for i in rows for j in columns]
        found[c, *bin_] = max(pixels, default=0)
    return found


@pytest.mark.parametrize("scale", [0.9, 1.0])
def test_largest_pixels_are_the_loop(scale):
    rows = np.concatenate([BOXES, [[0, 20, 20, 30, 30], [0, -0.5, 0.5, 2.5, 4.5]]])
    images, boxes = ours.tensor(IMAGES, requires_grad=True), ours.tensor(rows)
    found = ops.RoIPool((2, 3), scale)(images, boxes)
    np.testing.assert_array_equal(found.detach(), [largest_by_loop(row, (2, 3), scale) for row in rows])
    ours.autograd.gradcheck(lambda x: ops.roi_pool(x, boxes, (2, 3), scale), images)
    ours.autograd.gradgradcheck(lambda x: ops.roi_pool(x**2, boxes, (2, 3), scale), images)
    assert repr(ops.RoIPool(2, 0.5)) == "RoIPool(output_size=2, spatial_scale=0.5)"


def test_of_equal_pixels_the_first_gets_the_gradient_and_nan_none():
    image = ours.tensor([[[[math.nan, 2.0], [2.0, 1.0]]]], requires_grad=True)
    found = ops.roi_pool(image, [ours.tensor([[0.0, 0.0, 1.0, 1.0]])], 1)
    found.sum().backward()
    assert found.item() == 2 and image.grad.tolist() == [[[[0, 1], [0, 0]]]]
    least = ops.roi_pool(ours.full((1, 1, 2, 2), math.nan), [ours.zeros(1, 4)], 1)
    assert least.item() == -ours.finfo(ours.float32).max


@pytest.mark.parametrize("call", [ops.roi_align, ops.roi_pool])
def test_errors(call):
    images, boxes, name = ours.tensor(IMAGES), ours.tensor(BOXES), call.__name__
    with pytest.raises(ShapeError, match=rf"{name}: expected boxes \(K, 5\) .* found shape \(4, 4\)"):
        call(images, boxes[:, 1:], 2)
    with pytest.raises(ShapeError, match=rf"{name}: .* found shape \(4, 5\) in a list"):
        call(images, [boxes], 2)
    with pytest.raises(ShapeError, match=r"expected an input \(N, C, H, W\), found shape \(7, 5\)"):
        call(images[0, 0], boxes, 2)
    for wrong in (2.0, -1.0, math.nan):
        with pytest.raises(
            ShapeError, match=rf"{name}: expected boxes of images 0 to 1, found one of image "
        ):
            call(images, ours.tensor([[wrong, 0.0, 0.0, 1.0, 1.0]]).double(), 2)
    with pytest.raises(DtypeError, match=f"{name}: expected tensors of one dtype"):
        call(images.float(), boxes, 2)
    with pytest.raises(DtypeError, match=f"{name}: expected a tensor, found ndarray"):
        call(images, [BOXES[:, 1:]], 2)
    for size in (0, (2, -1), 2.0, (2, 2, 2), (2,), "a", None):
        with pytest.raises(ValueError, match=f"{name}: expected one or two positive integers"):
            call(images, boxes, size)


def test_a_scale_that_makes_boxes_infinite():
    images, boxes = ours.tensor(IMAGES).float(), ours.tensor(BOXES).float()
    boxes[1, 3] = 1e38
    assert not ops.roi_align(images, boxes, 2, 10.0)[1].any()
    with pytest.raises(ValueError, match="roi_pool: expected finite boxes"):
        ops.roi_pool(images, boxes, 2, 10.0)
