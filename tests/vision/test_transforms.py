"""Transforms of images, against loops over pixels. When written, all agreed with torchvision 0.29."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import cnn_physics77 as ours
from cnn_physics77.vision import transforms
from cnn_physics77.vision.transforms import functional as F

NUMBERS = np.random.default_rng(67)
GREY = NUMBERS.integers(0, 256, (9, 7), np.uint8)
COLOUR = NUMBERS.integers(0, 256, (8, 11, 3), np.uint8)
IMAGES = [Image.fromarray(GREY), Image.fromarray(COLOUR)]


def pixels(image):
    """(H, W, C), of a PIL image or of a tensor (C, H, W)."""
    if isinstance(image, ours.Tensor):
        return image.numpy().transpose(1, 2, 0)
    found = np.asarray(image)
    return found[:, :, None] if found.ndim == 2 else found


def both(image):
    """The same image as PIL's and as a tensor."""
    return [image, F.pil_to_tensor(image)]


def test_to_tensor():
    for array in (GREY, COLOUR):
        for image in (array, Image.fromarray(array)):
            found = transforms.ToTensor()(image)
            assert found.dtype == ours.float32
            expected = array.reshape(*array.shape[:2], -1).transpose(2, 0, 1).astype(np.float32) / np.float32(
                255
            )
            np.testing.assert_array_equal(found.numpy(), expected)
    floats = NUMBERS.random((4, 5))
    np.testing.assert_array_equal(F.to_tensor(floats).numpy(), floats[None])
    assert F.to_tensor(Image.fromarray(GREY > 100)).numpy().max() == 1
    assert F.to_tensor(Image.fromarray(np.array([[70000]], np.int32))).tolist() == [[[70000]]]
    assert F.pil_to_tensor(Image.fromarray(GREY > 100)).dtype == ours.bool
    ours.set_default_dtype(ours.float64)
    try:
        assert transforms.ToTensor()(GREY).dtype == ours.float64
    finally:
        ours.set_default_dtype(ours.float32)
    for bad, error in ((3, TypeError), (np.zeros(3), ValueError), (ours.ones(1, 2, 2), TypeError)):
        with pytest.raises(error, match="to_tensor: pic should be"):
            F.to_tensor(bad)


def test_tensors_become_images_again():
    for image in IMAGES:
        for tensor in (transforms.ToTensor()(image), transforms.PILToTensor()(image)):
            back = transforms.ToPILImage()(tensor)
            assert back.mode == image.mode and np.array_equal(np.asarray(back), np.asarray(image))
    assert F.to_pil_image(COLOUR, "HSV").mode == "HSV" and F.to_pil_image(ours.zeros(2, 3, 3)).mode == "LA"
    assert F.to_pil_image(ours.ones(3, 4)).size == (4, 3)
    with pytest.raises(ValueError, match="1 to 4 channels, found shape"):
        F.to_pil_image(ours.ones(5, 2, 2))


def test_normalize():
    image = ours.tensor(NUMBERS.random((3, 4, 5)))
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)
    found = transforms.Normalize(mean, std)(image)
    for c in range(3):
        np.testing.assert_array_equal(found.numpy()[c], (image.numpy()[c] - mean[c]) / std[c])
    np.testing.assert_array_equal(transforms.Normalize(0.5, 0.5)(image).numpy(), (image.numpy() - 0.5) / 0.5)
    assert transforms.Normalize(mean, std, inplace=True)(image) is image and ours.equal(image, found)
    for bad, error in (
        ((ours.ones(1, 2, 2, dtype=ours.uint8), [0.0], [1.0]), TypeError),
        ((ours.ones(2, 2), [0.0], [1.0]), ValueError),
        ((ours.ones(1, 2, 2), [0.0], [0.0]), ValueError),
        ((GREY, [0.0], [1.0]), TypeError),
    ):
        with pytest.raises(error, match=r"^normalize: "):
            F.normalize(*bad)


@pytest.mark.parametrize("image", IMAGES, ids=["grey", "colour"])
def test_flips_and_crops(image):
    whole = pixels(image)
    height, width = whole.shape[:2]
    for img in both(image):
        np.testing.assert_array_equal(pixels(F.hflip(img)), whole[:, ::-1])
        np.testing.assert_array_equal(pixels(F.vflip(img)), whole[::-1])
        for top, left, rows, columns in ((1, 2, 3, 4), (-2, -1, 6, 5), (3, 4, 20, 2)):
            found = pixels(F.crop(img, top, left, rows, columns))
            assert found.shape[:2] == (rows, columns)
            for r in range(rows):
                for c in range(columns):
                    y, x = top + r, left + c
                    inside = 0 <= y < height and 0 <= x < width
                    assert np.array_equal(found[r, c], whole[y, x] if inside else whole[0, 0] * 0)
        assert F.get_dimensions(img) == [whole.shape[2], height, width]
        assert F.get_image_size(img) == [width, height]


@pytest.mark.parametrize("image", IMAGES, ids=["grey", "colour"])
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize("padding", [2, [1, 3], (1, 2, 3, 0)], ids=str)
def test_padding(image, mode, padding):
    left, top, right, bottom = {2: (2, 2, 2, 2)}.get(padding) if type(padding) is int else (padding * 2)[:4]
    options = {"constant_values": 5} if mode == "constant" else {}
    expected = np.pad(pixels(image), ((top, bottom), (left, right), (0, 0)), mode, **options)
    for img in both(image):
        np.testing.assert_array_equal(pixels(transforms.Pad(padding, 5, mode)(img)), expected)


