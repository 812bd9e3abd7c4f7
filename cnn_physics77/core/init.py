"""Initial values of parameters, in place: the functions of ``torch.nn.init``.

All take the tensor as first argument, return it, and are not recorded. Random numbers come from
``generator``, by default from the default generator, which ``manual_seed`` seeds. For a weight
(out, in, *window), *fan in* is ``in`` times the size of the window, and *fan out* is ``out`` times it.
"""

from __future__ import annotations

from math import ceil, erf, prod, sqrt

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.creation.draws import in_order_of, normal, normal_like, uniform
from cnn_physics77.core.random import Generator, default_generator
from cnn_physics77.core.random.numbers import Numbers
from cnn_physics77.core.tensor import Tensor


@silent
def _fill(tensor: Tensor, values) -> Tensor:
    tensor.array[...] = values
    tensor.mark_changed()
    return tensor


def _numbers(generator: Generator | None) -> Numbers:
    return (default_generator if generator is None else generator).numpy


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers from the uniform distribution U(a, b).

    >>> import cnn_physics77 as torch
    >>> w = torch.nn.init.uniform_(torch.empty(1000), -1, 1)
    >>> bool(w.min() >= -1), bool(w.max() < 1)
    (True, True)
    """
    numbers, dtype = _numbers(generator), tensor.array.dtype
    return _fill(tensor, in_order_of(tensor.array, lambda shape: uniform(numbers, shape, dtype, a, b)))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers from the normal distribution N(mean, std²)."""
    return _fill(tensor, normal_like(_numbers(generator), tensor.array, tensor.array.dtype, mean, std))


