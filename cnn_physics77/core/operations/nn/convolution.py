r"""Convolution and transposed convolution over 1, 2 and 3 spatial dimensions.

Three bilinear maps. The derivatives of each are the other two. The sums are written out in
:mod:`cnn_physics77.core.kernels.convolution.dispatch`:

.. math::
    y = w \star x \qquad\text{forward} \\
    \bar x = w \star^T g \qquad\text{input gradient, the transposed convolution} \\
    \bar w = x \star^T g \qquad\text{weight gradient}

The bias is added where the result is made; its gradient is a sum over samples and pixels. (V. Dumoulin and
F. Visin, *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.kernels import convolution as kernels
from cnn_physics77.core.kernels.windows import Size
from cnn_physics77.core.operations.base.arguments import batched, check_tensors, check_window, per_dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.clone import clone, contiguous_format
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.indexing.shape import squeeze, unsqueeze
from cnn_physics77.core.operations.nn.unfold import window_counts
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.tensor import Tensor

# ------------------------------------------------------------------------------ the three maps


# Where a derivative needs sizes alone, it asks for the shapes: nothing else is kept.

Window = tuple[Size, Size, Size, int]
"""stride, padding, dilation (one int per spatial dimension), groups"""


@operation(name="convolution")
def _convolution(x, weight, bias, *, window: Window):
    """y = w ⋆ x + b"""
    return kernels.convolution(x, weight, *window, bias)


@operation(name="convolution_input_gradient")
def _input_gradient(g, weight, bias, *, input_size, window: Window):
    """x̄ = w ⋆ᵀ g (+ b, in a transposed convolution)"""
    gx = kernels.convolution_input_gradient(g, weight, input_size, *window)
    if bias is not None:
        gx += bias.reshape(-1, *(1,) * len(input_size))
    return gx


@operation(name="convolution_weight_gradient")
def _weight_gradient(g, x, *, kernel_size, window: Window):
    """w̄ = x ⋆ᵀ g"""
    return kernels.convolution_weight_gradient(g, x, kernel_size, *window)


@operation(name="convolution_gradients")
def _gradients(g, x, weight, *, window: Window):
    """(w ⋆ᵀ g, x ⋆ᵀ g): the two above at once, where neither is recorded"""
    return list(kernels.convolution_gradients(g, x, weight, *window))


@operation(name="channel_sum")
def _channel_sum(g):
    """b̄_k = Σ g over samples and pixels of channel k"""
    return kernels.channel_sum(g)


@operation(name="channel_expand", view=True)
def _channel_expand(b, *, shape):
    """b_k at all samples and pixels: the adjoint of the channel sum."""
    return np.broadcast_to(b.reshape(-1, *(1,) * (len(shape) - 2)), shape)


@_convolution.derivative("x")
def _(g, weight, x_shape, window):
    return _input_gradient(g, conj(weight), None, input_size=x_shape[2:], window=window)


@_convolution.derivative("weight")
def _(g, x, weight_shape, window):
    return _weight_gradient(g, conj(x), kernel_size=weight_shape[2:], window=window)


@_convolution.pair_derivative
def _(g, x, weight, window):
    return _gradients(g, conj(x), conj(weight), window=window)


@_convolution.derivative("bias")
def _(g):
    return _channel_sum(g)


@_input_gradient.derivative("g")
def _(v, weight, window):
    return _convolution(v, conj(weight), None, window=window)


@_input_gradient.derivative("weight")
def _(v, g, weight_shape, window):
    return _weight_gradient(conj(g), v, kernel_size=weight_shape[2:], window=window)


@_input_gradient.derivative("bias")
def _(v):
    return _channel_sum(v)


@_weight_gradient.derivative("g")
def _(v, x, window):
    return _convolution(conj(x), v, None, window=window)


@_weight_gradient.derivative("x")
def _(v, g, x_shape, window):
    return _input_gradient(conj(g), v, None, input_size=x_shape[2:], window=window)


@_channel_sum.derivative("g")
def _(v, g_shape):
    return _channel_expand(v, shape=g_shape)


@_channel_expand.derivative("b")
def _(v):
    return _channel_sum(v)


# ------------------------------------------------------------------------------ convolution


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride=1, padding=0, dilation=1, groups=1
) -> Tensor:
    """Convolution over one spatial dimension: see :func:`conv2d`; input (N, C, L) or (C, L).

    >>> import cnn_physics77 as torch
    >>> x, w = torch.tensor([[[1.0, 2.0, 4.0, 7.0]]]), torch.tensor([[[-1.0, 1.0]]])
    >>> torch.nn.functional.conv1d(x, w)
    tensor([[[1., 2., 3.]]])
    """
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride=1, padding=0, dilation=1, groups=1
) -> Tensor:
    r"""Convolution over two spatial dimensions (the cross-correlation, as everywhere in deep learning: the
    kernel is not turned).

    .. math:: y_{n,k,o} = b_k + \sum_{c,t} w_{k,c,t} \; x_{n,c,\; o \cdot stride - padding + t \cdot dilation}

    where x reads as zero outside of itself, and c runs over the C/groups channels of the group of k. Each
    spatial size is ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1.

    Args:
        input: x, (N, C, H, W); or (C, H, W), then the result has no N either.
        weight: w, (K, C/groups, kernel height, kernel width).
        bias: b, (K). All of one dtype, not bool. Sums of integers that are too large wrap around.
        stride, dilation: an int or one per spatial dimension.
        padding: the same, zeros at both ends; ``"valid"`` for none; ``"same"`` for as many as keep the size
            (stride 1 only; of an odd total the end has one more).
        groups: the channels are divided into this many independent groups; C and K are multiples of it.

    Returns:
        y, (N, K, H', W') of the same dtype, in any memory order.

    Raises:
        ShapeError: sizes that do not fit, or a window larger than the padded input.
        ArgumentError: an unknown padding, or ``"same"`` with a stride.
        DtypeError: different dtypes, or booleans.

    >>> import cnn_physics77 as torch
    >>> x, w = torch.arange(9.0).reshape(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
    >>> torch.nn.functional.conv2d(x, w)
    tensor([[[[ 8., 12.],
              [20., 24.]]]])
    """
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride=1, padding=0, dilation=1, groups=1
) -> Tensor:
    """Convolution over three spatial dimensions: see :func:`conv2d`; input (N, C, D, H, W) or (C, D, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.conv3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 2, 2, 2))
    tensor([[[[[8.]]]]])
    """
    return _convolve("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


@in_float32
def _convolve(function, d, input, weight, bias, stride, padding, dilation, groups) -> Tensor:
    check_tensors(function, input, weight, bias, kinds="fciu")
    if not batched(function, input, d):
        y = _convolve(function, d, unsqueeze(input, 0), weight, bias, stride, padding, dilation, groups)
        return _only_sample(y)
    stride = per_dimension(function, "stride", stride, d)
    dilation = per_dimension(function, "dilation", dilation, d)
    if isinstance(padding, str):
        input, padding = _padding_by_name(function, input, weight, stride, padding, dilation)
    else:
        padding = per_dimension(function, "padding", padding, d)
    _check_sizes(function, input.array.shape, weight.array.shape, stride, padding, dilation, groups)
    if bias is not None:
        _check_bias(function, bias, weight.shape[0])
    return _convolution(input, weight, bias, window=(stride, padding, dilation, groups))


@lru_cache(maxsize=1024)
def _check_sizes(
    function: str,
    x_shape: Size,
    weight_shape: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
) -> None:
    """Raise a ShapeError unless a convolution of these sizes exists."""
    if len(weight_shape) != len(x_shape):
        raise ShapeError(
            f"{function}: expected a weight (out_channels, in_channels/groups, *kernel_size) "
            "with as many dimensions as the input, "
            f"found input {x_shape} and weight {weight_shape}; add a batch or a spatial dimension"
        )
    if 0 in x_shape[2:]:
        raise ShapeError(
            f"{function}: expected images of at least one pixel, found input {x_shape}; "
            "only the batch and the channels may be empty"
        )
    if groups < 1 or weight_shape[0] % groups or weight_shape[1] * groups != x_shape[1]:
        raise ShapeError(
            f"{function}: Given groups={groups}, weight of size {list(weight_shape)}, "
            f"expected input{list(x_shape)} to have {weight_shape[1] * max(groups, 1)} channels "
            "(in_channels = groups * weight.shape[1]) "
            f"and out_channels {weight_shape[0]} to be a multiple of groups; check in_channels and groups"
        )
    window_counts(function, x_shape[2:], weight_shape[2:], dilation, padding, stride)


def _only_sample(y: Tensor) -> Tensor:
    """The result without its batch dimension, contiguous, as PyTorch's is."""
    if not y.array.flags.c_contiguous:
        y = clone(y, memory_format=contiguous_format)
    return squeeze(y, 0)


