"""Power-average pooling and fractional max-pooling, as layers."""

from __future__ import annotations

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.base.arguments import per_dimension
from cnn_physics77.core.operations.nn import pooling_fractional, pooling_lp
from cnn_physics77.core.tensor import Tensor


class _LPPool(Module):
    """The p-norm of each window: see :func:`nn.functional.lp_pool2d`.

    Args:
        norm_type: p.
        kernel_size: an int, or one per spatial dimension.
        stride: the same; by default the kernel_size.
        ceil_mode: include windows that extend past the end.
    """

    def __init__(self, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The p-norm of each window along one dimension: see :class:`LPPool2d`."""

    def forward(self, input: Tensor) -> Tensor:
        return pooling_lp.lp_pool1d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool2d(_LPPool):
    """The p-norm of each window: see :func:`nn.functional.lp_pool2d`.

    Args:
        norm_type: p.
        kernel_size: an int, or one per spatial dimension.
        stride: the same; by default the kernel_size.
        ceil_mode: include windows that extend past the end.

    >>> import cnn_physics77 as torch
    >>> torch.nn.LPPool2d(2, 2)(torch.ones(1, 2, 2))
    tensor([[[2.]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return pooling_lp.lp_pool2d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool3d(_LPPool):
    """The p-norm of each window over three dimensions: see :class:`LPPool2d`."""

    def forward(self, input: Tensor) -> Tensor:
        return pooling_lp.lp_pool3d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class _FractionalMaxPool(Module):
    dimensions: int
    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size,
        output_size=None,
        output_ratio=None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name, d = type(self).__name__, self.dimensions
        if (output_size is None) == (output_ratio is None):
            which = "requires specifying either" if output_size is None else "only one of"
            raise ValueError(f"{name}: {which} an output size, or a pooling ratio")
        self.kernel_size = per_dimension(name, "kernel_size", kernel_size, d)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = output_size
        if output_size is not None:
            self.output_size = per_dimension(name, "output_size", output_size, d)
        self.output_ratio = output_ratio
        if output_ratio is not None:
            ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * d
            if not all(0 < ratio < 1 for ratio in ratios):
                raise ValueError(f"{name}: output_ratio must be between 0 and 1 (got {output_ratio})")
            self.output_ratio = tuple(ratios)

    def _settings(self) -> tuple:
        return (
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest value of each of a given number of windows at pseudo-random places: see
    :func:`nn.functional.fractional_max_pool2d`.

    Args:
        kernel_size: an int, or one per spatial dimension.
        output_size: how many windows, likewise.
        output_ratio: or their number divided by the input's size.
        return_indices: also return the indices of the largest values.

    >>> import cnn_physics77 as torch
    >>> torch.nn.FractionalMaxPool2d(3, output_ratio=0.5)(torch.zeros(4, 8, 28, 28)).shape
    torch.Size([4, 8, 14, 14])
    """

    dimensions = 2

    def forward(self, input: Tensor):
        return pooling_fractional.fractional_max_pool2d(input, *self._settings())


class FractionalMaxPool3d(_FractionalMaxPool):
    """The same over three dimensions: see :class:`FractionalMaxPool2d`."""

    dimensions = 3

    def forward(self, input: Tensor):
        return pooling_fractional.fractional_max_pool3d(input, *self._settings())


__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d", "LPPool1d", "LPPool2d", "LPPool3d"]
