"""Padding layers for the last one, two or three dimensions."""

from __future__ import annotations

from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.base.arguments import batched, per_dimension
from cnn_physics77.core.tensor import Tensor


class _Pad(Module):
    """``padding`` is one number, or a pair for each dimension, from the last: (left, right, top, ...)."""

    dimensions: int
    mode: str

    def __init__(self, padding) -> None:
        super().__init__()
        self.padding = per_dimension(type(self).__name__, "padding", padding, 2 * self.dimensions)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    mode = "constant"

    def __init__(self, padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad1d(_ConstantPad):
    """Pads with one value, along the last dimension: see :func:`nn.functional.pad`."""

    dimensions = 1


class ConstantPad2d(_ConstantPad):
    """Pads with one value, along the last two dimensions: see :func:`nn.functional.pad`."""

    dimensions = 2


class ConstantPad3d(_ConstantPad):
    """Pads with one value, along the last three dimensions: see :func:`nn.functional.pad`."""

    dimensions = 3


class ZeroPad1d(_ZeroPad):
    """Pads with zeros, along the last dimension: see :func:`nn.functional.pad`."""

    dimensions = 1


class ZeroPad2d(_ZeroPad):
    """Pads with zeros, along the last two dimensions: see :func:`nn.functional.pad`."""

    dimensions = 2


class ZeroPad3d(_ZeroPad):
    """Pads with zeros, along the last three dimensions: see :func:`nn.functional.pad`."""

    dimensions = 3


class ReflectionPad1d(_Pad):
    """Pads with the reflection (no edge) along the last dimension: see :func:`nn.functional.pad`."""

    dimensions = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """Pads with the reflection (no edge) along the last two dimensions: see :func:`nn.functional.pad`."""

    dimensions = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """Pads with the reflection (no edge) along the last three dimensions: see :func:`nn.functional.pad`."""

    dimensions = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Pads by repeating the edge, along the last dimension: see :func:`nn.functional.pad`."""

    dimensions = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """Pads by repeating the edge, along the last two dimensions: see :func:`nn.functional.pad`."""

    dimensions = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """Pads by repeating the edge, along the last three dimensions: see :func:`nn.functional.pad`."""

    dimensions = 3
    mode = "replicate"


class _CircularPad(_Pad):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        batched(type(self).__name__, input, self.dimensions)
        return super().forward(input)


class CircularPad1d(_CircularPad):
    """Pads with values from the other end, along the last dimension: see :func:`nn.functional.pad`."""

    dimensions = 1


class CircularPad2d(_CircularPad):
    """Pads with values from the other end, along the last two dimensions: see :func:`nn.functional.pad`."""

    dimensions = 2


class CircularPad3d(_CircularPad):
    """Pads with values from the other end, along the last three dimensions: see :func:`nn.functional.pad`."""

    dimensions = 3


__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]
