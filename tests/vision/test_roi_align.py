"""Parts of images in boxes, against a loop over their samples."""

import math

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError
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
    order = [1, 3, 0, 2]  # a list has the boxes of the first image first
    parts = [boxes[[1, 3], 1:], boxes[[0, 2], 1:]]
    layer = ops.RoIAlign(2, spatial_scale=1.0, sampling_ratio=-1)
    np.testing.assert_array_equal(
        layer(images, parts).detach(), ops.roi_align(images, boxes, 2)[order].detach()
    )
    assert repr(layer) == "RoIAlign(output_size=2, spatial_scale=1.0, sampling_ratio=-1, aligned=False)"
    assert ops.roi_align(images, boxes[:0], (2, 3)).shape == (0, 3, 2, 3)
    assert ops.roi_align(images.detach().float(), boxes, 2).dtype == ours.float32
    with pytest.raises(ShapeError, match=r"roi_align: expected boxes \(K, 5\) .* found \(4, 4\)"):
        ops.roi_align(images, boxes[:, 1:], 2)
    with pytest.raises(ShapeError, match=r"expected an input \(N, C, H, W\), found shape \(7, 5\)"):
        ops.roi_align(images[0, 0], boxes, 2)
    with pytest.raises(ShapeError, match=r"expected boxes of images 0 to 1, found one of image 2"):
        ops.roi_align(images, ours.tensor([[2.0, 0.0, 0.0, 1.0, 1.0]]), 2)
