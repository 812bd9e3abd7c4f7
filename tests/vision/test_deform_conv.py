"""Convolutions with moved taps: against a loop over the taps, and the plain convolution."""

import math

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.vision import ops

OPTIONS = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}
SHAPES = {
    "x": (2, 4, 6, 5),
    "offset": (2, 24, 3, 3),
    "weight": (6, 2, 3, 2),
    "bias": (6,),
    "mask": (2, 12, 3, 3),
}


def arrays():
    numbers = np.random.default_rng(5)
    return {name: numbers.normal(scale=1.5, size=shape) for name, shape in SHAPES.items()}


def tensors(**more):
    return {name: ours.tensor(array, **more) for name, array in arrays().items()}


def call(x, offset, weight, bias, mask=None):
    return ops.deform_conv2d(x, offset, weight, bias, mask=mask, **OPTIONS)


def pixel(image, y, x):
    top, left = math.floor(y), math.floor(x)
    return sum(
        image[i, j] * (1 - abs(y - i)) * (1 - abs(x - j))
        for i in (top, top + 1)
        for j in (left, left + 1)
        if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]
    )


def test_the_taps_are_the_loop():
    """Two groups of two channels, of the weights and of the offsets."""
    x, offset, weight, bias, mask = arrays().values()
    wanted = np.zeros((2, 6, 3, 3))
    for n, o, p, q in np.ndindex(wanted.shape):
        wanted[n, o, p, q] = bias[o]
        for c, i, j in np.ndindex(2, 3, 2):
            channel, tap = o // 3 * 2 + c, i * 2 + j
            down, right = offset[n, channel // 2 * 12 + 2 * tap : channel // 2 * 12 + 2 * tap + 2, p, q]
            value = pixel(x[n, channel], p * 2 - 1 + i + down, q + 2 * j + right)
            wanted[n, o, p, q] += weight[o, c, i, j] * mask[n, channel // 2 * 6 + tap, p, q] * value
    np.testing.assert_allclose(call(**tensors()), wanted, rtol=1e-12, atol=1e-12)


def test_taps_that_are_not_moved_are_those_of_a_convolution():
    given = tensors() | {"mask": None}
    wanted = ours.nn.functional.conv2d(given["x"], given["weight"], given["bias"], groups=2, **OPTIONS)
    for groups in (1, 2, 4):
        given["offset"] = ours.zeros(2, 12 * groups, 3, 3).double()
        np.testing.assert_allclose(call(**given), wanted, rtol=1e-12, atol=1e-12)


def test_derivatives():
    numbers = np.random.default_rng(6)
    shapes = (1, 2, 3, 4), (1, 8, 3, 2), (2, 1, 1, 2), (2,), (1, 4, 3, 2)
    given = [ours.tensor(numbers.normal(size=shape), requires_grad=True) for shape in shapes]
    for check in (ours.autograd.gradcheck, ours.autograd.gradgradcheck):
        check(lambda *args: ops.deform_conv2d(*args[:4], stride=(2, 3), padding=1, mask=args[4]), given)


def test_taps_out_of_the_image_take_zero():
    """In 16 bits no number is as large as 2**31."""
    given = tensors() | {"bias": None, "mask": None}
    for dtype in (ours.float16, ours.float32, ours.float64):
        x, weight, far = given["x"].to(dtype), given["weight"].to(dtype), ours.full((2, 24, 3, 3), 3e4)
        assert not ops.deform_conv2d(x, far.to(dtype), weight, **OPTIONS).any()


def test_the_layer_is_initialised_as_a_convolution():
    ours.manual_seed(3)
    layer = ops.DeformConv2d(4, 6, (3, 2), **OPTIONS, groups=2)
    ours.manual_seed(3)
    plain = ours.nn.Conv2d(4, 6, (3, 2), **OPTIONS, groups=2)
    plain.load_state_dict(layer.state_dict())
    assert all(ours.equal(a, b) for a, b in zip(layer.parameters(), plain.parameters(), strict=True))
    x = ours.rand(2, 4, 6, 5)
    ours.testing.assert_close(layer(x, ours.zeros(2, 12, 3, 3)), plain(x))
    assert repr(layer) == (
        "DeformConv2d(4, 6, kernel_size=(3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)"
    )
    assert repr(ops.DeformConv2d(1, 2, 3, bias=False)) == (
        "DeformConv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), bias=False)"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"x": (4, 6, 5)}, r"expected an input \(N, C, H, W\)"),
        ({"weight": (6, 3, 3, 2)}, "groups that divide C'"),
        ({"weight": (6, 2, 9, 2)}, "not larger than the image"),
        ({"weight": (5, 2, 3, 2), "bias": (5,)}, "groups that divide C'"),
        ({"offset": (2, 23, 3, 3)}, r"expected an offset .* \(2, 12 G, 3, 3\) .* found \(2, 23, 3, 3\)"),
        ({"offset": (2, 24, 3, 2)}, "expected an offset"),
        ({"offset": (2, 36, 3, 3)}, "G that divides 4 channels"),
        ({"mask": (2, 24, 3, 3)}, r"expected a mask \(2, 12, 3, 3\)"),
        ({"bias": (2,)}, r"expected a bias of shape \(6,\), found \(2,\)"),
    ],
)
def test_shapes_that_do_not_fit(change, text):
    given = tensors() | {name: ours.zeros(shape).double() for name, shape in change.items()}
    with pytest.raises(ShapeError, match=f"deform_conv2d: .*{text}"):
        call(**given)


def test_other_errors():
    with pytest.raises(DtypeError, match="deform_conv2d: expected tensors of one dtype"):
        call(**tensors() | {"bias": ours.zeros(6)})
    for name, wrong in (("stride", 0), ("dilation", (1, 0)), ("padding", -1)):
        with pytest.raises(ValueError, match="deform_conv2d: expected a stride and a dilation of at least 1"):
            ops.deform_conv2d(*list(tensors().values())[:3], **{name: wrong})
    with pytest.raises(ValueError, match="DeformConv2d: in_channels and out_channels must be divisible"):
        ops.DeformConv2d(3, 4, 1, groups=2)
