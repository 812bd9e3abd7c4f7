"""Functions that ``torch`` has with other arguments than ``torch.nn.functional``: those of its C++ code.

``torch.batch_norm(x, weight, bias, mean, var)`` is ``functional.batch_norm(x, mean, var, weight, bias)``.
"""

from __future__ import annotations

from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.nn.grid_sample import grid_sampler
from cnn_physics77.core.tensor import Tensor


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:
    """:func:`nn.functional.batch_norm`, with the parameters before the statistics.

    >>> import cnn_physics77 as torch
    >>> x, one = torch.tensor([[1.0], [3.0]]), torch.ones(1)
    >>> torch.batch_norm(x, 2 * one, one, None, None, True, 0.1, 1e-12, False)
    tensor([[-1.],
            [ 3.]])
    """
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:
    """:func:`nn.functional.instance_norm`, with the parameters before the statistics."""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """:func:`nn.functional.layer_norm`."""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """:func:`nn.functional.group_norm`."""
    return F.group_norm(input, num_groups, weight, bias, eps)


def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """:func:`nn.functional.embedding`, with the table first. A negative ``padding_idx`` stands for none.

    >>> import cnn_physics77 as torch
    >>> torch.embedding(torch.tensor([[1.0], [2.0]]), torch.tensor([1, 0]))
    tensor([[2.],
            [1.]])
    """
    padding = padding_idx if padding_idx >= 0 else None
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """:func:`nn.functional.dropout`.

    >>> import cnn_physics77 as torch
    >>> torch.dropout(torch.ones(2), 0.5, train=False)
    tensor([1., 1.])
    """
    return F.dropout(input, p, train)


def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """:func:`nn.functional.alpha_dropout`."""
    return F.alpha_dropout(input, p, train)


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """:func:`nn.functional.feature_alpha_dropout`."""
    return F.feature_alpha_dropout(input, p, train)


def constant_pad_nd(input: Tensor, pad, value=0) -> Tensor:
    """:func:`nn.functional.pad` with a constant.

    >>> import cnn_physics77 as torch
    >>> torch.constant_pad_nd(torch.ones(2), (1, 0))
    tensor([0., 1., 1.])
    """
    return F.pad(input, pad, "constant", value)


def grid_sampler_2d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """:func:`nn.functional.grid_sample` of images, with the modes as numbers: see :func:`torch.grid_sampler`.

    Raises:
        ShapeError: the input or the grid is not 4-D.
    """
    return _of_rank("grid_sampler_2d", 4, input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """:func:`grid_sampler_2d` of volumes: the input and the grid are 5-D."""
    return _of_rank("grid_sampler_3d", 5, input, grid, interpolation_mode, padding_mode, align_corners)


def _of_rank(name: str, rank: int, input: Tensor, grid: Tensor, *modes) -> Tensor:
    if input.ndim != rank or grid.ndim != rank:
        raise ShapeError(
            f"{name}: expected {rank}D input and grid, found shapes {tuple(input.shape)} and "
            f"{tuple(grid.shape)}"
        )
    return grid_sampler(input, grid, *modes)


__all__ = [
    "alpha_dropout",
    "batch_norm",
    "constant_pad_nd",
    "dropout",
    "embedding",
    "feature_alpha_dropout",
    "grid_sampler_2d",
    "grid_sampler_3d",
    "group_norm",
    "instance_norm",
    "layer_norm",
]
