"""Pooling layers."""

from __future__ import annotations

from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.module import Module


class _MaxPool(Module):
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


class MaxPool1d(_MaxPool):
    """The largest value of each window along one dimension: see :class:`MaxPool2d`."""

    def forward(self, input):
        return F.max_pool1d(input, *self._settings())


class MaxPool2d(_MaxPool):
    """The largest value of each window: see :func:`nn.functional.max_pool2d`.

    Args:
        kernel_size, padding, dilation: an int or one per spatial dimension.
        stride: the same; the kernel_size by default.
        return_indices: also give the places that won.
        ceil_mode: count windows that reach over the end.

    >>> import cnn_physics77 as torch
    >>> torch.nn.MaxPool2d(2)(torch.zeros(4, 8, 28, 28)).shape
    (4, 8, 14, 14)
    """

    def forward(self, input):
        return F.max_pool2d(input, *self._settings())


class MaxPool3d(_MaxPool):
    """The largest value of each window over three dimensions: see :class:`MaxPool2d`."""

    def forward(self, input):
        return F.max_pool3d(input, *self._settings())


__all__ = ["MaxPool1d", "MaxPool2d", "MaxPool3d"]