def _check_bias(function: str, bias: Tensor, channels: int) -> None:
    if bias.array.shape != (channels,):
        raise ShapeError(
            f"{function}: expected a bias of shape ({channels},), one number per output channel, "
            f"found {bias.array.shape}"
        )


def _padding_by_name(function, input, weight, stride, padding, dilation) -> tuple[Tensor, tuple[int, ...]]:
    """The input and the padding for "same" or "valid"."""
    if padding == "valid":
        return input, (0,) * len(stride)
    if padding != "same":
        raise ArgumentError(f"{function}: expected padding 'valid', 'same' or numbers, found {padding!r}")
    if any(s != 1 for s in stride):
        raise ArgumentError(
            f"{function}: padding='same' is not supported for strided convolutions, found stride {stride}"
        )
    totals = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:])]
    if any(total % 2 for total in totals):
        input = pad(input, [n for total in reversed(totals) for n in (0, total % 2)])
    return input, tuple(total // 2 for total in totals)


# ------------------------------------------------------------------------------ transposed convolution


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    output_padding=0,
    groups=1,
    dilation=1,
) -> Tensor:
    """Transposed convolution over one spatial dimension: see :func:`conv_transpose2d`.

    Input (N, K, L) or (K, L).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.conv_transpose1d(torch.tensor([[[1.0, 2.0]]]), torch.ones(1, 1, 3), stride=2)
    tensor([[[1., 1., 3., 2., 2.]]])
    """
    return _convolve_transposed(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    output_padding=0,
    groups=1,
    dilation=1,
) -> Tensor:
    r"""Transposed convolution over two spatial dimensions: the transpose of :func:`conv2d` in its input.

    .. math::
        y_{n,c,p} = b_c + \sum_{k,t,o} w_{k,c,t} \; x_{n,k,o}
            \; [p = o \cdot stride - padding + t \cdot dilation]

    where [·] is 1 if the equation holds and 0 if not. Each spatial size is
    (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.

    Args:
        input: x, (N, K, H, W); or (K, H, W), then the result has no N either.
        weight: w, (K, C/groups, kernel height, kernel width): the weight of the convolution whose transpose
            this is.
        bias: b, (C). All of one dtype, not bool.
        stride, padding, dilation: of that convolution; an int or one per spatial dimension.
        output_padding: added to the size of the result at the end; less than stride or dilation.
        groups: as for the convolution.

    Returns:
        y, (N, C, H', W') of the same dtype.

    Raises:
        ShapeError: sizes that do not fit.
        DtypeError: different dtypes, or booleans.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.conv_transpose2d(torch.tensor([[[[1.0, 2.0]]]]), torch.ones(1, 1, 2, 2))
    tensor([[[[1., 3., 2.],
              [1., 3., 2.]]]])
    """
    return _convolve_transposed(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=1,
    padding=0,
    output_padding=0,
    groups=1,
    dilation=1,
) -> Tensor:
    """Transposed convolution over three spatial dimensions: see :func:`conv_transpose2d`.

    Input (N, K, D, H, W) or (K, D, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.conv_transpose3d(torch.ones(1, 1, 1, 1, 1), torch.ones(1, 1, 1, 1, 2))
    tensor([[[[[1., 1.]]]]])
    """
    return _convolve_transposed(
        "conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@in_float32
def _convolve_transposed(
    function, d, input, weight, bias, stride, padding, output_padding, groups, dilation
) -> Tensor:
    check_tensors(function, input, weight, bias, kinds="fciu")
    if not batched(function, input, d):
        arguments = weight, bias, stride, padding, output_padding, groups, dilation
        return _only_sample(_convolve_transposed(function, d, unsqueeze(input, 0), *arguments))
    stride = per_dimension(function, "stride", stride, d)
    padding = per_dimension(function, "padding", padding, d)
    dilation = per_dimension(function, "dilation", dilation, d)
    extra = per_dimension(function, "output_padding", output_padding, d)
    window = (stride, padding, dilation, groups)
    size = _transposed_size(function, input.array.shape, weight.array.shape, window, extra)
    if bias is not None:
        _check_bias(function, bias, weight.shape[1] * groups)
    if any(e >= s for e, s in zip(extra, stride)):
        return _cut_from_whole(input, weight, bias, size, *window)
    return _input_gradient(input, weight, bias, input_size=size, window=window)


@lru_cache(maxsize=1024)
def _transposed_size(
    function: str, x_shape: Size, weight_shape: Size, window: Window, output_padding: Size
) -> Size:
    """The spatial size of the result.

    Raises:
        ShapeError: there is no transposed convolution of these sizes.
    """
    stride, padding, dilation, groups = window
    if (
        len(weight_shape) != len(x_shape)
        or weight_shape[0] != x_shape[1]
        or groups < 1
        or weight_shape[0] % groups
    ):
        raise ShapeError(
            f"{function}: Given transposed=1, "
            "expected a weight (in_channels, out_channels/groups, *kernel_size) "
            "whose first size is that of the input's channels and a multiple of groups, "
            f"found input {x_shape}, weight {weight_shape} and groups {groups}; check in_channels and groups"
        )
    kernel_size = weight_shape[2:]
    if 0 in x_shape[2:]:
        raise ShapeError(
            f"{function}: expected images of at least one pixel, found input {x_shape}; "
            "only the batch and the channels may be empty"
        )
    check_window(function, kernel_size, stride, dilation, padding)
    if any(e < 0 or e >= max(s, d) for e, s, d in zip(output_padding, stride, dilation)):
        raise ShapeError(
            f"{function}: output padding must be smaller than either stride or dilation, "
            f"found output_padding {output_padding}, stride {stride}, dilation {dilation}"
        )
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(x_shape[2:], stride, padding, dilation, kernel_size, output_padding)
    )
    if min(size) < 1:
        raise ShapeError(
            f"{function}: expected a result of at least one pixel, "
            f"found size {size} for input {x_shape}, kernel_size {kernel_size} and padding {padding}; "
            "use less padding"
        )
    return size


def _cut_from_whole(input, weight, bias, size, stride, padding, dilation, groups) -> Tensor:
    """The transposed convolution with an output_padding of a stride or more along some dimension.

    No input of this size has a convolution with as few outputs, so the map is not the transpose of one. The
    map without padding is; from its result, which holds every position that a tap reaches, the padding is
    cut off, and zeros follow where the size asks for more.
    """
    whole = tuple(
        (n - 1) * s + dl * (k - 1) + 1
        for n, s, dl, k in zip(input.shape[2:], stride, dilation, weight.shape[2:])
    )
    window = (stride, (0,) * len(size), dilation, groups)
    y = _input_gradient(input, weight, None, input_size=whole, window=window)
    widths = [(-p, p + n - w) for p, n, w in zip(padding, size, whole)]
    y = pad(y, [width for pair in reversed(widths) for width in pair])
    return y if bias is None else y + bias.reshape(-1, *(1,) * len(size))


__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
