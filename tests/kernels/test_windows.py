"""Windows, im2col and col2im against torch.nn.functional.unfold / fold and against loops."""

from itertools import product

import numpy as np
import pytest
import torch

from cnn_physics77.core.kernels.windows import axis_ranges, col2im, im2col, output_size, windows

# (size, kernel_size, dilation, padding, stride)
CASES_2D = [
    ((5, 6), (3, 3), (1, 1), (0, 0), (1, 1)),
    ((5, 6), (2, 3), (1, 2), (1, 2), (2, 1)),
    ((7, 4), (3, 1), (2, 1), (2, 0), (3, 2)),
    ((1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((2, 2), (3, 3), (1, 1), (1, 1), (4, 4)),  # a stride beyond the input
]


@pytest.mark.parametrize("size, kernel_size, dilation, padding, stride", CASES_2D)
@pytest.mark.parametrize("batch", [0, 2])
def test_im2col_and_col2im_are_torch_unfold_and_fold(size, kernel_size, dilation, padding, stride, batch):
    x = np.random.default_rng(0).standard_normal((batch, 3, *size))
    columns = im2col(x, kernel_size, dilation, padding, stride)
    expected = torch.nn.functional.unfold(torch.from_numpy(x), kernel_size, dilation, padding, stride)
    np.testing.assert_array_equal(columns, expected)
    if batch:  # torch.fold refuses an empty batch
        image = torch.nn.functional.fold(expected, size, kernel_size, dilation, padding, stride)
        np.testing.assert_allclose(
            col2im(columns, size, kernel_size, dilation, padding, stride), image, rtol=1e-15
        )
    else:
        assert col2im(columns, size, kernel_size, dilation, padding, stride).shape == x.shape


@pytest.mark.parametrize(
    "size, kernel_size, dilation, padding, stride",
    [
        ((6,), (3,), (2,), (1,), (2,)),
        ((4, 3, 5), (2, 1, 3), (1, 1, 2), (1, 0, 2), (2, 1, 3)),
    ],
)
def test_one_and_three_dimensions_by_a_loop_and_col2im_is_the_transpose(
    size, kernel_size, dilation, padding, stride
):
    generator = np.random.default_rng(1)
    x = generator.standard_normal((2, 2, *size))
    columns = im2col(x, kernel_size, dilation, padding, stride)
    counts = output_size(size, kernel_size, stride, padding, dilation)
    view = columns.reshape(2, 2, *kernel_size, *counts)
    for tap in product(*map(range, kernel_size)):
        for o in product(*map(range, counts)):
            position = tuple(i * s - p + t * d for i, s, p, t, d in zip(o, stride, padding, tap, dilation))
            inside = all(0 <= i < n for i, n in zip(position, size))
            value = x[(..., *position)] if inside else np.zeros((2, 2))
            np.testing.assert_array_equal(view[(..., *tap, *o)], value)
    other = generator.standard_normal(columns.shape)
    image = col2im(other, size, kernel_size, dilation, padding, stride)
    assert np.vdot(columns, other) == pytest.approx(np.vdot(x, image), rel=1e-13)


def test_strided_read_only_and_integer_inputs_are_taken_and_left_alone():
    base = np.arange(2 * 3 * 10 * 12).reshape(2, 3, 10, 12)
    x = base[:, ::-1, ::2, ::3]
    x.flags.writeable = False
    before = x.copy()
    columns = im2col(x, (2, 2), (1, 1), (1, 0), (1, 2))
    np.testing.assert_array_equal(columns, im2col(before, (2, 2), (1, 1), (1, 0), (1, 2)))
    np.testing.assert_array_equal(x, before)
    assert columns.dtype == x.dtype and columns.flags.writeable and not np.shares_memory(columns, x)


def test_windows_are_a_read_only_view():
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    view = windows(x, (2, 2), (1, 2), (1, 1))
    assert view.shape == (1, 1, 2, 2, 2, 2) and np.shares_memory(view, x) and not view.flags.writeable
    np.testing.assert_array_equal(view[0, 0, 1, 1], [[5, 7], [9, 11]])


@pytest.mark.parametrize("sizes", list(product((1, 4, 7), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2))))
def test_valid_ranges_are_the_taps_inside_of_the_input(sizes):
    size, kernel, stride, padding, dilation = sizes
    if dilation * (kernel - 1) >= size + 2 * padding:
        return
    (count,) = output_size((size,), (kernel,), (stride,), (padding,), (dilation,))
    for tap, (outputs, inputs) in enumerate(axis_ranges(size, count, kernel, stride, padding, dilation)):
        positions = [(o, o * stride - padding + tap * dilation) for o in range(count)]
        inside = [(o, p) for o, p in positions if 0 <= p < size]
        assert list(zip(range(count)[outputs], range(size)[inputs], strict=True)) == inside
