"""What ``transforms.v2`` computes otherwise than ``transforms``. When written, all agreed with torchvision
0.28 for the same random numbers, but for the last bit of a byte.
"""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.vision import transforms as v1
from cnn_physics77.vision.transforms import functional as F1
from cnn_physics77.vision.transforms import v2
from cnn_physics77.vision.transforms.v2 import functional as F

Image = pytest.importorskip("PIL.Image")
PIXELS = np.random.default_rng(8).integers(0, 256, (3, 23, 27)).astype(np.uint8)
BYTES, FLOATS = ours.tensor(PIXELS), ours.tensor(PIXELS / 255)
PICTURE = F.to_pil_image(BYTES)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(11, 30), (40, 9)])
def test_bytes_are_resized_as_bytes(mode, size):
    found = F.resize(BYTES, size, mode)
    options = {"mode": mode, "align_corners": False, "antialias": True}
    assert found.dtype == ours.uint8
    assert ours.equal(found, ours.nn.functional.interpolate(BYTES[None], size, **options)[0])
    assert ours.equal(v2.Resize(size, mode)(BYTES), found)
    assert ours.equal(F.resize(BYTES[0], size, mode), found[0])
    assert ours.equal(F.resize(BYTES[None, None], size, mode)[0, 0], found)
    assert ours.equal(F.resized_crop(BYTES, 0, 0, 23, 27, size, mode), found)
    assert ours.equal(F.resize(FLOATS, size, mode), F1.resize(FLOATS, size, F1.InterpolationMode(mode)))
    assert ours.equal(F.resize(BYTES, 9, "nearest"), F1.resize(BYTES, 9, F1.InterpolationMode.NEAREST))
    assert F.resize(PICTURE, list(size), mode).size == size[::-1]


