"""Arguments that a transform does not take are named by it, and images without pixels are images."""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77 import nn
from cnn_physics77.vision import transforms
from cnn_physics77.vision.transforms import functional as F
from cnn_physics77.vision.transforms import v2

Image = pytest.importorskip("PIL.Image")
BYTES = ours.tensor(np.random.default_rng(2).integers(0, 256, (3, 6, 7)).astype(np.uint8))
IMAGES = {"picture": F.to_pil_image(BYTES), "bytes": BYTES, "floats": BYTES / 255}
CORNERS = [[0, 0], [6, 0], [6, 5], [0, 5]]


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize(
    ("name", "arguments", "error", "text"),
    [
        ("affine", (0, [0, 0], 1, [1, 2, 3]), ValueError, r"1 or 2 numbers as shear, found \[1, 2, 3\]"),
        ("affine", (0, [0, 0], 1, []), ValueError, r"1 or 2 numbers as shear, found \[\]"),
        ("affine", (0, [0, 0], 1, None), TypeError, "1 or 2 numbers as shear, found None"),
        ("affine", (0, 3, 1, 0), TypeError, "2 numbers as translate, found 3"),
        ("affine", (0, [1, 2, 3], 1, 0), ValueError, "2 numbers as translate"),
        ("affine", ("3", [1, 2], 1, 0), TypeError, "a number as angle, found '3'"),
        ("affine", (0, [1, 2], 0, 0), ValueError, "a positive scale, found 0"),
        ("affine", (0, [1, 2], 1, 0, 0, None, [1]), ValueError, r"2 numbers as center, found \[1\]"),
        ("affine", (0, [1, 2], 1, 0, 0, [1, 2]), ValueError, r"1 or 3 numbers as fill, found \[1, 2\]"),
        ("rotate", (None,), TypeError, "a number as angle, found None"),
        ("rotate", (3, 0, False, 5), TypeError, "2 numbers as center, found 5"),
        ("rotate", (3, 0, False, None, "a"), TypeError, "1 or 3 numbers as fill, found 'a'"),
        ("perspective", (CORNERS[:3], CORNERS), ValueError, r"four corners \(x, y\) as startpoints"),
        ("perspective", (CORNERS, None), TypeError, "four corners .* as endpoints, found None"),
        ("perspective", (CORNERS, [*CORNERS[:3], [1]]), ValueError, "2 numbers as each of the endpoints"),
        ("gaussian_blur", (3.0,), TypeError, "one or two odd and positive sizes .* found 3.0"),
        ("gaussian_blur", ([3, 3, 3],), ValueError, "one or two odd and positive sizes"),
        ("gaussian_blur", (3, "a"), TypeError, "1 or 2 numbers as sigma, found 'a'"),
        ("gaussian_blur", (3, [1, 0]), ValueError, "one or two positive sigmas"),
        ("gaussian_blur", (13,), ValueError, "an image of more than 6 columns and 6 rows .* found 7 and 6"),
        ("posterize", (9,), ValueError, "to 8 as bits, found 9"),
        ("posterize", (2.5,), TypeError, "to 8 as bits, found 2.5"),
        ("solarize", (None,), TypeError, "a number as threshold, found None"),
        ("adjust_sharpness", ("a",), TypeError, "a number as sharpness_factor, found 'a'"),
        ("adjust_brightness", (None,), TypeError, "a number as factor, found None"),
        ("adjust_hue", (None,), TypeError, "a number as hue_factor, found None"),
        ("adjust_gamma", (None,), TypeError, "a number as gamma, found None"),
        ("crop", (0, 0, None, 3), TypeError, "a number as height, found None"),
        ("resize", (3, 2, "a"), TypeError, "an integer or None as max_size, found 'a'"),
    ],
)
def test_functions_name_what_they_expected(image, name, arguments, error, text):
    with pytest.raises(error, match=f"^{name}: expected {'.*' if name == 'posterize' else ''}{text}"):
        getattr(F, name)(image, *arguments)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: F.crop(BYTES, 0.5, 0, 2, 2),
            TypeError,
            "crop: expected integers top, left, height and width",
        ),
        (
            lambda: F.normalize(BYTES / 255, [0, 0], [1, 1]),
            ValueError,
            "for each of 3 channels, .* found 2 and 2",
        ),
        (lambda: F.normalize(BYTES[:1] / 255, [0] * 3, [1]), ValueError, "for each of 1 channels"),
        (
            lambda: F.normalize(BYTES / 255, "a", [1]),
            TypeError,
            "normalize: expected numbers as mean and std",
        ),
        (
            lambda: F.erase(BYTES, 0, 0, 2, 2, BYTES[:2]),
            ValueError,
            r"erase: .* \(3, 2, 2\), found shape \(2, 6, 7\)",
        ),
        (lambda: F.convert_image_dtype(BYTES, "f4"), TypeError, "convert_image_dtype: expected a dtype"),
        (lambda: F.to_pil_image(BYTES, "L"), ValueError, "RGB, YCbCr, HSV for pixels of shape .* found 'L'"),
        (lambda: F.to_pil_image(BYTES[0], "RGB"), ValueError, "one of the modes L for pixels"),
        (
            lambda: transforms.RandAugment(magnitude=31),
            ValueError,
            "RandAugment: expected .* 0 to 30 .* found 31",
        ),
        (lambda: transforms.RandAugment("a"), ValueError, "RandAugment: expected .* num_ops, found 'a'"),
        (lambda: transforms.TrivialAugmentWide(1), ValueError, "TrivialAugmentWide: expected .* found 1"),
        (lambda: transforms.RandomChoice([]), ValueError, "RandomChoice: expected at least one transform"),
        (lambda: transforms.RandomChoice([abs], [1, 2]), ValueError, r"RandomChoice: expected 1 number as p"),
        (lambda: transforms.RandomChoice([abs], [0]), ValueError, "RandomChoice: expected finite p"),
        (lambda: v2.RandomChoice([abs, abs], [-1, 2]), ValueError, "RandomChoice: expected finite p"),
        (lambda: transforms.RandomAffine(None), TypeError, "RandomAffine: expected 2 numbers as degrees"),
        (lambda: transforms.RandomAffine(3, 0.1), TypeError, "RandomAffine: expected 2 numbers as translate"),
        (lambda: transforms.RandomAffine(3, None, 2), TypeError, "RandomAffine: expected 2 numbers as scale"),
        (lambda: transforms.RandomAffine(3, shear=[1, 2, 3]), ValueError, "2 or 4 numbers as shear"),
        (lambda: transforms.RandomRotation([1]), ValueError, "RandomRotation: expected 2 numbers as degrees"),
        (lambda: transforms.RandomRotation([2, 1]), ValueError, "expected low <= high as degrees"),
        (lambda: transforms.RandomPerspective("a"), TypeError, "RandomPerspective: expected a number"),
        (lambda: transforms.GaussianBlur(3.5), TypeError, "GaussianBlur: expected one or two odd"),
        (lambda: transforms.GaussianBlur(3, [1]), ValueError, "GaussianBlur: expected 2 numbers as sigma"),
        (lambda: transforms.ColorJitter(None), TypeError, "ColorJitter: expected 2 numbers as brightness"),
        (
            lambda: transforms.RandomResizedCrop(3, 0.5),
            TypeError,
            "RandomResizedCrop: expected 2 numbers as scale",
        ),
        (lambda: transforms.RandomResizedCrop(3, ratio=(0, 1)), ValueError, "positive numbers as ratio"),
        (
            lambda: transforms.RandomErasing(1, (0.5, 2)),
            ValueError,
            "RandomErasing: expected a scale of at most 1",
        ),
        (lambda: transforms.RandomErasing(1, ratio=(2, 1)), ValueError, "0 <= low <= high as ratio"),
        (lambda: transforms.RandomErasing(value=None), TypeError, "RandomErasing: .* found None"),
    ],
)
def test_constructors_and_tensors_name_what_they_expected(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    "kind", [transforms.Compose, transforms.RandomApply, transforms.RandomOrder, transforms.RandomChoice]
)
def test_what_is_no_list_of_transforms(kind):
    for version in (kind, getattr(v2, kind.__name__)):
        with pytest.raises(TypeError, match=f"{kind.__name__}: expected a sequence of transforms, found Pad"):
            version(transforms.Pad(1))
        listed = version(nn.ModuleList([transforms.Pad(1)]), **({"p": 1} if "Apply" in kind.__name__ else {}))
        assert listed(BYTES).shape[-1] in (7, 9)


