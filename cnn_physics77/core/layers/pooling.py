"""Pooling layers: the largest or the mean value of each window, and the partial inverse of max pooling."""

from __future__ import annotations

from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.base.arguments import per_dimension
from cnn_physics77.core.tensor import Tensor


class _MaxPoolNd(Module):
    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def _settings(self) -> tuple:
        return (
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The largest value of each window along one dimension: see :class:`MaxPool2d`."""

    def forward(self, input: Tensor):
        return F.max_pool1d(input, *self._settings())


class MaxPool2d(_MaxPoolNd):
    """The largest value of each window: see :func:`nn.functional.max_pool2d`.

    Args:
        kernel_size, padding, dilation: an int, or one per spatial dimension.
        stride: an int, or one per spatial dimension; by default the kernel_size.
        return_indices: also return the indices of the largest values.
        ceil_mode: include windows that extend past the end.

    >>> import cnn_physics77 as torch
    >>> torch.nn.MaxPool2d(2)(torch.zeros(4, 8, 28, 28)).shape
    torch.Size([4, 8, 14, 14])
    """

    def forward(self, input: Tensor):
        return F.max_pool2d(input, *self._settings())


class MaxPool3d(_MaxPoolNd):
    """The largest value of each window over three dimensions: see :class:`MaxPool2d`."""

    def forward(self, input: Tensor):
        return F.max_pool3d(input, *self._settings())


class _MaxUnpool(Module):
    """Puts the values of a max pool back at their indices: see :func:`nn.functional.max_unpool2d`.

    ``forward(input, indices, output_size=None)``.

    Args:
        kernel_size, stride, padding: of the pool.
    """

    dimensions: int

    def __init__(self, kernel_size, stride=None, padding=0) -> None:
        super().__init__()
        name, d = type(self).__name__, self.dimensions
        self.kernel_size = per_dimension(name, "kernel_size", kernel_size, d)
        self.stride = per_dimension(name, "stride", kernel_size if stride is None else stride, d)
        self.padding = per_dimension(name, "padding", padding, d)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """The partial inverse of :class:`MaxPool1d`; all other values are 0."""

    dimensions = 1

    def forward(self, input: Tensor, indices: Tensor, output_size=None) -> Tensor:
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """The partial inverse of :class:`MaxPool2d`; all other values are 0."""

    dimensions = 2

    def forward(self, input: Tensor, indices: Tensor, output_size=None) -> Tensor:
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool3d(_MaxUnpool):
    """The partial inverse of :class:`MaxPool3d`; all other values are 0."""

    dimensions = 3

    def forward(self, input: Tensor, indices: Tensor, output_size=None) -> Tensor:
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class AvgPool1d(Module):
    """The mean of each window along one dimension: see :class:`AvgPool2d`."""

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        self.kernel_size = per_dimension("AvgPool1d", "kernel_size", kernel_size, 1)
        self.stride = per_dimension("AvgPool1d", "stride", kernel_size if stride is None else stride, 1)
        self.padding = per_dimension("AvgPool1d", "padding", padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def _settings(self) -> tuple:
        return (
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """The mean of each window: see :func:`nn.functional.avg_pool2d`.

    Args:
        kernel_size, padding: an int, or one per spatial dimension.
        stride: an int, or one per spatial dimension; by default the kernel_size.
        ceil_mode: include windows that extend past the end.
        count_include_pad: include the zeros of the padding in the mean.
        divisor_override: divide by this number instead.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(input, *self._settings())


class AvgPool3d(_AvgPoolNd):
    """The mean of each window over three dimensions: see :class:`AvgPool2d`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool3d(input, *self._settings())


class _AdaptiveAvgPoolNd(Module):
    """The mean of windows that are chosen to give the output a certain size.

    Args:
        output_size: an int, or one per spatial dimension; None for the input's size.
    """

    def __init__(self, output_size) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The mean of windows for a given output size: see :func:`nn.functional.adaptive_avg_pool1d`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The mean of windows for a given output size: see :func:`nn.functional.adaptive_avg_pool2d`.

    >>> import cnn_physics77 as torch
    >>> torch.nn.AdaptiveAvgPool2d(1)(torch.zeros(4, 8, 7, 7)).shape
    torch.Size([4, 8, 1, 1])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The mean of windows for a given output size: see :func:`nn.functional.adaptive_avg_pool3d`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool3d(input, self.output_size)


class _AdaptiveMaxPoolNd(Module):
    """The largest value of windows that are chosen to give the output a certain size.

    Args:
        output_size: an int, or one per spatial dimension; None for the input's size.
        return_indices: also return the indices of the largest values.
    """

    def __init__(self, output_size, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest value of windows for a given output size: see :func:`nn.functional.adaptive_max_pool1d`."""

    def forward(self, input: Tensor):
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest value of windows for a given output size: see
    :func:`nn.functional.adaptive_max_pool2d`."""

    def forward(self, input: Tensor):
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The largest value of windows for a given output size: see :func:`nn.functional.adaptive_max_pool3d`."""

    def forward(self, input: Tensor):
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)


__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]
