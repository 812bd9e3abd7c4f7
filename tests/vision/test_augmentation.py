"""Colours and random changes of images, against Pillow and plain formulas. When written, all agreed with
torchvision 0.28 for the same random numbers.
"""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import cnn_physics77 as ours
from cnn_physics77.vision import transforms
from cnn_physics77.vision.transforms import functional as F

NUMBERS = np.random.default_rng(67)
PIXELS = NUMBERS.integers(0, 256, (12, 17, 3), np.uint8)
IMAGE = Image.fromarray(PIXELS)
TENSOR = ours.from_numpy(NUMBERS.random((2, 3, 6, 5)))


def drawn(low, high):
    return ours.empty(1).uniform_(low, high).item()


def test_tensors_get_another_size():
    for size, expected in ((4, (4, 4)), ([3, 8], (3, 8)), (10, (12, 10))):
        for antialias in (True, False):
            made = F.resize(TENSOR, size, antialias=antialias)
            wanted = ours.nn.functional.interpolate(TENSOR, expected, mode="bilinear", antialias=antialias)
            assert made.dtype == ours.float64 and ours.equal(made, wanted)
    assert F.resize(TENSOR[0, 0], 3).shape == (3, 3) and transforms.Resize(5)(TENSOR).shape == (2, 3, 6, 5)
    whole = F.pil_to_tensor(IMAGE)
    for mode in (F.InterpolationMode.NEAREST, F.InterpolationMode.BILINEAR, F.InterpolationMode.BICUBIC):
        small = F.resize(whole, (5, 7), mode)
        assert small.dtype == ours.uint8 and small.shape == (3, 5, 7)
        if mode is not F.InterpolationMode.NEAREST:
            pillow = np.asarray(IMAGE.resize((7, 5), Image.Resampling[mode.name])).transpose(2, 0, 1)
            assert abs(small.numpy().astype(int) - pillow).max() <= 2
    assert F.resize(IMAGE, 6, Image.Resampling.BICUBIC).size == (8, 6)


def test_grey():
    red, green, blue = TENSOR.numpy()[:, 0], TENSOR.numpy()[:, 1], TENSOR.numpy()[:, 2]
    grey = F.rgb_to_grayscale(TENSOR)
    np.testing.assert_allclose(grey.numpy()[:, 0], 0.2989 * red + 0.587 * green + 0.114 * blue)
    assert ours.equal(F.rgb_to_grayscale(TENSOR, 3), grey.expand(2, 3, 6, 5))
    assert np.array_equal(np.asarray(transforms.Grayscale()(IMAGE)), np.asarray(IMAGE.convert("L")))
    assert transforms.Grayscale(3)(IMAGE).mode == "RGB" and F.to_grayscale(IMAGE).mode == "L"
    with pytest.raises(ValueError, match="either 1 or 3, found 2"):
        F.rgb_to_grayscale(IMAGE, 2)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_factors_of_colours(factor):
    grey = F.rgb_to_grayscale(TENSOR)
    for change, enhancer, other in (
        (F.adjust_brightness, "Brightness", 0 * TENSOR),
        (F.adjust_contrast, "Contrast", grey.mean(dim=(1, 2, 3), keepdim=True)),
        (F.adjust_saturation, "Color", grey),
    ):
        wanted = (factor * TENSOR + (1 - factor) * other).clamp(0, 1)
        np.testing.assert_allclose(change(TENSOR, factor).numpy(), wanted.numpy(), rtol=1e-12)
        wanted = np.asarray(getattr(ImageEnhance, enhancer)(IMAGE).enhance(factor))
        assert np.array_equal(np.asarray(change(IMAGE, factor)), wanted)
        found = change(F.pil_to_tensor(IMAGE), factor).numpy().transpose(1, 2, 0)
        assert abs(found - wanted.astype(int)).max() < 3
        with pytest.raises(ValueError, match="not non-negative"):
            change(IMAGE, -1)


def test_hue():
    turned = F.adjust_hue(IMAGE, 0.25)
    before, after = (np.asarray(image.convert("HSV")).astype(int) for image in (IMAGE, turned))
    vivid = (before[..., 1] > 100) & (before[..., 2] > 100)
    off = (after - before)[..., 0][vivid] % 256
    assert abs(off - 63).max() <= 3 and F.adjust_hue(IMAGE.convert("L"), 0.3).mode == "L"
    with pytest.raises(ValueError, match="is not in"):
        F.adjust_hue(IMAGE, 0.6)
    for part in (0.25, -0.4, 0.0):
        found = F.adjust_hue(TENSOR, part)
        eighth = F.adjust_hue((TENSOR * 255).to(ours.uint8), part)
        pixels = (image.movedim(1, -1).reshape(-1, 3).tolist() for image in (TENSOR, found, eighth))
        for pixel, turned, in_bits in zip(*pixels):
            hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
            expected = np.array(colorsys.hsv_to_rgb((hue + part) % 1, saturation, value))
            assert abs(turned - expected).max() < 1e-5 and abs(in_bits - 255 * expected).max() < 3.5
    assert found.dtype == ours.float64 and F.adjust_hue(TENSOR[:, :1], 0.1).equal(TENSOR[:, :1])
    np.testing.assert_allclose(F.adjust_hue(TENSOR, 1 / 3), TENSOR[:, [2, 0, 1]], atol=1e-6)
    with pytest.raises(TypeError, match="adjust_hue: expected a tensor"):
        F.adjust_hue(TENSOR[0, 0], 0.1)


