"""``torchvision.ops.deform_conv``: convolutions whose taps are moved (J. Dai et al., arXiv:1703.06211; with
factors, X. Zhu et al., arXiv:1811.11168).
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77 import nn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.creation.creation import empty
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.operations.nn.grid_sample import linear_samples
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.nn.modules.utils import _pair


def deform_conv2d(
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = (1, 1),
    padding: int | tuple[int, int] = (0, 0),
    dilation: int | tuple[int, int] = (1, 1),
    mask: Tensor | None = None,
) -> Tensor:
    r"""A convolution whose taps are moved by an offset at each place of the output.

    .. math:: y_{n,o,p} = b_o + \sum_{c, k} w_{o,c,k}\, m_{n,k,p}\, x_{n,c}(s p + d k - a + \Delta_{n,k,p})

    with stride s, dilation d and padding a. Between the pixels x is interpolated; out of the image it is 0.
    There is a derivative with respect to each tensor, of every order; where a tap lies on a pixel, that with
    respect to the offset is the one of larger offsets.

    Args:
        input: x, (N, C, H, W).
        offset: Δ, (N, 2 G kh kw, H', W'): for each of G groups of channels and each tap, row by row, how far
            it is moved down and to the right.
        weight: w, (C', C / groups, kh, kw); the number of groups follows from its size.
        bias: b, (C').
        stride, padding, dilation: (vertical, horizontal), or one number for both.
        mask: m, (N, G kh kw, H', W'), factors of the taps; None for 1.

    Returns:
        y, (N, C', H', W').

    Raises:
        ShapeError: sizes that do not fit.
        ValueError: a stride or a dilation of 0, a negative padding.
        DtypeError: tensors that are not floating, or not of one dtype.

    >>> import cnn_physics77 as torch
    >>> image = torch.arange(9.0).reshape(1, 1, 3, 3)
    >>> half = torch.tensor([0.5, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 3, 3)  # half a pixel down
    >>> deform_conv2d(image, half, torch.ones(1, 1, 1, 1))
    tensor([[[[1.5000, 2.5000, 3.5000],
              [4.5000, 5.5000, 6.5000],
              [3.0000, 3.5000, 4.0000]]]])
    """
    check_tensors("deform_conv2d", input, offset, weight, bias, mask, kinds="f")
    if input.ndim != 4 or weight.ndim != 4 or 0 in weight.shape:
        raise ShapeError(
            "deform_conv2d: expected an input (N, C, H, W) and a weight (C', C / groups, kh, kw), found "
            f"shapes {tuple(input.shape)} and {tuple(weight.shape)}"
        )
    n, channels, *size = input.shape
    made, of_group, *kernel = weight.shape
    taps, groups = math.prod(kernel), channels // of_group
    steps, margins, gaps = _pair(stride), _pair(padding), _pair(dilation)
    if min(*steps, *gaps) < 1 or min(margins) < 0:
        raise ValueError(
            "deform_conv2d: expected a stride and a dilation of at least 1 and a padding of at least 0, "
            f"found {stride}, {dilation} and {padding}"
        )
    out = [
        (m + 2 * a - (d * (k - 1) + 1)) // s + 1 for m, a, d, k, s in zip(size, margins, gaps, kernel, steps)
    ]
    if channels != groups * of_group or not groups or made % groups or min(out) < 1:
        raise ShapeError(
            "deform_conv2d: expected a weight (C', C / groups, kh, kw) that is not larger than the image, "
            f"and groups that divide C', found an input {tuple(input.shape)} and a weight "
            f"{tuple(weight.shape)}"
        )
    moved = offset.shape[1] // (2 * taps) if offset.ndim == 4 else 0
    wanted = (n, 2 * moved * taps, *out)
    if not moved or channels % moved or offset.shape != wanted:
        raise ShapeError(
            f"deform_conv2d: expected an offset (N, 2 G kh kw, H', W') = ({n}, {2 * taps} G, {out[0]}, "
            f"{out[1]}) with G that divides {channels} channels, found {tuple(offset.shape)}"
        )
    if mask is not None and mask.shape != (n, moved * taps, *out):
        raise ShapeError(
            f"deform_conv2d: expected a mask {(n, moved * taps, *out)}, half as many as offsets, found "
            f"{tuple(mask.shape)}"
        )
    if bias is not None and bias.shape != (made,):
        raise ShapeError(f"deform_conv2d: expected a bias of shape ({made},), found {tuple(bias.shape)}")
    dtype = input.array.dtype
    y, x = (
        (np.arange(k)[:, None] * d + np.arange(m) * s - a).astype(dtype)
        for k, d, m, s, a in zip(kernel, gaps, out, steps, margins)
    )
    shifts = offset.reshape((n * moved, *kernel, 2, *out))
    points = taps * math.prod(out)
    places = [
        (shifts[:, :, :, 0] + from_array(y[:, None, :, None])).reshape((n * moved, points)),
        (shifts[:, :, :, 1] + from_array(x[:, None, :])).reshape((n * moved, points)),
    ]
    columns = linear_samples(input.reshape((n * moved, channels // moved, *size)), places)
    if mask is not None:
        columns = columns * mask.reshape((n * moved, 1, points))
    columns = columns.reshape((n, groups, of_group * taps, math.prod(out)))
    result = matmul(weight.reshape((groups, made // groups, of_group * taps)), columns)
    result = result.reshape((n, made, *out))
    return result if bias is None else result + bias.reshape((made, 1, 1))


class DeformConv2d(nn.Module):
    """:func:`deform_conv2d` with a weight and a bias of its own, initialised as those of a convolution.

    >>> import cnn_physics77 as torch
    >>> layer = DeformConv2d(3, 8, 3, padding=1)
    >>> layer(torch.rand(2, 3, 5, 5), torch.zeros(2, 18, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                "DeformConv2d: in_channels and out_channels must be divisible by groups, found "
                f"{in_channels}, {out_channels} and {groups}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = _pair(kernel_size), _pair(stride)
        self.padding, self.dilation = _pair(padding), _pair(dilation)
        self.weight = nn.Parameter(empty(out_channels, in_channels // groups, *self.kernel_size))
        if bias:
            self.bias = nn.Parameter(empty(out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        return deform_conv2d(
            input, offset, self.weight, self.bias, self.stride, self.padding, self.dilation, mask
        )

    def __repr__(self) -> str:
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        ]
        for name, usual in (("padding", (0, 0)), ("dilation", (1, 1)), ("groups", 1)):
            parts += [f"{name}={getattr(self, name)}"] if getattr(self, name) != usual else []
        parts += ["bias=False"] if self.bias is None else []
        return f"DeformConv2d({', '.join(parts)})"


__all__ = ["DeformConv2d", "deform_conv2d"]
