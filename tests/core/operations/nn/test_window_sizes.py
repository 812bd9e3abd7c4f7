"""Sizes that do not fit: what convolution, unfold and fold answer."""

import pytest

import cnn_physics77 as torch
import cnn_physics77.nn.functional as F
from cnn_physics77.core.errors import ShapeError


def ones(*shape):
    return torch.ones(shape)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 2, 3, 3)),
            r"conv2d: Given groups=1, weight of size \[4, 2, 3, 3\], expected input\[1, 3, 5, 5\]",
        ),
        (
            lambda: F.conv2d(ones(1, 4, 5, 5), ones(3, 2, 3, 3), groups=2),
            "out_channels 3 to be a multiple",
        ),
        (lambda: F.conv1d(ones(1, 3, 5), ones(4, 3, 3, 3)), "as many dimensions as the input"),
        (
            lambda: F.conv2d(ones(1, 3, 2, 2), ones(4, 3, 3, 3)),
            r"conv2d: Kernel size can't be greater than actual input size; the padded input is \(2, 2\)",
        ),
        (lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), dilation=(3, 1)), r"a window \(7, 3\)"),
        (lambda: F.conv2d(ones(2, 8, 0, 5), ones(8, 8, 3, 3), padding=2), "at least one pixel, found input"),
        (lambda: F.conv3d(ones(2, 8, 3, 5, 0), ones(8, 8, 1, 1, 1), padding=2), "at least one pixel"),
        (lambda: F.conv_transpose2d(ones(2, 8, 0, 5), ones(8, 8, 3, 3)), "at least one pixel, found input"),
        (lambda: F.conv_transpose2d(ones(2, 8, 3, 5), ones(8, 8, 3, 3), stride=0), r"stride \(0, 0\)"),
        (lambda: F.conv_transpose2d(ones(2, 8, 3, 5), ones(8, 8, 3, 3), padding=-1), r"padding \(-1, -1\)"),
        (lambda: F.conv_transpose2d(ones(2, 8, 3, 5), ones(8)), "expected a weight"),
        (lambda: F.unfold(ones(1, 1, 2, 2), 3), "unfold: Kernel size can't be greater"),
        (lambda: F.unfold(ones(1, 1, 2, 2), (0, 1)), r"at least 1 .*kernel_size \(0, 1\)"),
        (lambda: F.unfold(ones(1, 1, 5, 5), 2, padding=(-1, 0)), r"at least 0.*padding \(-1, 0\)"),
        (lambda: F.fold(ones(1, 4, 8), 4, 2), r"fold: expected columns \(N, C \* 4, 9\).*found \(1, 4, 8\)"),
        (lambda: F.fold(ones(1, 6, 9), 4, 2), r"C \* 4"),
    ],
)
def test_sizes_that_do_not_fit_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call()
