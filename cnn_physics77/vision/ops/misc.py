"""``torchvision.ops.misc``: layers of which several networks are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnn_physics77 import nn
from cnn_physics77.core.operations.creation.creation import full
from cnn_physics77.core.operations.indexing.permute import permute
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.nn.modules.utils import _pair


class Conv2dNormActivation(nn.Sequential):
    """A convolution, a normalization and an activation.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, groups, dilation: of the convolution; the
            default padding keeps the size of the image.
        norm_layer: makes the normalization of its number of channels; None for none.
        activation_layer: makes the activation; None for none.
        inplace: whether the activation overwrites its input; None to make it without this argument.
        bias: of the convolution; by default where there is no normalization.

    >>> Conv2dNormActivation(3, 8, kernel_size=(5, 3), dilation=(1, 2))[0].padding
    (2, 2)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 3,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str | None = None,
        groups: int = 1,
        norm_layer: Callable[..., nn.Module] | None = nn.BatchNorm2d,
        activation_layer: Callable[..., nn.Module] | None = nn.ReLU,
        dilation: int | tuple[int, int] = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:
        if padding is None:
            (height, width), (down, right) = _pair(kernel_size), _pair(dilation)
            padding = ((height - 1) // 2 * down, (width - 1) // 2 * right)
        bias = norm_layer is None if bias is None else bias
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        ]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**({} if inplace is None else {"inplace": inplace})))
        super().__init__(*layers)
        self.out_channels = out_channels


class SqueezeExcitation(nn.Module):
    """Each channel times a factor that is computed from the means of all (J. Hu et al., arXiv:1709.01507).

    Args:
        input_channels: those of the image.
        squeeze_channels: those between the two layers that compute the factors.
        activation, scale_activation: make the activations after the layers.
    """

    def __init__(
        self,
        input_channels: int,
        squeeze_channels: int,
        activation: Callable[..., nn.Module] = nn.ReLU,
        scale_activation: Callable[..., nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation, self.scale_activation = activation(), scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        factors = self.activation(self.fc1(self.avgpool(input)))
        return self.scale_activation(self.fc2(factors)) * input


class Permute(nn.Module):
    """The dimensions in another order."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return permute(x, self.dims)


class FrozenBatchNorm2d(nn.Module):
    """A batch normalization whose statistics, weight and bias are constants. It loads the state of a
    ``BatchNorm2d``, without the number of batches.

    Args:
        num_features: the number of channels.
        eps: added to the variance.
    """

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, full((num_features,), value))

    def _load_from_state_dict(self, state_dict, prefix, *rest) -> None:
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + shift[:, None, None]

    def __repr__(self) -> str:
        return f"FrozenBatchNorm2d({len(self.weight)}, eps={self.eps})"


class MLP(nn.Sequential):
    """Linear layers, each but the last with a normalization and an activation, and all with dropout.

    Args:
        in_channels: the inputs.
        hidden_channels: the outputs of each layer.
        norm_layer: makes the normalization of its number of channels; None for none.
        activation_layer: makes the activation; None for none.
        inplace: whether activation and dropout overwrite their input; None to make them without it.
        bias: of the linear layers.
        dropout: the probability of dropout.

    >>> [type(layer).__name__ for layer in MLP(4, [8, 3])]
    ['Linear', 'ReLU', 'Dropout', 'Linear', 'Dropout']
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: Sequence[int],
        norm_layer: Callable[..., nn.Module] | None = None,
        activation_layer: Callable[..., nn.Module] | None = nn.ReLU,
        inplace: bool | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        options = {} if inplace is None else {"inplace": inplace}
        layers: list[nn.Module] = []
        for number, channels in enumerate(hidden_channels, 1):
            layers.append(nn.Linear(in_channels, channels, bias=bias))
            if number < len(hidden_channels):
                layers += [norm_layer(channels)] if norm_layer else []
                layers += [activation_layer(**options)] if activation_layer else []
            layers.append(nn.Dropout(dropout, **options))
            in_channels = channels
        super().__init__(*layers)


__all__ = ["MLP", "Conv2dNormActivation", "FrozenBatchNorm2d", "Permute", "SqueezeExcitation"]
