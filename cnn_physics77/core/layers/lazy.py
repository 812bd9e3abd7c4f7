"""Lazy layers: the number of input features or channels is taken from the first batch.

Until then the parameters are uninitialized (:class:`.parameter.UninitializedParameter`). The first call gives
them shapes and values, and the layer becomes its ordinary counterpart. An optimizer that was made before
holds the same parameters.
"""

from __future__ import annotations

from typing import Any

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    Convolution,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    _Direct,
    _Transposed,
)
from cnn_physics77.core.layers.linear import Linear
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    _WithStatistics,
)
from cnn_physics77.core.layers.parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from cnn_physics77.core.tensor import Tensor


class LazyModuleMixin(Module):
    """Makes a module lazy: a base class before the ordinary module.

    The class creates ``UninitializedParameter``s, and ``initialize_parameters``, which gets the arguments of
    the first call, gives them shapes.

    Attributes:
        cls_to_become: the class that the module has from its first call on; None for the same.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> class Scale(nn.modules.lazy.LazyModuleMixin, nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.UninitializedParameter()
    ...
    ...     def initialize_parameters(self, x):
    ...         self.factor.materialize(x.shape[-1:])
    ...         nn.init.ones_(self.factor)
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> Scale()(torch.ones(2, 3)).shape
    torch.Size([2, 3])
    """

    cls_to_become: type[Module] | None = None
    _waits = True  # for the first call

    def __call__(self, *args, **kwargs):
        if self._waits:
            self.initialize_parameters(*args, **kwargs)
            if self.has_uninitialized_params():
                raise RuntimeError(
                    f"module {self._get_name()} has not been fully initialized: initialize_parameters left "
                    "uninitialized parameters; materialize all of them there"
                )
            if self.cls_to_become is not None:
                self.__class__ = self.cls_to_become  # type: ignore[assignment]
                return self(*args, **kwargs)
            self._waits = False
        return super().__call__(*args, **kwargs)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters shapes and values; the arguments are those of the first call."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer of this module has no shape yet."""
        return any(map(is_lazy, (*self._parameters.values(), *self._buffers.values())))

    def _make_lazy(self, *names: str, device=None, dtype=None) -> None:
        """Replace the parameters and buffers of these names by uninitialized ones."""
        for name in names:
            kind = UninitializedParameter if name in self._parameters else UninitializedBuffer
            setattr(self, name, kind(device=device, dtype=dtype))

    def _materialize(self, **shapes: tuple[int, ...]) -> None:
        """Give shapes to the parameters and buffers of these names that are not None, and set all values."""
        for name, shape in shapes.items():
            tensor: Any = getattr(self, name)
            if tensor is not None:
                tensor.materialize(shape)
        self.reset_parameters()

    reset_parameters: Any


class LazyLinear(LazyModuleMixin, Linear):
    """A :class:`Linear` whose ``in_features`` is the last size of the first input.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> layer = nn.LazyLinear(3)
    >>> layer
    LazyLinear(in_features=0, out_features=3, bias=True)
    >>> layer(torch.zeros(2, 5)).shape, layer
    (torch.Size([2, 3]), Linear(in_features=5, out_features=3, bias=True))
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(0, 0, bias, device, dtype)
        self.out_features = out_features
        self._make_lazy("weight", *["bias"] * bias, device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw new values, once there are shapes."""
        if self.in_features and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take in_features from the input."""
        new = self.has_uninitialized_params()
        self.in_features = input.shape[-1]
        if new:
            self._materialize(weight=(self.out_features, self.in_features), bias=(self.out_features,))


class _LazyConvolution(LazyModuleMixin, Convolution):
    """What the lazy convolutions share: ``in_channels`` is that of the first input."""

    def reset_parameters(self) -> None:
        """Draw new values, once there are shapes."""
        if self.in_channels and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any) -> None:
        """Take in_channels from the input."""
        name, d = type(self).__name__, self.dimensions
        if input.ndim not in (d + 1, d + 2):
            raise ShapeError(
                f"{name}: Expected {d + 1}D (unbatched) or {d + 2}D (batched) input, but got input of size: "
                f"{input.array.shape}"
            )
        new = self.has_uninitialized_params()
        channels = input.shape[-d - 1]
        if channels % self.groups:
            raise ShapeError(
                f"{name}: in_channels must be divisible by groups, found {channels} and {self.groups}"
            )
        self.in_channels = channels
        if new:
            sizes = (channels, self.out_channels // self.groups)
            if not self.transposed:
                sizes = (self.out_channels, channels // self.groups)
            self._materialize(weight=(*sizes, *self.kernel_size), bias=(self.out_channels,))


class _LazyDirect(_LazyConvolution, _Direct):
    def __init__(
        self,
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
            0, 0, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.out_channels = out_channels
        self._make_lazy("weight", *["bias"] * bias, device=device, dtype=dtype)


class _LazyTransposed(_LazyConvolution, _Transposed):
    def __init__(
        self,
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
            *(0, 0, kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode),
            device=device,
            dtype=dtype,
        )
        self.out_channels = out_channels
        self._make_lazy("weight", *["bias"] * bias, device=device, dtype=dtype)


class LazyConv1d(_LazyDirect, Conv1d):
    """A :class:`Conv1d` whose ``in_channels`` is that of the first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyDirect, Conv2d):
    """A :class:`Conv2d` whose ``in_channels`` is that of the first input.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.LazyConv2d(8, 3)
    >>> layer(torch.zeros(4, 2, 6, 6)).shape, layer
    (torch.Size([4, 8, 4, 4]), Conv2d(2, 8, kernel_size=(3, 3), stride=(1, 1)))
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyDirect, Conv3d):
    """A :class:`Conv3d` whose ``in_channels`` is that of the first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A :class:`ConvTranspose1d` whose ``in_channels`` is that of the first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A :class:`ConvTranspose2d` whose ``in_channels`` is that of the first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyTransposed, ConvTranspose3d):
    """A :class:`ConvTranspose3d` whose ``in_channels`` is that of the first input."""

    cls_to_become = ConvTranspose3d


class _LazyNorm(LazyModuleMixin, _WithStatistics):
    """What the lazy normalizations share: ``num_features`` is that of the first input."""

    dimensions: Any

    def __init__(
        self,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ) -> None:
        super().__init__(0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        lazy = [n for n in ("weight", "bias", "running_mean", "running_var") if getattr(self, n) is not None]
        self._make_lazy(*lazy, device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Set the initial values, once there are shapes."""
        if self.num_features and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take num_features from the input."""
        new = self.has_uninitialized_params()
        takes_one = isinstance(self.dimensions, int)  # the channels are then not always dimension 1
        self.num_features = input.shape[1 - self.dimensions if takes_one else 1]
        if new:
            shape = (self.num_features,)
            self._materialize(weight=shape, bias=shape, running_mean=shape, running_var=shape)


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A :class:`BatchNorm1d` whose ``num_features`` is that of the first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A :class:`BatchNorm2d` whose ``num_features`` is that of the first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A :class:`BatchNorm3d` whose ``num_features`` is that of the first input."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """An :class:`InstanceNorm1d` whose ``num_features`` is that of the first input.

    As in PyTorch, ``affine`` and ``track_running_stats`` are True by default, other than there.
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """An :class:`InstanceNorm2d` whose ``num_features`` is that of the first input: see
    :class:`LazyInstanceNorm1d`."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """An :class:`InstanceNorm3d` whose ``num_features`` is that of the first input: see
    :class:`LazyInstanceNorm1d`."""

    cls_to_become = InstanceNorm3d


__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]
