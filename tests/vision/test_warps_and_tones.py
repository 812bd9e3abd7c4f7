"""Images that are moved, smoothed or get other tones, against loops over pixels and Pillow. When written, all
agreed with torchvision 0.28 for the same random numbers.
"""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.vision import transforms
from cnn_physics77.vision.transforms import functional as F
from cnn_physics77.vision.transforms import v2

Image = pytest.importorskip("PIL.Image")
NUMBERS = np.random.default_rng(67)
PIXELS = NUMBERS.integers(0, 200, (12, 17, 3), np.uint8)
IMAGE, BYTES = Image.fromarray(PIXELS), ours.from_numpy(PIXELS.transpose(2, 0, 1).copy())
TENSOR = ours.from_numpy(NUMBERS.random((3, 7, 8)))
NEAREST, BILINEAR = F.InterpolationMode.NEAREST, F.InterpolationMode.BILINEAR


def moved(x, place, fill, size=None):
    """The pixels at these places, by bilinear interpolation. At the border, where part of the weights is of
    pixels outside, torchvision multiplies by the other part once more before it adds the fill."""
    height, width = x.shape[-2:]
    y = np.zeros((len(x), *(size or (height, width))))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            u, v = place(j, i)
            left, top, whole = math.floor(u), math.floor(v), 0
            for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                if 0 <= row < height and 0 <= column < width:
                    weight = (1 - abs(u - column)) * (1 - abs(v - row))
                    whole += weight
                    y[:, i, j] += weight * x[:, row, column]
            y[:, i, j] = y[:, i, j] * whole + (1 - whole) * fill
    return y


@pytest.mark.parametrize("center", [None, (2, 5)])
def test_an_affine_map_takes_each_pixel_from_where_it_was(center):
    angle, (right, down), scale, (shear_x, shear_y) = 25.0, (1, -2), 1.3, (12.0, -7.0)
    middle = np.array([8 / 2, 7 / 2] if center is None else center)
    turn, x, y = (math.radians(a) for a in (angle, shear_x, shear_y))
    turned = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    lower, upper = np.array([[1, 0], [-math.tan(y), 1]]), np.array([[1, -math.tan(x)], [0, 1]])
    matrix = scale * turned @ lower @ upper

    def place(j, i):
        old = np.linalg.solve(matrix, np.array([j + 0.5, i + 0.5]) - middle - [right, down]) + middle
        return old - 0.5

    found = F.affine(TENSOR, angle, [right, down], scale, [shear_x, shear_y], BILINEAR, 0.25, center)
    np.testing.assert_allclose(found.numpy(), moved(TENSOR.numpy(), place, 0.25), atol=1e-12)


def test_a_rotation_is_an_affine_map_and_that_of_pillow():
    around = F.rotate(TENSOR, 30.0, BILINEAR, center=[3, 2], fill=[0.5])
    ours.testing.assert_close(around, F.affine(TENSOR, -30.0, [0, 0], 1.0, 0.0, BILINEAR, [0.5], [3, 2]))
    square = ours.from_numpy(NUMBERS.random((1, 6, 6)))
    assert ours.equal(F.rotate(square, 90), ours.rot90(square, 1, (1, 2)))
    assert F.rotate(IMAGE, 20, fill=9).getpixel((0, 0)) == (9, 9, 9)


@pytest.mark.parametrize("angle", [30.0, -75.0, 200])
def test_a_turned_tensor_grows_as_a_picture_does(angle):
    found = F.rotate(TENSOR, angle, BILINEAR, True, fill=0.25)
    height, width = found.shape[-2:]
    turn = math.radians(angle)
    back = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])

    def place(j, i):
        return back @ [j + 0.5 - width / 2, i + 0.5 - height / 2] + [8 / 2 - 0.5, 7 / 2 - 0.5]

    assert (width, height) == F.rotate(Image.new("L", (8, 7)), angle, expand=True).size
    np.testing.assert_allclose(found.numpy(), moved(TENSOR.numpy(), place, 0.25, (height, width)), atol=1e-12)
    assert transforms.RandomRotation((angle, angle), expand=True)(TENSOR).shape == found.shape
    quarters = v2.functional.rotate(TENSOR, 90 * round(angle / 90), expand=True)
    assert ours.equal(quarters, ours.rot90(TENSOR, round(angle / 90), (1, 2)))
    grown = v2.functional.rotate(TENSOR, angle, "nearest", True)
    assert ours.equal(grown, F.rotate(TENSOR, angle, expand=True))