def test_padding_of_channels_and_errors():
    padded = F.pad(IMAGES[1], 1, fill=(1, 2, 3))
    assert padded.getpixel((0, 0)) == (1, 2, 3)
    with pytest.raises(ValueError, match="pad: expected a padding of 1, 2, or 4"):
        F.pad(IMAGES[0], [1, 2, 3])
    with pytest.raises(ValueError, match="padding_mode of constant, edge"):
        F.pad(IMAGES[0], 1, padding_mode="wrap")
    with pytest.raises(TypeError, match=r"hflip: expected a PIL image or a tensor \(..., H, W\), found int"):
        F.hflip(3)


@pytest.mark.parametrize("size", [3, (4, 5), (20, 3), (12, 14), [2]], ids=str)
def test_center_crop(size):
    rows, columns = (size, size) if type(size) is int else (size * 2)[:2]
    for image in IMAGES:
        whole = pixels(image)
        for img in both(image):
            found = pixels(transforms.CenterCrop(size)(img))
            assert found.shape == (rows, columns, whole.shape[2])
            more = [max(n - o, 0) for n, o in zip((rows, columns), whole.shape)]
            around = [(m // 2, (m + 1) // 2) for m in more]
            big = np.pad(whole, (*around, (0, 0)))
            top, left = (round((o - n) / 2) for o, n in zip(big.shape, (rows, columns)))
            np.testing.assert_array_equal(found, big[top : top + rows, left : left + columns])


@pytest.mark.parametrize(
    ("size", "largest", "expected"),
    [((3, 8), None, (8, 3)), (4, None, (5, 4)), ([6], None, (8, 6)), (6, 7, (7, 5)), (17, None, (23, 17))],
    ids=str,
)
def test_resize_is_pillows(size, largest, expected):
    image = IMAGES[1]  # 11 wide, 8 high
    for mode in F.InterpolationMode:
        found = transforms.Resize(size, mode, largest)(image)
        assert found.size == expected
        how = Image.Resampling[mode.name.removesuffix("_EXACT")]
        np.testing.assert_array_equal(np.asarray(found), np.asarray(image.resize(expected, how)))
    upright = image.transpose(Image.Transpose.ROTATE_90)
    if type(size) is int:
        assert F.resize(upright, size, max_size=largest).size == expected[::-1]


def test_resize_refuses_what_it_cannot():
    with pytest.raises(ValueError, match="expected nearest, bilinear or bicubic for a tensor, found lanczos"):
        F.resize(ours.ones(1, 4, 4), 2, F.InterpolationMode.LANCZOS)
    with pytest.raises(TypeError, match="resize: expected a PIL image or a tensor"):
        F.resize(3, 2)
    with pytest.raises(ValueError, match="max_size with one number"):
        F.resize(IMAGES[0], (2, 3), max_size=5)
    with pytest.raises(ValueError, match="greater than the size of the smaller side"):
        F.resize(IMAGES[0], 4, max_size=4)


def test_random_transforms_draw_from_the_default_generator():
    image = F.pil_to_tensor(IMAGES[1])
    crop = transforms.RandomCrop((3, 4))
    places = set()
    for seed in range(40):
        ours.manual_seed(seed)
        first = crop(image)
        ours.manual_seed(seed)
        top, left = (int(ours.randint(0, n, (1,)).item()) for n in (8 - 3 + 1, 11 - 4 + 1))
        assert ours.equal(first, image[:, top : top + 3, left : left + 4])
        places.add((top, left))
        for flip, dim in (
            (transforms.RandomHorizontalFlip(0.3), -1),
            (transforms.RandomVerticalFlip(0.3), -2),
        ):
            ours.manual_seed(seed)
            turned = flip(image)
            ours.manual_seed(seed)
            assert ours.equal(turned, image.flip(dim) if ours.rand(1).item() < 0.3 else image)
    assert len(places) > 15
    assert ours.equal(transforms.RandomCrop((8, 11))(image), image)
    assert transforms.RandomCrop(12, pad_if_needed=True)(image).shape == (3, 12, 12)
    assert transforms.RandomCrop(9, padding=2)(IMAGES[0]).size == (9, 9)
    with pytest.raises(
        ValueError, match=r"Required crop size \(9, 9\) is larger than input image size \(8, 11\)"
    ):
        transforms.RandomCrop(9)(image)


def test_compositions_and_their_text():
    composed = transforms.Compose(
        [
            transforms.Resize(28),
            transforms.RandomCrop(28, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.1307,), (0.3081,)),
            transforms.Lambda(lambda x: x + 1),
        ]
    )
    assert composed(IMAGES[0]).shape == (1, 28, 28)
    assert repr(composed).splitlines()[1:4] == [
        "    Resize(size=28, interpolation=bilinear, max_size=None, antialias=True)",
        "    RandomCrop(size=(28, 28), padding=4)",
        "    RandomHorizontalFlip(p=0.5)",
    ]
    with pytest.raises(TypeError, match="Argument lambd should be callable, got 'int'"):
        transforms.Lambda(3)
