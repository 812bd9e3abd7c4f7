"""The sizes of one convolution, which every algorithm reads."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from cnn_physics77.core.kernels.windows import Size, output_size


@dataclass(frozen=True, slots=True)
class ConvolutionShapes:
    """All sizes of a convolution of x (N, C, *input_size) with a weight (K, C/G, *kernel_size)."""

    batch: int
    in_channels: int
    out_channels: int
    input_size: Size
    kernel_size: Size
    output_size: Size
    stride: Size
    padding: Size
    dilation: Size
    groups: int

    @property
    def inner_length(self) -> int:
        """The inner length of the product: the inputs that one output reads, C/G for each tap."""
        return self.in_channels // self.groups * prod(self.kernel_size)


@lru_cache(maxsize=1024)
def convolution_shapes(
    x_shape: Size, weight_shape: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> ConvolutionShapes:
    """The sizes of a convolution, from arguments that fit one another (see `operations.convolution`).

    >>> convolution_shapes((1, 4, 9, 9), (8, 2, 3, 3), (2, 2), (1, 1), (1, 1), 2).output_size
    (5, 5)
    """
    batch, in_channels, *input_size = x_shape
    out_channels, _, *kernel_size = weight_shape
    return ConvolutionShapes(
        batch,
        in_channels,
        out_channels,
        tuple(input_size),
        tuple(kernel_size),
        output_size(tuple(input_size), tuple(kernel_size), stride, padding, dilation),
        stride,
        padding,
        dilation,
        groups,
    )
