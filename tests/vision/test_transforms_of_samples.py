"""`torchvision.transforms.v2`: the images of samples are changed as by the transforms of one image."""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.vision import transforms as v1
from cnn_physics77.vision.transforms import v2

Image = pytest.importorskip("PIL.Image")
PIXELS = (np.arange(12 * 16 * 3) * 7 % 251).astype(np.uint8).reshape(12, 16, 3)
PICTURE = Image.fromarray(PIXELS)
IMAGE = ours.tensor(PIXELS.transpose(2, 0, 1) / 255)

MAKE = {
    "Resize": lambda t: t.Resize(8),
    "CenterCrop": lambda t: t.CenterCrop(6),
    "RandomCrop": lambda t: t.RandomCrop(8, padding=2),
    "RandomHorizontalFlip": lambda t: t.RandomHorizontalFlip(),
    "RandomResizedCrop": lambda t: t.RandomResizedCrop(8),
    "RandomRotation": lambda t: t.RandomRotation(30),
    "ColorJitter": lambda t: t.ColorJitter(0.2, 0.3, 0.4),
    "Grayscale": lambda t: t.Grayscale(),
    "RandomAffine": lambda t: t.RandomAffine(20, translate=(0.1, 0.1)),
}


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("image", [PICTURE, IMAGE], ids=["picture", "tensor"])
def test_the_image_of_a_sample_is_changed(name, image):
    ours.manual_seed(3)
    expected = np.asarray(MAKE[name](v1)(image))
    transform = MAKE[name](v2)
    ours.manual_seed(3)
    found, label = transform(image, 4)
    np.testing.assert_array_equal(np.asarray(found), expected)
    ours.manual_seed(3)
    sample = transform({"image": image, "labels": (label, ours.tensor([1, 2]))})
    np.testing.assert_array_equal(np.asarray(sample["image"]), expected)
    assert label == sample["labels"][0] == 4 and sample["labels"][1].tolist() == [1, 2]


def test_pictures_of_a_sample_get_the_same_change():
    ours.manual_seed(0)
    for transform in (v2.RandomCrop(5), v2.RandomRotation(90), v2.RandomHorizontalFlip()):
        one, two, label = transform(PICTURE, PICTURE.copy(), ours.tensor(1))
        assert np.array_equal(one, two) and label == 1
    assert not np.array_equal(v2.RandomCrop(5)(PICTURE), v2.RandomCrop(5)(PICTURE))


def test_pipelines():
    to = [v2.ToImage(), v2.ToDtype(ours.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)]
    for given in (PICTURE, PIXELS):
        found, label = v2.Compose(to)(given, "cat")
        np.testing.assert_allclose(found, (PIXELS.transpose(2, 0, 1) / 255 - 0.5) / 0.25, atol=1e-5)
        assert label == "cat"
    assert repr(v2.Compose([*to[:1], v2.Resize(8), v2.CenterCrop(6)])) == (
        "Compose(\n      ToImage()\n      Resize(size=[8], interpolation=bilinear, antialias=True)\n"
        "      CenterCrop(size=(6, 6))\n)"
    )
    assert v2.ToDtype(ours.float64)(ours.tensor([3], dtype=ours.uint8)).tolist() == [3.0]
    assert np.array_equal(v2.ToPILImage()(ours.tensor(PIXELS.transpose(2, 0, 1).copy())), PIXELS)
    assert v2.PILToTensor()(PICTURE).shape == v2.ToTensor()(PIXELS).shape == (3, 12, 16)
    assert v2.Lambda(lambda x: x + 1, int)(2, 3.0) == (3, 3.0) and v2.ToPureTensor()(3) == 3
    assert v2.functional.horizontal_flip(IMAGE).equal(IMAGE.flip(-1))
    crops = v2.FiveCrop(4)(IMAGE, 1)
    assert [crop.shape for crop in crops[0]] == [(3, 4, 4)] * 5 and crops[1] == 1
    with pytest.raises(TypeError, match="to_image: expected a PIL image, an array or a tensor, found str"):
        v2.functional.to_image("picture")


def test_containers():
    small, mirror = v2.CenterCrop(4), v2.RandomHorizontalFlip(1.0)
    ours.manual_seed(1)
    sizes = {v2.RandomChoice([small, mirror], p=[1, 3])(IMAGE).shape for _ in range(20)}
    assert sizes == {(3, 4, 4), (3, 12, 16)} == {v2.RandomApply([small])(IMAGE).shape for _ in range(20)}
    both, label = v2.RandomOrder([small, mirror])(IMAGE, 5)
    assert both.equal(v1.CenterCrop(4)(IMAGE).flip(-1)) and label == 5
    assert v2.RandomApply([small], p=0.0)(IMAGE, 5)[0] is IMAGE
    with pytest.raises(ValueError, match="RandomChoice: expected one probability for each of 2 transforms"):
        v2.RandomChoice([small, mirror], p=[1.0])
    with pytest.raises(TypeError, match="Compose: expected a sequence of transforms, found"):
        v2.Compose(small)


@pytest.mark.parametrize("kind", [v2.MixUp, v2.CutMix])
def test_batches_are_mixed_with_their_labels(kind):
    images = ours.arange(4.0).reshape(4, 1, 1, 1) * ours.ones(4, 2, 8, 8)
    labels = ours.tensor([0, 1, 2, 0])
    mix = kind(num_classes=3)
    for seed in range(5):
        ours.manual_seed(seed)
        mixed, found = mix(images, labels)
        part = found[1, 1].item()  # of the image itself; the rest is that of the image before it
        expected = part * ours.nn.functional.one_hot(labels, 3)
        expected = expected + (1 - part) * ours.nn.functional.one_hot(labels.roll(1), 3)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        means = part * ours.arange(4.0) + (1 - part) * ours.tensor([3.0, 0, 1, 2])
        np.testing.assert_allclose(mixed.mean((1, 2, 3)), means, atol=1e-6)
        if kind is v2.CutMix:  # every pixel is from one of the two
            assert set(mixed[2].flatten().tolist()) <= {1.0, 2.0}
    with pytest.raises(ValueError, match="expected num_classes for labels that are numbers, found None"):
        kind()(images, labels)
    with pytest.raises(ShapeError, match=r"expected images \(N, C, H, W\) and labels"):
        kind(num_classes=3)(images, labels[:2])