def test_random_changes_draw_from_the_default_generator():
    for seed in range(12):
        ours.manual_seed(seed)
        found = transforms.RandomRotation((-20, 50))(IMAGE)
        ours.manual_seed(seed)
        assert np.array_equal(np.asarray(found), np.asarray(F.rotate(IMAGE, drawn(-20.0, 50.0), fill=0)))
        ours.manual_seed(seed)
        found = transforms.RandomApply([transforms.Grayscale(3)], 0.3)(IMAGE)
        ours.manual_seed(seed)
        assert np.array_equal(np.asarray(found), PIXELS) == (ours.rand(1).item() > 0.3)
        ours.manual_seed(seed)
        found = transforms.RandomGrayscale(0.3)(TENSOR)
        ours.manual_seed(seed)
        assert ours.equal(found, TENSOR) == (ours.rand(1).item() >= 0.3)
        ours.manual_seed(seed)
        found = transforms.ColorJitter(0.5, (0.2, 0.9), hue=0.1)(IMAGE)
        ours.manual_seed(seed)
        order, wanted = ours.randperm(4).tolist(), IMAGE
        factors = [drawn(0.5, 1.5), drawn(0.2, 0.9), None, drawn(-0.1, 0.1)]
        for number in order:
            if number != 2:
                change = (F.adjust_brightness, F.adjust_contrast, None, F.adjust_hue)[number]
                wanted = change(wanted, factors[number])
        assert np.array_equal(np.asarray(found), np.asarray(wanted))


def test_random_resized_crop():
    crop = transforms.RandomResizedCrop((4, 6), scale=(0.2, 0.9))
    parts = set()
    for seed in range(20):
        ours.manual_seed(seed)
        top, left, rows, columns = crop.get_params(IMAGE, crop.scale, crop.ratio)
        assert 0 <= top <= 12 - rows and 0 <= left <= 17 - columns
        assert 0.1 < rows * columns / (12 * 17) < 1 and 0.6 < columns / rows < 1.7
        ours.manual_seed(seed)
        part = IMAGE.crop((left, top, left + columns, top + rows)).resize((6, 4), Image.Resampling.BILINEAR)
        assert np.array_equal(np.asarray(crop(IMAGE)), np.asarray(part))
        parts.add((top, left, rows, columns))
    assert len(parts) > 10 and crop(TENSOR).shape == (2, 3, 4, 6)
    wide, tall = ours.zeros(1, 4, 90), ours.zeros(1, 90, 4)
    ratio, whole = (3 / 4, 4 / 3), (1.0, 1.0)
    assert crop.get_params(wide, whole, ratio) == (0, 42, 4, 5)
    assert crop.get_params(tall, whole, ratio) == (42, 0, 5, 4)
    assert crop.get_params(ours.zeros(1, 6, 6), (4.0, 4.0), ratio) == (0, 0, 6, 6)


def test_random_erasing():
    for seed, value in ((1, 7), (2, (5, 6, 7)), (3, "random")):
        ours.manual_seed(seed)
        image = TENSOR.clone()
        found = transforms.RandomErasing(1.0, scale=(0.1, 0.3), value=value)(image)
        assert ours.equal(image, TENSOR)
        changed = (found != TENSOR).any(dim=0).any(dim=0).nonzero()
        low, high = changed.min(dim=0).values.tolist(), (changed.max(dim=0).values + 1).tolist()
        inside = found[..., low[0] : high[0], low[1] : high[1]]
        assert len(changed) == math.prod(h - n for n, h in zip(low, high)) < 30
        if value != "random":
            wanted = ours.tensor(value, dtype=inside.dtype).reshape(-1, 1, 1).expand_as(inside)
            assert ours.equal(inside, wanted)
    assert transforms.RandomErasing(0.0)(TENSOR) is TENSOR
    assert transforms.RandomErasing(1.0, inplace=True)(image) is image


def test_texts_and_wrong_bounds():
    assert repr(transforms.ColorJitter(0.5, hue=(0, 0.2))) == (
        "ColorJitter(brightness=(0.5, 1.5), contrast=None, saturation=None, hue=(0.0, 0.2))"
    )
    assert repr(transforms.RandomRotation(30)) == (
        "RandomRotation(degrees=[-30.0, 30.0], interpolation=nearest, expand=False, fill=0)"
    )
    assert repr(transforms.RandomResizedCrop(3)) == (
        "RandomResizedCrop(size=(3, 3), scale=(0.08, 1.0), ratio=(0.75, 1.3333), interpolation=bilinear, "
        "antialias=True)"
    )
    for wrong in ({"brightness": -1}, {"hue": 0.7}, {"saturation": (2, 1)}):
        with pytest.raises(ValueError, match="ColorJitter: "):
            transforms.ColorJitter(**wrong)
    with pytest.raises(ValueError, match="must be positive, found -3"):
        transforms.RandomRotation(-3)