@pytest.mark.parametrize("image", [IMAGE, IMAGE.convert("L"), BYTES], ids=["colour", "grey", "tensor"])
def test_pixels_are_moved_by_whole_numbers(image):
    found = F.affine(image, 0, [2, -3], 1.0, [0.0, 0.0], fill=5)
    x, y = (im if isinstance(im, ours.Tensor) else F.pil_to_tensor(im) for im in (image, found))
    assert (
        ours.equal(y[..., :-3, 2:], x[..., 3:, :-2])
        and (y[..., -3:, :] == 5).all()
        and (y[..., :2] == 5).all()
    )


def test_perspective_takes_corners_to_corners():
    corners = [[0, 0], [7, 0], [7, 6], [0, 6]]
    ours.testing.assert_close(F.perspective(TENSOR, corners, corners), TENSOR, atol=1e-6, rtol=0)
    x, y = [0, 1, 1, 0], [0, 0, 1, 1]
    smaller = [[2 + 4 * a, 1 + 3 * b] for a, b in zip(x, y)]
    whole = [[8 * a, 6 * b] for a, b in zip(x, y)]

    def place(j, i):
        return (j + 0.5 - 2) * 2 - 0.5, (i + 0.5 - 1) * 2 - 0.5

    found = F.perspective(TENSOR, whole, smaller, fill=0.5).numpy()
    np.testing.assert_allclose(found, moved(TENSOR.numpy(), place, 0.5), atol=2e-6)
    ends = [[1, 0], [15, 2], [13, 11], [0, 9]]
    start = [[0, 0], [16, 0], [16, 11], [0, 11]]
    by_pillow = np.asarray(F.perspective(IMAGE, start, ends, NEAREST)).transpose(2, 0, 1)
    same = (F.perspective(BYTES, start, ends, NEAREST).numpy() == by_pillow).mean()
    assert same > 0.98  # ties aside


