"""Normalization layers: mean 0 and variance 1 over the batch, the channels or the pixels."""

from __future__ import annotations

from collections.abc import Sequence

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.backend.device import check_device
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter, empty_parameter
from cnn_physics77.core.tensor import Tensor, tensor


class _Affine(Module):
    """A layer with an optional weight and bias, both learned, that scale and shift the result."""

    weight: Parameter | None
    bias: Parameter | None

    def _make_affine(self, shape: tuple[int, ...], affine: bool, bias: bool, device, dtype) -> None:
        if affine:
            self.weight = empty_parameter(*shape, device=device, dtype=dtype)
        else:
            self.register_parameter("weight", None)
        if affine and bias:
            self.bias = empty_parameter(*shape, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class _WithStatistics(_Affine):
    """A layer with optional running estimates of the mean and variance of each channel, for evaluation.

    Args:
        num_features: C, the number of channels.
        eps: ε, added to the variance.
        momentum: the weight of a new estimate in the running one; None for the mean of all estimates.
        affine: whether there are a weight and a bias.
        track_running_stats: whether there are running estimates; without them evaluation uses those of the
            batch, too.
        bias: whether there is a bias, if there is a weight.
    """

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    _version = 2

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device,
        dtype,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._make_affine((num_features,), affine, bias, device, dtype)
        if track_running_stats:
            check_device(type(self).__name__, device)
            self.register_buffer("running_mean", F.zeros(num_features, dtype=dtype))
            self.register_buffer("running_var", F.ones(num_features, dtype=dtype))
            self.register_buffer("num_batches_tracked", tensor(0))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *lists) -> None:
        key = f"{prefix}num_batches_tracked"
        if (local_metadata.get("version") or 1) < 2 and self.num_batches_tracked is not None:
            state_dict.setdefault(key, self.num_batches_tracked)  # the state of version 1 has no count
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *lists)

    def reset_running_stats(self) -> None:
        """Reset the running estimates."""
        if self.running_mean is not None and self.running_var is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
        if self.num_batches_tracked is not None:
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0, and reset the running estimates."""
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


# ----------------------------------------------------------------------------- batch normalization


class _BatchNorm(_WithStatistics):
    dimensions: Sequence[int]
    """The allowed numbers of dimensions of the input."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device=None,
        dtype=None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def _check_input_dim(self, input: Tensor) -> None:
        """Raise a ShapeError unless the input has the right number of dimensions: a class that is not one of
        those below has its own check."""
        if input.ndim not in self.dimensions:
            expected = " or ".join(f"{d}D" for d in self.dimensions)
            raise ShapeError(f"{type(self).__name__}: expected {expected} input (got {input.ndim}D input)")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum = self.momentum
        tracking = self.training and self.track_running_stats
        if tracking and self.num_batches_tracked is not None:
            self.num_batches_tracked.array += 1
            self.num_batches_tracked.mark_changed()
            if momentum is None:
                momentum = 1.0 / self.num_batches_tracked.item()
        use_running = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if use_running else None,
            self.running_var if use_running else None,
            self.weight,
            self.bias,
            self.training or (self.running_mean is None and self.running_var is None),
            0.0 if momentum is None else momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalization of (N, C) or (N, C, L): see :class:`BatchNorm2d`."""

    dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    r"""Batch normalization (Ioffe and Szegedy 2015) of images (N, C, H, W).

    .. math:: y = \frac{x - m}{\sqrt{v + \epsilon}} \, w + b

    In training, m and v are the mean and the (biased) variance of each channel over the batch and its pixels;
    they update the running estimates (with the unbiased variance). In evaluation, m and v are the running
    estimates.

    Args:
        num_features: C.
        eps: ε.
        momentum: the weight of the batch's statistics in the new running estimates; None for the mean of all
            batches.
        affine: whether there are w and b, initially 1 and 0.
        track_running_stats: whether there are running estimates; without them evaluation uses the batch's
            statistics, too.
        bias: whether there is a b, if ``affine``.

    Raises:
        ShapeError: the input has a wrong number of dimensions or channels.

    >>> import cnn_physics77 as torch
    >>> norm = torch.nn.BatchNorm2d(1, affine=False)
    >>> norm(torch.tensor([[[[-2.0, 2.0]]]]))
    tensor([[[[-1.0000,  1.0000]]]])
    >>> norm.running_var
    tensor([1.7000])
    """

    dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalization of (N, C, D, H, W): see :class:`BatchNorm2d`."""

    dimensions = (5,)


# ----------------------------------------------------------------------------- instance normalization


class _InstanceNorm(_WithStatistics):
    dimensions: int
    """The number of dimensions of a batch; a single sample has one less."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device=None,
        dtype=None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        d = self.dimensions
        if input.ndim not in (d - 1, d):
            raise ShapeError(
                f"{type(self).__name__}: expected {d - 1}D or {d}D input (got {input.ndim}D input)"
            )
        channels = input.shape[1 - d]
        if channels != self.num_features:
            if self.affine:
                raise ShapeError(
                    f"{type(self).__name__}: expected input's channels to match num_features "
                    f"({self.num_features}), but got: {channels}."
                )
            warn(
                f"input's channels ({channels}) do not match num_features ({self.num_features}), which is "
                "not used because affine=False"
            )
        y = F.instance_norm(
            input if input.ndim == d else input[None],
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return y if input.ndim == d else y[0]


class InstanceNorm1d(_InstanceNorm):
    """Instance normalization of (N, C, L) or (C, L): see :class:`InstanceNorm2d`."""

    dimensions = 3


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization (Ulyanov et al. 2016) of images (N, C, H, W) or (C, H, W).

    Each channel of each image is normalized over its pixels. The arguments are those of :class:`BatchNorm2d`,
    with other defaults.
    """

    dimensions = 4


class InstanceNorm3d(_InstanceNorm):
    """Instance normalization of (N, C, D, H, W) or (C, D, H, W): see :class:`InstanceNorm2d`."""

    dimensions = 5


# ----------------------------------------------------------------------------- group and layer normalization


class GroupNorm(_Affine):
    r"""Normalization over groups of channels and their pixels (Wu and He 2018): (N, C, ...). See
    :func:`nn.functional.group_norm`.

    Args:
        num_groups: the number of groups; it divides C.
        num_channels: C.
        eps: added to the variance.
        affine: whether there are a weight and a bias (C,).
        bias: whether there is a bias, if there is a weight.

    Raises:
        ShapeError: num_groups does not divide C.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device=None,
        dtype=None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ShapeError(
                f"GroupNorm: num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._make_affine((num_channels,), affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LayerNorm(_Affine):
    r"""Normalization over the last dimensions (Ba et al. 2016): (..., *normalized_shape). See
    :func:`nn.functional.layer_norm`.

    Args:
        normalized_shape: the sizes of these dimensions, or one size.
        eps: added to the variance.
        elementwise_affine: whether there are a weight and a bias of that shape.
        bias: whether there is a bias, if there is a weight.
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._make_affine(self.normalized_shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    r"""Division by the root mean square over the last dimensions (Zhang and Sennrich 2019): see
    :func:`nn.functional.rms_norm`.

    Args:
        normalized_shape: the sizes of these dimensions, or one size.
        eps: added to the mean square; None for the machine epsilon of the dtype.
        elementwise_affine: whether there is a weight of that shape.
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        if elementwise_affine:
            self.weight = empty_parameter(*self.normalized_shape, device=device, dtype=dtype)
        else:
            self.register_parameter("weight", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


def _shape(normalized_shape) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "RMSNorm",
]
