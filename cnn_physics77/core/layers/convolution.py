"""Convolution layers: one class for any number of spatial dimensions, with subclasses for 1, 2 and 3."""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import empty_parameter
from cnn_physics77.core.operations.base.arguments import per_dimension
from cnn_physics77.core.tensor import Tensor


class Convolution(Module):
    """The part that all convolutions share: the window, the weight and the bias.

    Attributes:
        weight: (out_channels, in_channels/groups, *kernel_size); if transposed, (in_channels,
            out_channels/groups, *kernel_size).
        bias: (out_channels,), or None.

    Both are drawn from U(-k, k) with k = 1/sqrt(fan_in); fan_in is the product of the weight's sizes without
    the first.
    """

    dimensions = 0

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size,
        stride,
        padding,
        dilation,
        transposed: bool,
        output_padding,
        groups: int,
        bias: bool,
        padding_mode: str,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        if not self.dimensions:  # of a class that is not one of those below
            self.dimensions = len(kernel_size)
        self.transposed = transposed
        name, d = type(self).__name__, self.dimensions
        if groups <= 0:
            raise ValueError(f"{name}: groups must be a positive integer, found {groups}")
        if in_channels % groups:
            raise ShapeError(
                f"{name}: in_channels must be divisible by groups, found {in_channels} and {groups}"
            )
        if out_channels % groups:
            raise ShapeError(
                f"{name}: out_channels must be divisible by groups, found {out_channels} and {groups}"
            )
        modes = ("zeros",) if self.transposed else ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise ValueError(
                f"{name}: padding_mode must be one of {modes}, found padding_mode={padding_mode!r}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_dimension(name, "kernel_size", kernel_size, d)
        self.stride = per_dimension(name, "stride", stride, d)
        self.dilation = per_dimension(name, "dilation", dilation, d)
        self.output_padding = per_dimension(name, "output_padding", output_padding, d)
        self.groups = groups
        self.padding_mode = padding_mode
        self.padding: str | tuple[int, ...] = padding
        if not isinstance(padding, str):
            self.padding = per_dimension(name, "padding", padding, d)
        else:
            if self.transposed or padding not in ("same", "valid"):
                raise ValueError(
                    f"{name}: Invalid padding string {padding!r}, should be one of 'valid', 'same'; a "
                    "transposed convolution takes numbers"
                )
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError(f"{name}: padding='same' is not supported for strided convolutions")
        self._reversed_padding_repeated_twice = self._margins()
        sizes = (
            (in_channels, out_channels // groups)
            if self.transposed
            else (out_channels, in_channels // groups)
        )
        self.weight = empty_parameter(*sizes, *self.kernel_size, device=device, dtype=dtype)
        if bias:
            self.bias = empty_parameter(out_channels, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values of the weight and the bias."""
        init.kaiming_uniform_(self.weight, a=sqrt(5))
        if self.bias is not None:
            fan_in = prod(self.weight.shape[1:])
            if fan_in:
                init.uniform_(self.bias, -1 / sqrt(fan_in), 1 / sqrt(fan_in))

    def _margins(self) -> list[int]:
        """The padding at both ends of each dimension, the last first, as ``pad`` takes it."""
        if not isinstance(self.padding, str):
            pairs = [(p, p) for p in self.padding]
        elif self.padding == "valid":
            pairs = [(0, 0)] * self.dimensions
        else:
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            pairs = [(total // 2, total - total // 2) for total in totals]
        return [margin for pair in reversed(pairs) for margin in pair]

    def _convolve(self, function: Callable, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0,) * self.dimensions
        return function(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def _output_padding(self, input: Tensor, output_size) -> tuple[int, ...]:
        """The output_padding with which a transposed convolution has the given output size."""
        if output_size is None:
            return self.output_padding
        name, d = type(self).__name__, self.dimensions
        wanted = tuple(output_size)
        if len(wanted) == input.ndim:
            wanted = wanted[-d:]
        if len(wanted) != d:
            raise ShapeError(
                f"{name}: expected output_size of {d} or {input.ndim} numbers, found {len(wanted)}: {wanted}"
            )
        padding: Any = self.padding
        margins = padding if isinstance(padding, (tuple, list)) else (padding,) * d
        smallest = tuple(
            (n - 1) * s - 2 * p + dl * (k - 1) + 1
            for n, s, p, dl, k in zip(
                *(input.shape[-d:], self.stride, margins),
                *(self.dilation, self.kernel_size),
            )
        )
        largest = tuple(n + s - 1 for n, s in zip(smallest, self.stride))
        if any(not a <= n <= b for a, n, b in zip(smallest, wanted, largest)):
            raise ShapeError(
                f"{name}: requested an output size of {wanted}, but valid sizes range from {smallest} to "
                f"{largest} (for an input of {input.array.shape[-d:]})"
            )
        return tuple(n - a for n, a in zip(wanted, smallest))

    def extra_repr(self) -> str:
        d = self.dimensions
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * d:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * d:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * d:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Direct(Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, False, 0, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip


class _Transposed(Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups: int = 1,
        bias: bool = True,
        dilation=1,
        padding_mode: str = "zeros",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, True, output_padding, groups,
            bias, padding_mode, device, dtype,
        )  # fmt: skip


class Conv1d(_Direct):
    """Convolution over one spatial dimension: see :class:`Conv2d`; input (N, C, L) or (C, L)."""

    dimensions = 1

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._convolve(F.conv1d, input, weight, bias)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv2d(_Direct):
    r"""Convolution over two spatial dimensions: :math:`y = w \star x + b`, see :func:`nn.functional.conv2d`.

    Args:
        in_channels, out_channels: C and K.
        kernel_size, stride, dilation: an int or one per spatial dimension.
        padding: the same, at both ends; or ``"valid"``, or ``"same"``.
        groups: the channels are divided into this many independent groups.
        bias: whether there is a b.
        padding_mode: the values of the padding: ``"zeros"``, ``"reflect"``, ``"replicate"`` or
            ``"circular"``.

    Shapes: input (N, C, H, W) or (C, H, W); output (N, K, H', W') or (K, H', W'), with
    H' = ⌊(H + 2 padding - dilation (kernel_size - 1) - 1) / stride⌋ + 1.

    Raises:
        ShapeError: the channels are not a multiple of groups.
        ValueError: an unknown padding or padding_mode.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> nn.Conv2d(1, 8, 3, bias=False)
    Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), bias=False)
    >>> nn.Conv2d(1, 8, 3, stride=2)(torch.zeros(4, 1, 28, 28)).shape
    torch.Size([4, 8, 13, 13])
    """

    dimensions = 2

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._convolve(F.conv2d, input, weight, bias)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv3d(_Direct):
    """Convolution over three spatial dimensions: see :class:`Conv2d`.

    Input (N, C, D, H, W) or (C, D, H, W).
    """

    dimensions = 3

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._convolve(F.conv3d, input, weight, bias)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class ConvTranspose1d(_Transposed):
    """Transposed convolution over one spatial dimension: see :class:`ConvTranspose2d`."""

    dimensions = 1

    def forward(self, input: Tensor, output_size=None) -> Tensor:
        extra = self._output_padding(input, output_size)
        return F.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose2d(_Transposed):
    """Transposed convolution over two spatial dimensions: the transpose of :class:`Conv2d` as a linear map.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, groups, bias, dilation: as for the
            convolution.
        output_padding: added to the size of the result at the end.

    ``forward(input, output_size=None)`` accepts the output size instead of ``output_padding``.

    Shapes: input (N, C, H, W) or (C, H, W); output with
    H' = (H - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> nn.ConvTranspose2d(8, 1, 3, stride=2)(torch.zeros(4, 8, 13, 13), output_size=(28, 28)).shape
    torch.Size([4, 1, 28, 28])
    """

    dimensions = 2

    def forward(self, input: Tensor, output_size=None) -> Tensor:
        extra = self._output_padding(input, output_size)
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose3d(_Transposed):
    """Transposed convolution over three spatial dimensions: see :class:`ConvTranspose2d`."""

    dimensions = 3

    def forward(self, input: Tensor, output_size=None) -> Tensor:
        extra = self._output_padding(input, output_size)
        return F.conv_transpose3d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


Conv2D = Conv2d

__all__ = [
    "Conv1d",
    "Conv2D",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]