def test_strengths_are_counted_from_the_end_too():
    for seed in range(20):
        ours.manual_seed(seed)
        found = transforms.RandAugment(magnitude=-1)(BYTES)
        ours.manual_seed(seed)
        assert ours.equal(found, transforms.RandAugment(magnitude=30)(BYTES))
    with pytest.raises(ValueError, match="found -32"):
        transforms.RandAugment(magnitude=-32)


def test_one_shear_in_a_list_is_that_of_both_directions():
    image, way = IMAGES["floats"], [0, 0]
    found = F.affine(image, 0, way, 1, [20])
    assert ours.equal(found, F.affine(image, 0, way, 1, [20, 20])) and not ours.equal(found, image)
    assert ours.equal(F.affine(image, 0, way, 1, 20), F.affine(image, 0, way, 1, [20, 0]))


def test_the_kernel_of_a_blur_is_horizontal_first():
    lines = ours.zeros(1, 9, 9)
    lines[:, 4] = 1
    assert repr(transforms.GaussianBlur([3])) == "GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))"
    across = transforms.GaussianBlur((5, 1), 1.0)(lines)
    ours.testing.assert_close(across, lines)
    assert (transforms.GaussianBlur((1, 5), 1.0)(lines)[:, 3] > 0.1).all()


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric"])
@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_negative_margins_cut(image, mode):
    def rows(image):
        return (image if isinstance(image, ours.Tensor) else F.pil_to_tensor(image)).numpy()

    found = rows(F.pad(image, [-1, 2, 3, -2], padding_mode=mode))
    wanted = np.pad(rows(image)[:, :-2, 1:], ((0, 0), (2, 0), (0, 3)), mode)
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(
        ValueError, match="pad: expected pixels to repeat, found 6, of which padding leaves none"
    ):
        F.pad(image, [0, -6, 0, 0], padding_mode=mode)