@silent
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with numbers from N(mean, std²) truncated to [a, b], by rejection sampling.

    Raises:
        ValueError: a >= b.
    """
    if not a < b:
        raise ValueError(f"trunc_normal_: expected a < b, found a={a} and b={b}")
    low, high = (a - mean) / std, (b - mean) / std
    numbers, dtype = _numbers(generator), tensor.array.dtype
    if (erf(high / sqrt(2)) - erf(low / sqrt(2))) / 2 > 0.3:  # most normal numbers are accepted

        def propose() -> tuple[np.ndarray, np.ndarray]:
            x = normal_like(numbers, tensor.array, dtype, mean, std)
            return x, (dtype.type(a) <= x) & (x <= dtype.type(b))

    else:
        nearest = max(low, min(0.0, high))  # the point of largest density
        reach = sqrt(nearest**2 + 80)  # beyond it the density is below e^-40 of the largest
        left, right = max(a, mean - reach * std), min(b, mean + reach * std)

        def propose() -> tuple[np.ndarray, np.ndarray]:
            x = in_order_of(tensor.array, lambda shape: uniform(numbers, shape, dtype, left, right))
            u = in_order_of(tensor.array, lambda shape: uniform(numbers, shape, dtype))
            return x, np.log(u) <= (nearest**2 - ((x - mean) / std) ** 2) / 2

    values, accepted = propose()
    while not accepted.all():
        again, kept = propose()
        values = np.where(accepted, values, again)
        accepted = accepted | kept
    return _fill(tensor, values)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with the number ``val``."""
    return _fill(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _fill(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return _fill(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """Ones on the main diagonal, zeros elsewhere.

    Raises:
        ShapeError: the tensor does not have two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.nn.init.eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ShapeError(
            f"eye_: Only tensors with 2 dimensions are supported, found shape {tensor.array.shape}"
        )
    return _fill(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The weight of a convolution that is the identity.

    Output channel i of each group is input channel i.

    Raises:
        ShapeError: the tensor does not have three to five dimensions, or its first size is not a multiple of
            ``groups``.

    >>> import cnn_physics77 as torch
    >>> weight = torch.nn.init.dirac_(torch.empty(1, 1, 3))
    >>> torch.conv1d(torch.tensor([[[1.0, 2.0, 3.0]]]), weight, padding=1)
    tensor([[[1., 2., 3.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ShapeError(
            f"dirac_: Only tensors with 3, 4, or 5 dimensions are supported, found shape {tensor.array.shape}"
        )
    if tensor.shape[0] % groups:
        raise ShapeError(
            f"dirac_: dim 0 must be divisible by groups, found {tensor.array.shape[0]} and {groups}"
        )
    values = np.zeros(tensor.shape)
    per_group = tensor.shape[0] // groups
    centre = tuple(k // 2 for k in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(per_group, tensor.shape[1])):
            values[(group * per_group + channel, channel, *centre)] = 1
    return _fill(tensor, values)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The gain: the factor on the standard deviation of the weights that compensates a nonlinearity.

    ================================ =============================
    linear, conv1d ... 3d, sigmoid   1
    tanh                             5/3
    relu                             sqrt(2)
    leaky_relu (``param``: slope)    sqrt(2 / (1 + slope²))
    selu                             3/4
    ================================ =============================

    Raises:
        ValueError: another nonlinearity.

    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    linear = [f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3)]
    if nonlinearity in ("linear", "sigmoid", *linear):
        return 1
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return sqrt(2)
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, int | float)):
            raise ValueError(f"calculate_gain: negative_slope {param} not a valid number; give a float")
        return sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity == "selu":
        return 3 / 4
    raise ValueError(
        f"calculate_gain: Unsupported nonlinearity {nonlinearity}; expected linear, a convolution, sigmoid, "
        "tanh, relu, leaky_relu or selu"
    )


def _fans(function: str, tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ShapeError(
            f"{function}: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, "
            f"found shape {tensor.array.shape}"
        )
    window = prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def _fan(function: str, tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{function}: Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _fans(function, tensor)[mode == "fan_out"]


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Fan in and fan out, under the name by which layers that others wrote ask PyTorch for it.

    Raises:
        ShapeError: fewer than two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(8, 3, 5, 5))
    (75, 200)
    """
    return _fans("_calculate_fan_in_and_fan_out", tensor)


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """Fan in or fan out, whichever ``mode`` names."""
    return _fan("_calculate_correct_fan", tensor, mode)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers from U(-c, c), c = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    Raises:
        ShapeError: fewer than two dimensions.
    """
    bound = gain * sqrt(6 / max(1, sum(_fans("xavier_uniform_", tensor))))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers from N(0, s²), s = gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    Raises:
        ShapeError: fewer than two dimensions.
    """
    std = gain * sqrt(2 / max(1, sum(_fans("xavier_normal_", tensor))))
    return normal_(tensor, 0.0, std, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with numbers from U(-c, c), c = gain sqrt(3 / fan) (He et al. 2015).

    Args:
        a: the slope for negative numbers, if the nonlinearity is leaky_relu.
        mode: ``"fan_in"`` preserves the variance in the forward pass, ``"fan_out"`` in the backward pass.
        nonlinearity: the one that follows the layer: see :func:`calculate_gain`.

    Raises:
        ShapeError: fewer than two dimensions.
        ValueError: an unknown mode or nonlinearity.
    """
    if not tensor.numel():
        return _skip_empty(tensor)
    bound = calculate_gain(nonlinearity, a) * sqrt(3 / _fan("kaiming_uniform_", tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with numbers from N(0, s²), s = gain / sqrt(fan) (He et al. 2015).

    Arguments and errors as for :func:`kaiming_uniform_`.
    """
    if not tensor.numel():
        return _skip_empty(tensor)
    std = calculate_gain(nonlinearity, a) / sqrt(_fan("kaiming_normal_", tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def _skip_empty(tensor: Tensor) -> Tensor:
    warn("Initializing zero-element tensors is a no-op")
    return tensor


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A random (semi-)orthogonal matrix times gain (Saxe et al. 2014).

    All dimensions but the first are read as columns.

    Raises:
        ShapeError: fewer than two dimensions.

    >>> import cnn_physics77 as torch
    >>> w = torch.nn.init.orthogonal_(torch.empty(3, 5))
    >>> torch.allclose(w @ w.T, torch.eye(3), atol=1e-6)
    True
    """
    if tensor.ndim < 2:
        raise ShapeError(
            "orthogonal_: Only tensors with 2 or more dimensions are supported, found shape "
            f"{tensor.array.shape}"
        )
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    drawn = normal(_numbers(generator), (rows, columns), tensor.array.dtype)
    q, r = np.linalg.qr(drawn.T if rows < columns else drawn)
    q *= np.sign(r.diagonal())  # makes the distribution uniform over all orthogonal matrices (Mezzadri 2007)
    return _fill(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fill with numbers from N(0, std²); in each column a fraction ``sparsity`` is zero (Martens 2010).

    Raises:
        ShapeError: the tensor does not have two dimensions.
    """
    if tensor.ndim != 2:
        raise ShapeError(
            f"sparse_: Only tensors with 2 dimensions are supported, found shape {tensor.array.shape}"
        )
    rows, columns = tensor.shape
    values = normal_like(_numbers(generator), tensor.array, tensor.array.dtype, 0.0, std)
    zeros = ceil(sparsity * rows)
    for column in range(columns):  # the places from the default generator, as PyTorch takes them
        values[default_generator.numpy.permutation(rows)[:zeros], column] = 0
    return _fill(tensor, values)


__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]
