"""What is no image, size or file that an operation takes: errors say so, and no file is lost."""

import pickle

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import DataError
from cnn_physics77.vision import datasets, io, transforms, utils
from cnn_physics77.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image")


def pixels(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("top", [-20, -3, 0, 5, 8, 20])
@pytest.mark.parametrize("left", [-20, -2, 0, 6, 9, 20])
def test_a_crop_has_its_size_wherever_it_is(top, left):
    image = pixels(8, 9, 3)
    for size in ((4, 5), (12, 3), (1, 20)):
        expected = np.asarray(F.crop(Image.fromarray(image), top, left, *size)).transpose(2, 0, 1)
        found = F.crop(ours.from_numpy(image.transpose(2, 0, 1)), top, left, *size)
        assert found.numpy().tolist() == expected.tolist()


def test_grey_images_have_no_colours():
    image = ours.rand(2, 1, 4, 4)
    assert ours.equal(F.rgb_to_grayscale(image), image)
    assert ours.equal(F.rgb_to_grayscale(image, 3), image.expand(2, 3, 4, 4))
    ours.testing.assert_close(F.adjust_saturation(image, 0.5), image)
    expected = image.numpy() / 2 + image.numpy().mean(axis=(1, 2, 3), keepdims=True) / 2
    np.testing.assert_allclose(F.adjust_contrast(image, 0.5).numpy(), expected, rtol=1e-5)
    for function in (F.rgb_to_grayscale, lambda x: F.adjust_contrast(x, 0.5)):
        for shape in ((4, 4), (2, 4, 4)):
            with pytest.raises(TypeError, match=r"expected a tensor .* with 1 or 3 channels, found shape"):
                function(ours.zeros(shape))


IMAGE = ours.rand(3, 8, 9)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: transforms.Resize(0), ValueError, "Resize: expected a size .* found 0"),
        (lambda: transforms.Resize(3.5), TypeError, "Resize: expected a size .* found 3.5"),
        (lambda: F.resize(IMAGE, (3, 3, 3)), ValueError, "resize: expected a size of one or two"),
        (lambda: transforms.CenterCrop(()), ValueError, "CenterCrop: expected a size"),
        (lambda: transforms.RandomCrop((1, 2, 3)), ValueError, "RandomCrop: expected a size"),
        (lambda: transforms.Resize(3, "linear"), TypeError, "Resize: expected an InterpolationMode"),
        (lambda: F.resize(IMAGE, 3, 99), ValueError, "resize: expected an InterpolationMode .* found 99"),
        (lambda: F.pad(IMAGE, 1.5), TypeError, "pad: expected a padding of 1, 2, or 4 integers, found 1.5"),
        (lambda: F.pad(IMAGE, "a"), ValueError, "pad: expected a padding"),
        (lambda: F.pad(IMAGE, 1, (1, 2)), ValueError, "pad: expected 1 or 3 numbers as fill"),
        (lambda: F.to_pil_image(np.zeros((2, 2), np.int64)), TypeError, "found int64 in 1 channels"),
        (lambda: transforms.RandomErasing(value="x"), ValueError, "RandomErasing: .* found 'x'"),
        (
            lambda: transforms.RandomErasing(0, value=[1, 2])(IMAGE),
            ValueError,
            "a value for each of 3 channels",
        ),
        (lambda: transforms.RandomErasing(0)(Image.new("L", (2, 2))), TypeError, "put it after ToTensor"),
        (lambda: F.erase(Image.new("L", (2, 2)), 0, 0, 1, 1, 0), TypeError, "erase: expected a tensor"),
        (lambda: utils.make_grid(IMAGE, nrow=0), ValueError, "make_grid: expected pixels and nrow"),
        (lambda: utils.make_grid(ours.zeros(0, 3, 2, 2)), ValueError, r"found shape \(0, 3, 2, 2\)"),
        (lambda: utils.make_grid(IMAGE.byte(), normalize=True), TypeError, "expected floats to normalize"),
        (lambda: io.read_image("none", "XYZ"), ValueError, "read_image: expected an ImageReadMode .* 'XYZ'"),
        (lambda: io.decode_image(ours.zeros(3)), TypeError, "decode_image: expected bytes in a uint8 tensor"),
    ],
)
def test_the_error_names_what_was_expected(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_numbers_of_numpy_are_numbers():
    size = np.array([3, 4])
    assert transforms.CenterCrop(size)(IMAGE).shape == F.resize(IMAGE, size).shape == (3, 3, 4)
    erased = transforms.RandomErasing(1, scale=(0.1, 0.5), value=np.float32(7))(IMAGE)
    assert (erased == 7).any() and ours.equal(erased[erased != 7], IMAGE[erased != 7])


def test_constants_of_pillow_are_modes():
    assert "interpolation=bilinear" in repr(transforms.RandomRotation(30, 2))
    assert "interpolation=nearest" in repr(transforms.RandomResizedCrop(3, interpolation=0))
    image = Image.fromarray(pixels(5, 5, 3))
    assert F.rotate(image, 30, 2).tobytes() == image.rotate(30, Image.Resampling.BILINEAR).tobytes()


def test_images_of_bits_and_of_numbered_colours_are_read_as_colours(tmp_path):
    image = Image.fromarray(pixels(4, 5, 3))
    for mode, channels in (("1", "L"), ("P", "RGB")):
        made = image.convert(mode)
        made.save(tmp_path / "image.png")
        expected = np.atleast_3d(np.asarray(made.convert(channels))).transpose(2, 0, 1)
        found = io.read_image(tmp_path / "image.png")
        assert found.dtype == ours.uint8 and found.tolist() == expected.tolist()
    made.save(tmp_path / "image.png", transparency=0)
    assert io.read_image(tmp_path / "image.png").shape == (4, 4, 5)


def test_an_image_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "old.jpg"
    path.write_bytes(b"old")
    four = ours.zeros(4, 2, 2, dtype=ours.uint8)
    for wrong in (
        lambda: io.write_jpeg(four, path),
        lambda: io.write_jpeg(four[:3], path, quality=500),
        lambda: io.write_png(four, path, compression_level=99),
        lambda: io.write_png(ours.rand(3, 2, 2), path),
        lambda: utils.save_image(ours.rand(4, 2, 2), path),
        lambda: utils.save_image(ours.rand(3, 2, 2), path.with_suffix(".none")),
    ):
        with pytest.raises((ValueError, TypeError, OSError)):
            wrong()
        assert path.read_bytes() == b"old"
    utils.save_image(ours.zeros(3, 2, 2), path)
    assert io.read_image(path).tolist() == ours.zeros(3, 2, 2).tolist()


def test_batches_of_cifar_whose_pixels_do_not_fit_the_labels(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for shape in ((2, 3072), (1, 3071)):
        batch = {b"data": pixels(*shape), b"labels": [0], b"label_names": [b"a"]}
        for name in ("test_batch", "batches.meta"):
            (folder / name).write_bytes(pickle.dumps(batch))
        with pytest.raises(DataError, match="CIFAR10: expected 3072 pixels for each label"):
            datasets.CIFAR10(tmp_path, train=False)