def test_tones_of_floats_and_bytes():
    levels = F.posterize(FLOATS, 2)
    np.testing.assert_array_equal(levels, np.minimum(np.floor(PIXELS / 255 * 4), 3) / 4)
    assert ours.equal(F.posterize(BYTES, 2), F1.posterize(BYTES, 2))
    with pytest.raises(ValueError, match="posterize: expected an integer from 0 to 8 as bits, found 9"):
        F.posterize(FLOATS, 9)
    ours.testing.assert_close(F.equalize(FLOATS), F1.equalize(BYTES) / 255.0, check_dtype=False)
    small = (BYTES // 3 + 20).to(ours.uint8)
    low = small.numpy().min(axis=(1, 2), keepdims=True).astype(np.float32)
    high = small.numpy().max(axis=(1, 2), keepdims=True).astype(np.float32)
    wanted = (small.numpy() - low) / ((high - low) * np.float32(1 / 255))
    np.testing.assert_array_equal(F.autocontrast(small), wanted.clip(0, 255).astype(np.uint8))
    ours.testing.assert_close(F.autocontrast(small / 255), F1.autocontrast(small / 255))
    assert ours.equal(F.autocontrast(small[:, :1, :1]), small[:, :1, :1])
    for call in (F.autocontrast, F.equalize):
        assert call(PICTURE).size == PICTURE.size and call(BYTES[:, :0]).shape == (3, 0, 27)
    for kind, change in (
        (v2.RandomAutocontrast(1), F.autocontrast),
        (v2.RandomEqualize(1), F.equalize),
        (v2.RandomPosterize(3, 1), lambda x: F.posterize(x, 3)),
    ):
        assert ours.equal(kind(FLOATS), change(FLOATS)) and ours.equal(kind(small), change(small))


def test_sizes_and_channels():
    for image in (BYTES, PICTURE):
        assert F.get_size(image) == [23, 27] and F.get_num_channels(image) == 3
    turned = F.permute_channels(BYTES, ours.tensor([2, 0, 1]))
    assert ours.equal(turned, BYTES[[2, 0, 1]])
    assert ours.equal(F.pil_to_tensor(F.permute_channels(PICTURE, [2, 0, 1])), turned)
    with pytest.raises(ValueError, match="permute_channels: expected 3 numbers of channels"):
        F.permute_channels(BYTES, [0, 1])
    assert ours.equal(F.grayscale_to_rgb(BYTES[:1]), BYTES[:1].expand(3, -1, -1))
    assert F.grayscale_to_rgb(BYTES) is BYTES and F.grayscale_to_rgb(PICTURE.convert("L")).mode == "RGB"


def drawn(n):
    return int(ours.randint(n, (1,)).item())


def changed(image, name, sign, part, brightest):
    """The image after the change; None for those that are not looked at here."""
    if name in ("Brightness", "Contrast"):
        return getattr(F, f"adjust_{name.lower()}")(image, 1 + sign * 0.9 * part)
    if name == "Rotate":
        return F.rotate(image, sign * 30 * part)
    if name == "TranslateX":
        return F.affine(image, 0, [int(sign * 150 / 331 * 27 * part), 0], 1, 0)
    if name == "Posterize":
        return F.posterize(image, 8 - round(4 * part))
    if name == "Solarize":
        return F.solarize(image, brightest * (1 - part))
    return {"Equalize": F.equalize, "AutoContrast": F.autocontrast, "Identity": lambda x: x}.get(
        name, lambda x: None
    )(image)


@pytest.mark.parametrize("image", [PICTURE, BYTES, FLOATS], ids=["picture", "bytes", "floats"])
def test_augmentations_draw_signs_and_take_parts_of_the_brightest_pixel(image):
    names = ["Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color"]
    names += ["Contrast", "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"]
    seen = set()
    for seed in range(60):
        ours.manual_seed(seed)
        found = v2.RandAugment(1, magnitude=20)(image)
        ours.manual_seed(seed)
        name, sign = names[drawn(14)], 1
        if names.index(name) in range(1, 10):
            sign = -1 if ours.rand(1).item() <= 0.5 else 1
        wanted = changed(image, name, sign, 20 / 30, 1.0 if image is FLOATS else 255.0)
        if wanted is not None:
            seen.add(name)
            a, b = (np.asarray(x, np.float64) for x in (found, wanted))
            np.testing.assert_allclose(a, b, atol=1e-5 if image is FLOATS else 1)
    assert len(seen) == 9


def test_pictures_are_erased_too_and_bytes_at_random():
    for seed in range(5):
        ours.manual_seed(seed)
        picture, label = v2.RandomErasing(1.0, value=(1, 2, 3))(PICTURE, 4)
        ours.manual_seed(seed)
        assert (
            ours.equal(F.pil_to_tensor(picture), v2.RandomErasing(1.0, value=(1, 2, 3))(BYTES)) and label == 4
        )
        ours.manual_seed(seed)
        found = v1.RandomErasing(1.0, value="random")(FLOATS)
        ours.manual_seed(seed)
        several = v1.RandomErasing(1.0, value="random")(ours.stack([FLOATS, FLOATS]))
        assert ours.equal(several[0], several[1]) and ours.equal(several[0], found)  # one noise for all
    assert v1.RandomErasing(1.0, value="random")(BYTES).dtype == ours.uint8
    erased = F.erase(PICTURE, 1, 2, 3, 4, ours.zeros(3, 1, 1, dtype=ours.uint8))
    assert ours.equal(F.pil_to_tensor(erased), F.erase(BYTES, 1, 2, 3, 4, ours.zeros(3, 1, 1)))


def test_numbers_that_fill_a_picture_are_cut_to_integers():
    found = F.rotate(PICTURE, 45, fill=[1.7, 2.0, 3.2])
    assert found.getpixel((0, 0)) == (1, 2, 3)
    grey = F.to_pil_image(np.ones((5, 5), np.float32), "F")
    assert F.rotate(grey, 45, fill=1.5).getpixel((0, 0)) == 1.5


@pytest.mark.parametrize("version", [v1, v2])
@pytest.mark.parametrize("image", [PICTURE, BYTES], ids=["picture", "bytes"])
def test_pairs_of_changes_that_were_found(version, image):
    functions = F1 if version is v1 else F
    seen = set()
    for policy in version.AutoAugmentPolicy:
        augment = version.AutoAugment(policy)
        assert len(augment.policies) == 25 and f"policy={policy}" in repr(augment)
        for seed in range(30):
            ours.manual_seed(seed)
            found = augment(image)
            ours.manual_seed(seed)
            pair, wanted = augment.policies[drawn(25)], image
            if version is v1:
                chances, signs = ours.rand(2).tolist(), ours.randint(2, (2,)).tolist()
            for name, chance, number in pair:
                if (chances.pop(0) if version is v1 else ours.rand(1).item()) > chance:
                    signs = signs[1:] if version is v1 else None
                    continue
                signed = name in ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness")
                signed = signed or name in ("Color", "Contrast", "Sharpness")
                minus = not signs.pop(0) if version is v1 else signed and ours.rand(1).item() <= 0.5
                part = 0 if number is None else number / 9
                if name == "Rotate":
                    wanted = functions.rotate(wanted, -30 * part if minus else 30 * part)
                elif name == "Posterize":
                    wanted = functions.posterize(wanted, 8 - round(4 * part))
                elif name == "Solarize":
                    wanted = functions.solarize(wanted, 255 * (1 - part))
                elif name in ("Equalize", "AutoContrast", "Invert"):
                    wanted = getattr(functions, name.lower())(wanted)
                elif name in ("Color", "Contrast"):
                    change = functions.adjust_saturation if name == "Color" else functions.adjust_contrast
                    wanted = change(wanted, 1 - 0.9 * part if minus else 1 + 0.9 * part)
                else:
                    break
                seen.add(name)
            else:
                same = np.asarray(found).astype(int) - np.asarray(wanted)
                assert (abs(same) > 2).mean() < 0.02
    assert len(seen) == 8
    with pytest.raises(ValueError, match="AutoAugment: expected an AutoAugmentPolicy, found 'imagenet'"):
        version.AutoAugment("imagenet")
