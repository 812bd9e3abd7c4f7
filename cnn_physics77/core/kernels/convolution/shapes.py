"""The sizes of one convolution, checked once and then read by every algorithm."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.windows import Size, output_size


@dataclass(frozen=True, slots=True)
class Geometry:
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
    def taps(self) -> int:
        """Length of one product: the inputs that one output reads."""
        return self.in_channels // self.groups * prod(self.kernel_size)


@lru_cache(maxsize=1024)
def geometry(
    x_shape: Size,
    weight_shape: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
    operation: str,
) -> Geometry:
    """The sizes of a convolution, after every check; ``operation`` is the name that an error gives.

    Raises:
        ShapeError: shapes, groups and hyper-parameters that do not fit one another.
    """
    batch, in_channels, *input_size = x_shape
    if len(weight_shape) != len(x_shape):
        raise ShapeError(
            f"{operation}: expected a weight (out_channels, in_channels/groups, *kernel_size) with as many "
            f"dimensions as the input, found input {x_shape} and weight {weight_shape}; "
            f"add a batch or a spatial dimension"
        )
    out_channels, group_channels, *kernel_size = weight_shape
    if 0 in input_size:
        raise ShapeError(
            f"{operation}: expected images of at least one pixel, found input {x_shape}; only the batch and "
            "the channels may be empty"
        )
    if groups < 1 or out_channels % groups or group_channels * groups != in_channels:
        raise ShapeError(
            f"{operation}: expected in_channels = groups * weight.shape[1] and out_channels a multiple of "
            f"groups, found input {x_shape}, weight {weight_shape}, groups {groups}; check in_channels and "
            "groups"
        )
    counts = output_size(tuple(input_size), tuple(kernel_size), stride, padding, dilation, operation)
    return Geometry(
        batch,
        in_channels,
        out_channels,
        tuple(input_size),
        tuple(kernel_size),
        counts,
        stride,
        padding,
        dilation,
        groups,
    )


def check_gradient(g_shape: Size, expected: Geometry, operation: str) -> None:
    """Raise a ShapeError unless ``g_shape`` is that of the convolution's output."""
    if g_shape != (expected.batch, expected.out_channels, *expected.output_size):
        raise ShapeError(
            f"{operation}: expected a gradient of the output's shape "
            f"{(expected.batch, expected.out_channels, *expected.output_size)}, found {g_shape}; "
            f"check input_size {expected.input_size}, stride {expected.stride} and padding {expected.padding}"
        )