@pytest.mark.parametrize("shape", [(3, 0, 7), (3, 6, 0), (0, 3, 6, 7), (2, 3, 0, 7)])
def test_images_without_pixels(shape):
    calls = [
        F.autocontrast,
        F.invert,
        lambda x: F.affine(x, 3, [1, 1], 1, 2, fill=1),
        lambda x: F.rotate(x, 3),
        lambda x: F.perspective(x, CORNERS, CORNERS),
        lambda x: F.gaussian_blur(x, 3),
        lambda x: F.adjust_contrast(x, 2),
        lambda x: F.adjust_hue(x, 0.2),
        lambda x: F.adjust_sharpness(x, 2),
        lambda x: F.solarize(x, 0.5),
    ]
    for image in (ours.zeros(shape), ours.zeros(shape, dtype=ours.uint8)):
        for call in calls:
            assert call(image).shape == shape and call(image).dtype == image.dtype
    assert F.equalize(image).shape == F.posterize(image, 3).shape == shape
    if 0 in shape[-2:]:
        for wrong in (lambda: F.resize(image, 3), lambda: transforms.RandomResizedCrop(3)(image)):
            with pytest.raises(ValueError, match="expected an image with pixels, found"):
                wrong()
    else:
        assert F.resize(image, [2, 3]).shape == (0, 3, 2, 3)


def test_the_full_contrast_has_a_gradient():
    image = ours.tensor(np.random.default_rng(1).normal(size=(2, 3, 4)), requires_grad=True)
    ours.autograd.gradcheck(F.autocontrast, image * 1)
    ours.autograd.gradcheck(lambda x: F.autocontrast(x * x)[:, 1:], image)
    flat = ours.tensor([[[0.25, 0.25], [0.25, 0.25]], [[0.0, 1e-40], [0.0, 0.0]]], requires_grad=True)
    found = F.autocontrast(flat)
    found.sum().backward()
    assert ours.equal(found, flat) and flat.grad.tolist()[0] == [[1, 1], [1, 1]]
    assert flat.grad.isfinite().all()


def test_modes_of_pictures_say_what_the_numbers_mean():
    for mode in ("RGB", "YCbCr", "HSV"):
        picture = F.to_pil_image(BYTES, mode)
        assert picture.mode == mode and np.array_equal(np.asarray(picture), BYTES.permute(1, 2, 0))
    for dtype, mode in ((np.uint8, "L"), (np.int16, "I;16"), (np.int32, "I"), (np.float32, "F")):
        picture = F.to_pil_image(np.arange(6, dtype=dtype).reshape(2, 3))
        assert picture.mode == mode and np.array_equal(np.asarray(picture), [[0, 1, 2], [3, 4, 5]])
    assert F.to_pil_image(ours.tensor([[1.5]]), "F").getpixel((0, 0)) == 1.5
    assert F.to_pil_image(ours.tensor([[float("nan"), 0.5]])).getpixel((1, 0)) == 127
