"""Random changes that ``transforms.v2`` alone has, drawn again step by step. When written, all agreed with
torchvision 0.28 for the same random numbers, but for the last bit of resized bytes.
"""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.vision import transforms as v1
from cnn_physics77.vision.transforms import v2
from cnn_physics77.vision.transforms.v2 import functional as F

pytest.importorskip("PIL")
BYTES = ours.tensor(np.random.default_rng(8).integers(0, 256, (3, 23, 27)).astype(np.uint8))
PICTURE, FLOATS = F.to_pil_image(BYTES), BYTES / 255


def rand():
    return ours.rand(1).item()


def uniform(low, high):
    return ours.empty(1).uniform_(low, high).item()


def array(image):
    return np.asarray(image, np.float64)


@pytest.mark.parametrize("image", [PICTURE, BYTES, FLOATS], ids=["picture", "bytes", "floats"])
def test_distortions_of_colours(image):
    ranges = {
        "brightness": (0.875, 1.125),
        "contrast": (0.5, 1.5),
        "saturation": (0.5, 1.5),
        "hue": (-0.05, 0.05),
    }
    kinds = set()
    for seed in range(20):
        ours.manual_seed(seed)
        found, label = v2.RandomPhotometricDistort()(image, 3)
        ours.manual_seed(seed)
        factors = {name: uniform(*ends) if rand() < 0.5 else None for name, ends in ranges.items()}
        order = ["brightness", "contrast", "saturation", "hue"]
        if rand() >= 0.5:
            order = ["brightness", "saturation", "hue", "contrast"]
        wanted = image
        for name in order:
            if factors[name] is not None:
                wanted = getattr(F, f"adjust_{name}")(wanted, factors[name])
        if rand() < 0.5:
            wanted = F.permute_channels(wanted, ours.randperm(3))
        np.testing.assert_array_equal(array(found), array(wanted))
        kinds.add(tuple(order))
    assert label == 3 and len(kinds) == 2
    ours.manual_seed(1)
    mixed = v2.RandomChannelPermutation()(image)
    ours.manual_seed(1)
    np.testing.assert_array_equal(array(mixed), array(F.permute_channels(image, ours.randperm(3))))


@pytest.mark.parametrize("image", [PICTURE, BYTES], ids=["picture", "bytes"])
def test_other_sizes(image):
    for seed in range(10):
        ours.manual_seed(seed)
        zoomed = v2.RandomZoomOut(7, (1.2, 2.0))(image)
        ours.manual_seed(seed)
        if rand() >= 0.5:
            assert zoomed is image
        else:
            factor = 1.2 + rand() * 0.8
            height, width = F.get_size(zoomed)
            assert abs(height - 23 * factor) < 1.01 and abs(width - 27 * factor) < 1.01
            left, top = (
                int((n - m) * part) for n, m, part in zip((width, height), (27, 23), ours.rand(2).tolist())
            )
            assert (array(F.crop(zoomed, top, left, 23, 27)) == array(image)).all()
            assert array(zoomed).sum() == array(image).sum() + 7 * 3 * (height * width - 23 * 27)
        ours.manual_seed(seed)
        resized = v2.RandomResize(5, 40)(image)
        ours.manual_seed(seed)
        assert min(F.get_size(resized)) == int(ours.randint(5, 40, (1,)).item())
        ours.manual_seed(seed)
        shortest = v2.RandomShortestSize([5, 9, 30], 33)(image)
        ours.manual_seed(seed)
        factor = min([5, 9, 30][int(ours.randint(3, (1,)).item())] / 23, 33 / 27)
        assert F.get_size(shortest) == [int(23 * factor), int(27 * factor)]
        ours.manual_seed(seed)
        scaled = v2.ScaleJitter((20, 30), (0.5, 1.5))(image)
        ours.manual_seed(seed)
        factor = (0.5 + rand()) * min(30 / 23, 20 / 27)
        assert np.abs(np.array(F.get_size(scaled)) - np.array([23, 27]) * factor).max() <= 1
    assert v2.RandomShortestSize(5)(image, 3)[1] == 3
    for wrong in (lambda: v2.RandomZoomOut(side_range=(0.5, 2)), lambda: v2.ScaleJitter((2, 3), (2, 1))):
        with pytest.raises(ValueError, match="low <= high as s"):
            wrong()


def test_noise():
    for clip in (True, False):
        ours.manual_seed(2)
        found = v2.GaussianNoise(0.1, 0.2, clip)(FLOATS)
        ours.manual_seed(2)
        wanted = FLOATS + (0.1 + ours.randn(3, 23, 27) * 0.2)
        assert ours.equal(found, wanted.clamp(0, 1) if clip else wanted)
        ours.manual_seed(2)
        found = F.gaussian_noise(BYTES, 0.1, 0.2, clip).numpy()
        ours.manual_seed(2)
        whole = BYTES.numpy() + np.trunc(0.1 * 255 + (ours.randn(3, 23, 27) * (0.2 * 255)).numpy()).astype(
            int
        )
        np.testing.assert_array_equal(found, whole.clip(0, 255) if clip else whole % 256)
    with pytest.raises(ValueError, match="sigma shouldn't be negative, found -1"):
        F.gaussian_noise(BYTES, sigma=-1)
    with pytest.raises(ValueError, match=r"expected floats or bytes, found torch\.int64"):
        F.gaussian_noise(BYTES.long())
    with pytest.raises(TypeError, match="gaussian_noise: expected a tensor, found Image"):
        F.gaussian_noise(PICTURE)


def test_grey_images_get_colours():
    grey = BYTES[:1]
    assert ours.equal(v2.RGB()(grey), grey.expand(3, -1, -1)) and v2.RGB()(PICTURE.convert("L")).mode == "RGB"


def test_a_linear_map_of_pixels():
    numbers = np.random.default_rng(0)
    matrix, mean = numbers.normal(size=(12, 12)), numbers.normal(size=12)
    images = numbers.normal(size=(2, 3, 2, 2))
    for version in (v1, v2):
        change = version.LinearTransformation(ours.tensor(matrix), ours.tensor(mean))
        found = change(ours.tensor(images))
        np.testing.assert_allclose(found, ((images.reshape(2, 12) - mean) @ matrix).reshape(images.shape))
        assert change(ours.tensor(images[0])).shape == (3, 2, 2)
        with pytest.raises(ShapeError, match=r"with C H W = 12, found shape \(3, 23, 27\)"):
            change(FLOATS)
    with pytest.raises(ShapeError, match=r"a square matrix \(D, D\) and a vector \(D\)"):
        v1.LinearTransformation(ours.eye(3), ours.zeros(2))
    assert repr(v1.LinearTransformation(ours.ones(1, 1), ours.ones(1))) == (
        "LinearTransformation(transformation_matrix=[[1.0]], mean_vector=[1.0])"
    )
