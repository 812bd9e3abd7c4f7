"""MNIST as torchvision gives it, and grids of images."""

from __future__ import annotations

import io
import math
import sys

import numpy as np
import pytest
from PIL import Image

import cnn_physics77 as ours
from cnn_physics77.core.data import read_idx
from cnn_physics77.core.errors import DataError
from cnn_physics77.utils.data import DataLoader
from cnn_physics77.vision import datasets, transforms, utils


def test_mnist_is_read_from_its_files():
    data = datasets.MNIST("data", train=False, transform=transforms.ToTensor(), target_transform=lambda y: -y)
    images, labels = (read_idx(f"data/mnist/t10k-{name}-ubyte.gz") for name in ("images-idx3", "labels-idx1"))
    assert len(data) == 10000 and data.data.shape == (10000, 28, 28) and data.targets.dtype == ours.int64
    for i in (0, 77, -1):
        image, label = data[i]
        np.testing.assert_array_equal(image.numpy()[0], images[i].astype(np.float32) / np.float32(255))
        assert label == -int(labels[i]) and type(label) is int
    image, label = datasets.MNIST("no/such/folder", train=False)[5]
    assert (
        isinstance(image, Image.Image) and image.mode == "L" and np.array_equal(np.asarray(image), images[5])
    )
    assert data.classes[label] == f"{labels[5]} - one" and data.class_to_idx["9 - nine"] == 9
    x, y = next(iter(DataLoader(data, batch_size=4)))
    assert x.shape == (4, 1, 28, 28) and y.tolist() == [-n for n in labels[:4].tolist()]
    assert repr(data).splitlines()[:6] == [
        "Dataset MNIST",
        "    Number of datapoints: 10000",
        "    Root location: data",
        "    Split: Test",
        "    StandardTransform",
        "Transform: ToTensor()",
    ]


def test_what_is_not_there_is_not_downloaded_unasked(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CNN_PHYSICS77_DATA", raising=False)
    with pytest.raises(DataError, match="Fashion-MNIST is not available"):
        datasets.FashionMNIST(tmp_path)
    assert datasets.FashionMNIST.classes[9] == "Ankle boot"


def test_without_pillow_images_are_arrays(monkeypatch):
    data = datasets.MNIST("data", train=False)
    with_pillow = transforms.ToTensor()(data[0][0])
    monkeypatch.setattr(datasets.vision, "Image", None)
    image, _ = data[0]
    assert type(image) is np.ndarray and ours.equal(transforms.ToTensor()(image), with_pillow)
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "PIL.Image", raising=False)
    with pytest.raises(ImportError, match="needs the package Pillow; pip install"):
        utils.save_image(with_pillow, "nothing.png")
    with pytest.raises(ImportError, match="needs the package Pillow"):
        transforms.ToPILImage()(with_pillow)


def grid_of(images, nrow, padding, pad_value):
    """The grid, pixel by pixel."""
    count, channels, h, w = images.shape
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    grid = np.full((channels, rows * (h + padding) + padding, columns * (w + padding) + padding), pad_value)
    for number in range(count):
        row, column = divmod(number, columns)
        for y in range(h):
            for x in range(w):
                place = row * (h + padding) + padding + y, column * (w + padding) + padding + x
                grid[:, place[0], place[1]] = images[number, :, y, x]
    return grid


@pytest.mark.parametrize("nrow", [1, 2, 8])
@pytest.mark.parametrize("padding", [0, 2])
def test_grids(nrow, padding):
    images = np.random.default_rng(67).random((5, 3, 4, 6)) * 30
    batch = ours.tensor(images, requires_grad=True)
    found = utils.make_grid(batch, nrow, padding, pad_value=0.5)
    np.testing.assert_array_equal(found.numpy(), grid_of(images, nrow, padding, 0.5))
    assert not found.requires_grad
    low, high = images.min(), images.max()
    for options, expected in (
        ({}, (images - low) / (high - low)),
        ({"value_range": (5, 20)}, (images.clip(5, 20) - 5) / 15),
        ({"scale_each": True}, np.stack([(i - i.min()) / (i.max() - i.min()) for i in images])),
    ):
        found = utils.make_grid(list(batch), nrow, padding, normalize=True, **options)
        np.testing.assert_allclose(found.numpy(), grid_of(expected, nrow, padding, 0.0), rtol=1e-14)


def test_single_and_grey_images():
    grey = ours.rand(3, 1, 2, 2)
    assert utils.make_grid(grey).shape == (3, 6, 14)
    for single in (grey[0], grey[0, 0], grey[:1]):
        found = utils.make_grid(single)
        assert found.shape == (3, 2, 2) and all(ours.equal(found[c], grey[0, 0]) for c in range(3))
    for bad in (3, [1, 2], ours.ones(2), ours.ones(1, 1, 1, 1, 1)):
        with pytest.raises(TypeError, match="make_grid: tensor or list of tensors expected"):
            utils.make_grid(bad)
    with pytest.raises(TypeError, match="value_range has to be a tuple"):
        utils.make_grid(grey, normalize=True, value_range=[0, 1])


def test_image_files(tmp_path):
    images = ours.tensor([[[[0.0, 0.5, 1.0, 1.5, -1.0]]]]).repeat(1, 3, 1, 1)
    file = io.BytesIO()
    for place in (tmp_path / "image.png", file):
        utils.save_image(images, place, format=None if place is not file else "png")
    file.seek(0)
    for place in (tmp_path / "image.png", file):
        assert np.asarray(Image.open(place))[0].tolist() == [[v] * 3 for v in (0, 128, 255, 255, 0)]
