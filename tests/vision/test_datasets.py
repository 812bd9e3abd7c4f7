"""Data sets of images from small files that the tests write."""

from __future__ import annotations

import pickle
import struct

import numpy as np
import pytest
from PIL import Image

import cnn_physics77 as ours
from cnn_physics77.core.errors import DataError
from cnn_physics77.vision import datasets, io, transforms

NUMBERS = np.random.default_rng(67)


def write_idx(path, array):
    path.write_bytes(
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    )


@pytest.mark.parametrize("kind", [datasets.FashionMNIST, datasets.KMNIST])
def test_mnist_reads_any_files_in_torchvisions_folder(tmp_path, kind):
    folder = tmp_path / kind.__name__ / "raw"
    folder.mkdir(parents=True)
    pixels, labels = NUMBERS.integers(0, 256, (5, 28, 28), np.uint8), np.arange(5, dtype=np.uint8)
    write_idx(folder / "train-images-idx3-ubyte", pixels)
    write_idx(folder / "train-labels-idx1-ubyte", labels)
    data = kind(tmp_path, download=True)
    assert np.array_equal(data.data.numpy(), pixels) and data.targets.dtype == ours.int64
    image, label = data[3]
    assert np.array_equal(np.asarray(image), pixels[3]) and label == 3
    (folder / "train-labels-idx1-ubyte").write_bytes(b"nothing")
    with pytest.raises(DataError, match="expected an IDX header"):
        kind(tmp_path)
    with pytest.raises(DataError, match=r"KMNIST: expected its files in \S+raw, found none; put them there"):
        datasets.KMNIST(tmp_path / "elsewhere")


def write_cifar(folder, names, labels, meta, protocol):
    folder.mkdir()
    for name in names:
        content = {"data": NUMBERS.integers(0, 256, (4, 3072), np.uint8), labels: [3, 0, 1, 9], "more": name}
        (folder / name).write_bytes(pickle.dumps(content, protocol))
    (folder / meta[0]).write_bytes(pickle.dumps({meta[1]: [f"class {i}" for i in range(10)]}, protocol))


@pytest.mark.parametrize("protocol", [2, 4])
def test_cifar(tmp_path, protocol):
    batches = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    ten, hundred = tmp_path / "cifar-10-batches-py", tmp_path / "cifar-100-python"
    write_cifar(ten, batches, "labels", ("batches.meta", "label_names"), protocol)
    write_cifar(hundred, ["train", "test"], "fine_labels", ("meta", "fine_label_names"), protocol)
    small = datasets.CIFAR10(tmp_path, train=True, transform=transforms.ToTensor(), download=True)
    written = pickle.loads((ten / "data_batch_2").read_bytes())["data"]
    image, label = small[5]
    assert len(small) == 20 and label == 0 and small.classes[9] == "class 9" == list(small.class_to_idx)[9]
    np.testing.assert_array_equal(
        image.numpy(), written[1].reshape(3, 32, 32).astype(np.float32) / np.float32(255)
    )
    assert small.data.shape == (20, 32, 32, 3) and "Split: Train" in repr(small)
    many = datasets.CIFAR100(str(tmp_path), train=False, target_transform=lambda y: -y)
    assert len(many) == 4 and many[3][1] == -9 and isinstance(many[0][0], Image.Image)
    (hundred / "test").write_bytes(pickle.dumps(print))
    with pytest.raises(DataError, match="CIFAR100: expected a pickled dict with data, fine_labels"):
        datasets.CIFAR100(tmp_path, train=False)
    with pytest.raises(DataError, match=r"CIFAR10: expected the file .*nothing is downloaded"):
        datasets.CIFAR10(tmp_path / "elsewhere")


def test_fake_data_depends_on_the_index_alone():
    data = datasets.FakeData(6, (3, 5, 4), 7, transforms.ToTensor(), lambda y: y * 10)
    ours.manual_seed(1)
    first, label = data[2]
    drawn = ours.rand(1)
    ours.manual_seed(1)
    assert ours.equal(drawn, ours.rand(1))  # no random number was taken from the program
    again, same = data[2]
    other, _ = datasets.FakeData(6, (3, 5, 4), 7, transforms.ToTensor(), random_offset=2)[0]
    assert ours.equal(first, again) and ours.equal(first, other) and label == same and label % 10 == 0
    assert not ours.equal(first, data[3][0]) and type(label) is int and len(list(data)) == 6


def test_folders_of_images(tmp_path):
    for name, size in (("b/deep/2.png", 3), ("b/1.JPG", 4), ("a/x.png", 5), ("a/notes.txt", 0)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if size:
            Image.new("L", (size, 2), 7).save(path)
        else:
            path.write_text("no image")
    data = datasets.ImageFolder(tmp_path, transform=transforms.PILToTensor())
    assert data.classes == ["a", "b"] and data.class_to_idx == {"a": 0, "b": 1} and data.targets == [0, 1, 1]
    assert [tuple(image.shape) for image, _ in data] == [(3, 2, 5), (3, 2, 4), (3, 2, 3)]
    assert data.samples[0] == (str(tmp_path / "a" / "x.png"), 0) and data.imgs is data.samples
    texts = datasets.DatasetFolder(tmp_path, str, is_valid_file=lambda p: p.endswith("txt"), allow_empty=True)
    assert texts[0] == (str(tmp_path / "a" / "notes.txt"), 0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no valid file for the classes empty"):
        datasets.ImageFolder(tmp_path)
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        datasets.ImageFolder(tmp_path / "empty")
    with pytest.raises(ValueError, match="Both extensions and is_valid_file"):
        datasets.DatasetFolder(tmp_path, str)


def test_a_data_set_has_joint_or_separate_transforms():
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform"):
        datasets.VisionDataset(transforms=print, transform=print)
    assert datasets.VisionDataset("~").root != "~"


def test_image_files_as_tensors(tmp_path):
    pixels = NUMBERS.integers(0, 256, (4, 5, 3), np.uint8)
    image = ours.from_numpy(pixels).permute(2, 0, 1)
    io.write_png(image, tmp_path / "image.png")
    assert ours.equal(io.read_image(tmp_path / "image.png"), image)
    assert ours.equal(io.decode_image(io.read_file(tmp_path / "image.png")), image)
    grey = io.read_image(str(tmp_path / "image.png"), io.ImageReadMode.GRAY)
    assert np.array_equal(grey.numpy()[0], np.asarray(Image.fromarray(pixels).convert("L")))
    assert io.decode_image(tmp_path / "image.png", "RGB_ALPHA").shape == (4, 4, 5)
    io.write_jpeg(ours.full((3, 8, 8), 100, dtype=ours.uint8), tmp_path / "image.jpg", quality=100)
    assert abs(io.read_image(tmp_path / "image.jpg").float() - 100).max() < 3
