"""Activation layers: functions from :mod:`cnn_physics77.core.operations` with their settings."""

from __future__ import annotations

from collections.abc import Callable

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter, empty_parameter
from cnn_physics77.core.tensor import Tensor


class _Activation(Module):
    """``function`` of the input. The attributes named in ``settings`` are its keyword arguments."""

    function: Callable[..., Tensor]
    settings: tuple[str, ...] = ()

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input, **{name: getattr(self, name) for name in self.settings})

    def extra_repr(self) -> str:
        settings = [(name, getattr(self, name)) for name in self.settings]
        return ", ".join(f"{name}={value!r}" for name, value in settings if name != "inplace" or value)


class _InplaceActivation(_Activation):
    settings = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class _Shrink(_Activation):
    settings = ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class _SoftmaxAlongDim(_Activation):
    settings = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class ReLU(_InplaceActivation):
    """y = max(x, 0): see :func:`nn.functional.relu`."""

    function = staticmethod(F.relu)


class ReLU6(_InplaceActivation):
    """y = min(max(x, 0), 6): see :func:`nn.functional.relu6`."""

    function = staticmethod(F.relu6)


class LeakyReLU(_Activation):
    """y = x where x > 0, negative_slope x elsewhere: see :func:`nn.functional.leaky_relu`."""

    function = staticmethod(F.leaky_relu)
    settings = ("negative_slope", "inplace")

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace


class ELU(_Activation):
    """y = x where x > 0, alpha (eˣ - 1) elsewhere: see :func:`nn.functional.elu`."""

    function = staticmethod(F.elu)
    settings = ("alpha", "inplace")

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace


class CELU(_Activation):
    """y = max(x, 0) + min(0, alpha (exp(x/alpha) - 1)): see :func:`nn.functional.celu`."""

    function = staticmethod(F.celu)
    settings = ("alpha", "inplace")

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace


class SELU(_InplaceActivation):
    """The self-normalizing ELU: see :func:`nn.functional.selu`."""

    function = staticmethod(F.selu)


class GELU(_Activation):
    """y = x Φ(x), Φ the normal distribution function; ``approximate="tanh"`` takes its approximation.

    See :func:`nn.functional.gelu`.
    """

    function = staticmethod(F.gelu)
    settings = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate


class SiLU(_InplaceActivation):
    """y = x sigmoid(x): see :func:`nn.functional.silu`."""

    function = staticmethod(F.silu)


class Mish(_InplaceActivation):
    """y = x tanh(softplus(x)): see :func:`nn.functional.mish`."""

    function = staticmethod(F.mish)


class Sigmoid(_Activation):
    """y = 1 / (1 + e⁻ˣ): see :func:`nn.functional.sigmoid`."""

    function = staticmethod(F.sigmoid)


class Tanh(_Activation):
    """y = tanh x: see :func:`nn.functional.tanh`."""

    function = staticmethod(F.tanh)


class Softplus(_Activation):
    """y = log(1 + exp(beta x)) / beta; x itself where beta x > threshold.

    See :func:`nn.functional.softplus`.
    """

    function = staticmethod(F.softplus)
    settings = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold


class Softsign(_Activation):
    """y = x / (1 + |x|): see :func:`nn.functional.softsign`."""

    function = staticmethod(F.softsign)


class LogSigmoid(_Activation):
    """y = log(1 / (1 + e⁻ˣ)): see :func:`nn.functional.logsigmoid`."""

    function = staticmethod(F.logsigmoid)


class Hardtanh(_Activation):
    """y = x, clamped to [min_val, max_val]; ``min_value`` and ``max_value`` are their deprecated names.

    See :func:`nn.functional.hardtanh`.
    """

    function = staticmethod(F.hardtanh)
    settings = ("min_val", "max_val", "inplace")

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        if min_value is not None or max_value is not None:
            warn("Hardtanh: min_value and max_value are deprecated, use min_val and max_val", FutureWarning)
        super().__init__()
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace


class Hardsigmoid(_InplaceActivation):
    """y = min(max(x + 3, 0), 6) / 6: see :func:`nn.functional.hardsigmoid`."""

    function = staticmethod(F.hardsigmoid)


class Hardswish(_InplaceActivation):
    """y = x min(max(x + 3, 0), 6) / 6: see :func:`nn.functional.hardswish`."""

    function = staticmethod(F.hardswish)


class Hardshrink(_Shrink):
    """y = x where |x| > lambd, 0 elsewhere: see :func:`nn.functional.hardshrink`."""

    function = staticmethod(F.hardshrink)


class Softshrink(_Shrink):
    """y = x shrunk towards 0 by lambd; 0 where |x| <= lambd: see :func:`nn.functional.softshrink`."""

    function = staticmethod(F.softshrink)


class Tanhshrink(_Activation):
    """y = x - tanh x: see :func:`nn.functional.tanhshrink`."""

    function = staticmethod(F.tanhshrink)


class Threshold(_Activation):
    """y = x where x > threshold, value elsewhere: see :func:`nn.functional.threshold`."""

    function = staticmethod(F.threshold)
    settings = ("threshold", "value", "inplace")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace


class GLU(_Activation):
    """The first half of the input along ``dim``, times the sigmoid of the second half.

    See :func:`nn.functional.glu`.
    """

    function = staticmethod(F.glu)
    settings = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim


class Softmin(_SoftmaxAlongDim):
    """y = exp(-x) / Σ exp(-x) along ``dim``: see :func:`nn.functional.softmin`."""

    function = staticmethod(F.softmin)


class Softmax(_SoftmaxAlongDim):
    """y = exp(x) / Σ exp(x) along ``dim``: see :func:`nn.functional.softmax`."""

    function = staticmethod(F.softmax)


class LogSoftmax(_SoftmaxAlongDim):
    """y = x - log Σ exp(x) along ``dim``: see :func:`nn.functional.log_softmax`."""

    function = staticmethod(F.log_softmax)


class Softmax2d(Module):
    """The softmax over the channels of each pixel: dimension 1 of (N, C, H, W), 0 of (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: expected input to be 3D or 4D, got shape {input.array.shape}")
        return F.softmax(input, -3)


class PReLU(Module):
    """y = x where x > 0, a x elsewhere. The slope a is learned: one a, or one per channel (dimension 1).

    Args:
        num_parameters: 1, or the number of channels.
        init: the initial value of a.
    """

    weight: Parameter

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device=None, dtype=None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = empty_parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set a to its initial value."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]