@pytest.mark.parametrize("sizes", [3, (5, 3), [1]])
def test_blur(sizes):
    across, down = (sizes * 2 if len(sizes) == 1 else sizes) if not isinstance(sizes, int) else (sizes, sizes)
    x = TENSOR.numpy()
    padded = np.pad(x, ((0, 0), (down // 2,) * 2, (across // 2,) * 2), "reflect")
    bells = [np.exp(-(np.arange(-(n // 2), n // 2 + 1) ** 2) / (2 * 0.8**2)) for n in (across, down)]
    kernel = np.outer(bells[1] / bells[1].sum(), bells[0] / bells[0].sum())
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(1, 2))
    wanted = (windows * kernel).sum(axis=(-2, -1))
    np.testing.assert_allclose(F.gaussian_blur(TENSOR, sizes, 0.8).numpy(), wanted, rtol=1e-12)
    again = F.pil_to_tensor(F.gaussian_blur(IMAGE, sizes, [0.8]))
    assert ours.equal(again, F.gaussian_blur(BYTES, sizes, 0.8)) and F.gaussian_blur(TENSOR[0], 3).shape == (
        7,
        8,
    )
    with pytest.raises(ValueError, match="one or two odd and positive sizes as kernel_size, found 4"):
        F.gaussian_blur(TENSOR, 4)


def test_an_elastic_image_is_taken_from_the_places():
    away = NUMBERS.normal(scale=0.3, size=(1, 7, 8, 2))

    def place(j, i):
        return j + away[0, i, j, 0] * 8 / 2, i + away[0, i, j, 1] * 7 / 2

    found = F.elastic_transform(TENSOR, ours.tensor(away), fill=0.25)
    np.testing.assert_allclose(found.numpy(), moved(TENSOR.numpy(), place, 0.25), atol=1e-12)
    ours.autograd.gradcheck(lambda d: F.elastic_transform(TENSOR, d), ours.tensor(away, requires_grad=True))
    for image in (IMAGE, IMAGE.convert("L"), BYTES):
        still = F.elastic_transform(image, ours.zeros(1, 12, 17, 2), NEAREST)
        assert np.array_equal(np.asarray(still), np.asarray(image)) and type(still) is not np.ndarray
    with pytest.raises(ValueError, match=r"expected a displacement of shape \(1, 7, 8, 2\), found"):
        F.elastic_transform(TENSOR, ours.zeros(7, 8, 2))
    with pytest.raises(TypeError, match=r"expected a displacement .* found int"):
        F.elastic_transform(TENSOR, 3)


@pytest.mark.parametrize("version", [transforms, v2])
def test_elastic_images_at_random(version):
    change = version.ElasticTransform([30.0, 90.0], [1.0, 2.0], fill=1)
    ours.manual_seed(4)
    found = change(BYTES)
    ours.manual_seed(4)
    across = F.gaussian_blur(ours.rand(1, 1, 12, 17) * 2 - 1, 9, [1.0, 2.0]) * 30 / 17
    down = F.gaussian_blur(ours.rand(1, 1, 12, 17) * 2 - 1, 17, [1.0, 2.0]) * 90 / 12
    wanted = F.elastic_transform(BYTES, ours.stack([across[0], down[0]], -1), fill=1)
    assert abs(found.int() - wanted.int()).max() <= 1 and not ours.equal(found, BYTES)
    assert version.ElasticTransform(5.0, 1.0)(IMAGE).size == IMAGE.size
    with pytest.raises(ValueError, match="ElasticTransform: expected 2 numbers as alpha"):
        version.ElasticTransform([1.0])


def test_tones_of_bytes_are_pillows():
    calls = [F.invert, F.autocontrast, F.equalize, lambda x: F.posterize(x, 3), lambda x: F.solarize(x, 90)]
    for image in (IMAGE, Image.fromarray(np.full((6, 7, 3), 9, np.uint8))):
        x = F.pil_to_tensor(image)
        for call in calls:
            assert abs(call(x).numpy().astype(int) - F.pil_to_tensor(call(image)).numpy()).max() <= (
                call is calls[1]
            )
        for call in (lambda x: F.adjust_sharpness(x, 2), lambda x: F.adjust_gamma(x, 0.6, 1.1)):
            assert abs(call(x).numpy().astype(int) - F.pil_to_tensor(call(image)).numpy()).max() <= 1
    assert ours.equal(F.adjust_brightness(BYTES, 2), F.adjust_brightness(BYTES, 2.0))  # not 2 x modulo 256
    for call in (F.equalize, lambda x: F.posterize(x, 2)):
        with pytest.raises(TypeError, match=r"Only torch.uint8 image tensors"):
            call(TENSOR)


@pytest.mark.parametrize("call", [F.invert, F.autocontrast, lambda x: F.solarize(x, 0.4 * float(x.max()))])
def test_white_is_the_largest_integer(call):
    """Bytes and integers of 16 bits, of which each is 127 or 128 times as large."""
    x = F.convert_image_dtype(TENSOR, ours.int16)
    x[:, 0, 0], x[:, 0, 1] = 0, 32767
    assert abs(call(x).double() / 32767 - call(x.double() / 32767)).max() < 1e-4


def test_colours_of_integers():
    x = F.convert_image_dtype(TENSOR, ours.int16)
    for call in (
        lambda x: F.adjust_brightness(x, 1.5),
        lambda x: F.adjust_contrast(x, 1.5),
        lambda x: F.adjust_saturation(x, 1.5),
        lambda x: F.adjust_sharpness(x, 1.5),
        lambda x: F.adjust_hue(x, 0.2),
        lambda x: F.adjust_gamma(x, 0.6),
    ):
        found = call(x)
        assert found.dtype == ours.int16
        assert abs(found.double() / 32767 - call(x.double() / 32767)).max() < 2e-4
    grey = BYTES[:1]
    assert F.adjust_saturation(grey, 1.4) is grey  # 1.4 x - 0.4 x would be less than x
    large = F.resize(x, [9, 9], F.InterpolationMode.BICUBIC)
    assert large.max() > 20000 and large.dtype == ours.int16


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "CMYK", "L", "F", "1", "P"])
def test_pictures_keep_their_mode(mode):
    picture = IMAGE.convert(mode)
    still = F.elastic_transform(picture, ours.zeros(1, 12, 17, 2), NEAREST)
    assert still.mode == mode and np.array_equal(np.asarray(still), np.asarray(picture))
    assert still.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
    assert F.gaussian_blur(picture, 3).mode == mode


@pytest.mark.parametrize("image", [IMAGE, BYTES, TENSOR], ids=["picture", "bytes", "floats"])
def test_margins_have_a_value_for_each_channel(image):
    fills = [1, 0, 1]
    found = F.pad(image, [1, 2, 3, 0], fills)
    x, y = (im if isinstance(im, ours.Tensor) else F.pil_to_tensor(im) for im in (image, found))
    wanted = ours.stack(
        [F.pad(plane[None], [1, 2, 3, 0], value)[0] for plane, value in zip(x, fills, strict=True)]
    )
    assert ours.equal(y, wanted) and y.dtype == x.dtype
    for same, one in (((7,), 7), (None, 0)):
        np.testing.assert_array_equal(np.asarray(F.pad(image, 2, same)), np.asarray(F.pad(image, 2, one)))
    grown = v2.RandomZoomOut([1.0, 2.0, 3.0], (3.0, 3.0), p=1.0)(image)
    assert v2.functional.get_size(grown) == [3 * n for n in v2.functional.get_size(image)]


def test_tones_of_numbers_from_0_to_1():
    x = TENSOR.numpy()
    np.testing.assert_allclose(F.invert(TENSOR).numpy(), 1 - x)
    np.testing.assert_allclose(F.solarize(TENSOR, 0.4).numpy(), np.where(x >= 0.4, 1 - x, x))
    low, high = x.min(axis=(1, 2), keepdims=True), x.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(F.autocontrast(TENSOR).numpy(), (x - low) / (high - low), atol=1e-15)
    np.testing.assert_allclose(F.adjust_gamma(TENSOR, 2, 3).numpy(), np.minimum(3 * x**2, 1))
    assert ours.equal(F.autocontrast(ours.full((1, 2, 2), 0.3)), ours.full((1, 2, 2), 0.3))
    assert (
        ours.equal(F.adjust_sharpness(TENSOR, 1.0), TENSOR)
        and F.adjust_sharpness(TENSOR[..., :2], 0).shape[-1] == 2
    )
    smooth = F.adjust_sharpness(TENSOR, 0).numpy()
    np.testing.assert_allclose(smooth[:, 3, 3], (x[:, 2:5, 2:5].sum(axis=(1, 2)) + 4 * x[:, 3, 3]) / 13)
    assert (smooth[:, 0] == x[:, 0]).all()


def test_images_in_another_dtype():
    x = ours.tensor([0, 7, 255], dtype=ours.uint8)
    assert F.convert_image_dtype(x, ours.int16).tolist() == [0, 7 * 128, 255 * 128]
    assert F.convert_image_dtype(F.convert_image_dtype(x, ours.float64), ours.uint8).tolist() == [0, 7, 255]
    assert F.convert_image_dtype(ours.tensor([32767], dtype=ours.int16), ours.uint8).item() == 255
    assert transforms.ConvertImageDtype(ours.float16)(x).dtype == ours.float16
    bits = ours.tensor([True, False])
    assert F.convert_image_dtype(bits).tolist() == [1, 0]
    assert F.convert_image_dtype(bits, ours.uint8).tolist() == [128, 0]
    assert F.convert_image_dtype(x, ours.bool).tolist() == [False, False, True]
    with pytest.raises(RuntimeError, match="cannot be performed safely"):
        F.convert_image_dtype(ours.ones(1), ours.int64)


def test_crops_of_corners_and_middle():
    parts = transforms.FiveCrop((3, 4))(TENSOR)
    wanted = TENSOR[:, :3, :4], TENSOR[:, :3, 4:], TENSOR[:, 4:, :4], TENSOR[:, 4:, 4:], TENSOR[:, 2:5, 2:6]
    assert all(ours.equal(a, b) for a, b in zip(parts, wanted, strict=True))
    assert ours.equal(transforms.TenCrop(2, vertical_flip=True)(TENSOR)[5], F.vflip(TENSOR)[:, :2, :2])
    with pytest.raises(ValueError, match="Requested crop size"):
        F.five_crop(TENSOR, 9)


def test_random_warps_draw_in_order():
    def drawn(low, high):
        return ours.empty(1).uniform_(low, high).item()

    ours.manual_seed(3)
    params = transforms.RandomAffine.get_params([-9, 9], (0.2, 0.5), (0.5, 2), [1, 2, 3, 4], [40, 30])
    ours.manual_seed(3)
    angle, way = drawn(-9, 9), (round(drawn(-8.0, 8.0)), round(drawn(-15.0, 15.0)))
    assert params == (angle, way, drawn(0.5, 2), (drawn(1, 2), drawn(3, 4)))
    for change in (
        transforms.RandomAffine(20, shear=5),
        transforms.RandomPerspective(p=1),
        transforms.GaussianBlur(3),
    ):
        assert change(IMAGE).size == IMAGE.size and change(BYTES).dtype == ours.uint8
    ours.manual_seed(3)
    never = transforms.RandomPerspective(0.5, 0.0)(TENSOR)
    assert never is TENSOR and ours.equal(ours.rand(1), ours.manual_seed(3) and ours.rand(2)[1:])


@pytest.mark.parametrize("augment", [transforms.TrivialAugmentWide(), transforms.RandAugment(3, 20)])
def test_augmentations_of_many_kinds(augment):
    changed = set()
    for seed in range(40):
        for image in (IMAGE, BYTES):
            ours.manual_seed(seed)
            once = augment(image)
            ours.manual_seed(seed)
            x, y = (
                im if isinstance(im, ours.Tensor) else F.pil_to_tensor(im) for im in (once, augment(image))
            )
            assert ours.equal(x, y) and x.shape == BYTES.shape and x.dtype == ours.uint8
            changed.add(x.numpy().tobytes())
    assert len(changed) > 25


def test_texts():
    both = [transforms.RandomInvert(1), transforms.RandomPosterize(2, 1)]
    assert [repr(t) for t in both] == ["RandomInvert(p=1)", "RandomPosterize(bits=2,p=1)"]
    assert repr(transforms.RandomAffine(3, scale=(1, 2), fill=4)) == (
        "RandomAffine(degrees=[-3.0, 3.0], scale=(1, 2), fill=4)"
    )
    assert (
        repr(transforms.RandomOrder(both))
        == "RandomOrder(\n    RandomInvert(p=1)\n    RandomPosterize(bits=2,p=1)\n)"
    )
    random.seed(2)
    assert {ours.equal(transforms.RandomChoice(both)(BYTES), 255 - BYTES) for _ in range(9)} == {True, False}


def test_transforms_come_in_either_order():
    invert, posterize = transforms.RandomInvert(1), transforms.RandomPosterize(2, 1)
    orders = [posterize(invert(BYTES)), invert(posterize(BYTES))]
    assert not ours.equal(*orders)
    random.seed(2)
    found = [transforms.RandomOrder([invert, posterize])(BYTES) for _ in range(9)]
    assert {[ours.equal(x, order) for order in orders].index(True) for x in found} == {0, 1}
