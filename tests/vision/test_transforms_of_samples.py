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
    assert v2.functional.to_image(ours.zeros(4, 5)).shape == (1, 4, 5)
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


@pytest.mark.parametrize("kind", [v2.MixUp, v2.CutMix])
@pytest.mark.parametrize("alpha", [1e-30, 1e-3, 0.2, 1e5])
def test_the_proportion_is_a_number_however_small_alpha_is(kind, alpha):
    images, labels = ours.rand(2, 1, 4, 4), ours.tensor([0, 1])
    for seed in range(5):
        ours.manual_seed(seed)
        both = ours.full((1,), alpha)
        part = ours.distributions.Beta(both, both).sample().item()
        ours.manual_seed(seed)
        mixed, found = kind(alpha=alpha, num_classes=2)((images, labels))
        assert mixed.isfinite().all() and found.sum(1).tolist() == [1, 1]
        if kind is v2.MixUp:
            assert found[0, 0].item() == pytest.approx(part)


@pytest.mark.parametrize("kind", [v2.MixUp, v2.CutMix])
def test_what_cannot_be_mixed(kind):
    for alpha in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"{kind.__name__}: expected a positive, finite alpha, found"):
            kind(alpha=alpha)
    mix, images = kind(num_classes=2), ours.rand(2, 1, 4, 4)
    for wrong in ((images,), (images, [0, 1]), (PICTURE, ours.tensor([0]))):
        with pytest.raises(TypeError, match=f"{kind.__name__}: expected two tensors, images and labels"):
            mix(*wrong)
    assert type(mix([images, ours.tensor([0, 1])])) is list


@pytest.mark.parametrize("to", [v2.ToDtype(ours.float32, scale=True), v2.ConvertImageDtype()])
def test_pictures_keep_their_dtype(to):
    """As in torchvision; beside a picture no tensor is the image."""
    numbers = ours.tensor([1, 255], dtype=ours.uint8)
    found = to(PICTURE, numbers)
    assert found[0] is PICTURE and found[1] is numbers
    assert to(numbers.reshape(1, 1, 2), numbers)[0].max() == 1 and to(3) == 3
    with pytest.raises(TypeError, match="to_dtype: expected a tensor, found Image; convert it by to_image"):
        v2.functional.to_dtype(PICTURE, ours.float32)
    with pytest.raises(TypeError, match=r"ToDtype: expected a dtype, as torch.float32, found 'float32'"):
        v2.ToDtype("float32")
    assert repr(v2.ConvertImageDtype()) == "ConvertImageDtype()" and "scale=True" in repr(
        v2.ToDtype(int, True)
    )


def test_the_generator_is_left_alone_unless_several_images_need_the_same_numbers(monkeypatch):
    from cnn_physics77.vision.transforms.v2 import samples

    reads = []
    read = samples.get_rng_state
    monkeypatch.setattr(samples, "get_rng_state", lambda: reads.append(1) or read())
    v2.RandomHorizontalFlip()(PICTURE, 4), v2.CenterCrop(3)(IMAGE), v2.Normalize([0.5], [0.5])(3)
    assert not reads
    v2.RandomHorizontalFlip()(PICTURE, PICTURE)
    assert len(reads) == 1


def test_a_transform_of_ones_own():
    class Shifted(v2.Transform):
        def make_params(self, flat_inputs):
            assert [image.shape for image in flat_inputs] == [IMAGE.shape]
            return {"by": ours.rand(1)}

        def transform(self, inpt, params):
            return inpt + params["by"]

    ours.manual_seed(1)
    found, label = Shifted()({"image": IMAGE, "label": 5}).values()
    ours.manual_seed(1)
    assert ours.equal(found, IMAGE + ours.rand(1)) and label == 5
    with pytest.raises(NotImplementedError, match=r"Transform: expected a class with transform"):
        v2.Transform()(IMAGE)
