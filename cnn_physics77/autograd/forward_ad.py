r"""``torch.autograd.forward_ad``: tensors with a tangent, the derivative along a direction.

A dual tensor is :math:`x + \varepsilon t` with :math:`\varepsilon^2 = 0`; for a function of it the tangent is
:math:`J t`. Here the graph is recorded, and :func:`unpack_dual` computes the tangent from it by two backward
passes: :math:`u \mapsto u^T J` is linear, and its derivative along t is :math:`J t`. So no tangent is carried
along, and each result that is unpacked costs what ``torch.func.jvp`` costs. A dual tensor requires grad, and
what is computed under ``no_grad()`` has no tangent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.func.levels import Level


class _Dual(Level):
    """A level whose variables have tangents."""

    def __init__(self) -> None:
        super().__init__("make_dual")
        self.primals: list[Tensor] = []
        self.tangents: list[Tensor] = []


_levels: list[_Dual] = []  # at most one, as in PyTorch


class UnpackedDualTensor(NamedTuple):
    """A tensor and its tangent, or None if it does not depend on a dual tensor."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Enter a level, in which there can be dual tensors; returns its number. Better use :class:`dual_level`.

    Raises:
        GradientError: there is one already.
    """
    if _levels:
        raise GradientError(
            "enter_dual_level: expected no level, found one; nested forward mode AD is not supported, use "
            "torch.func.jvp"
        )
    level = _Dual()
    level.__enter__()
    _levels.append(level)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Leave the level. Its dual tensors lose their tangents.

    Raises:
        GradientError: there is none, or ``level`` is not its number.
    """
    if not _levels or level not in (None, 0):
        raise GradientError(
            f"exit_dual_level: expected the number of the level that was entered last, found {level} with "
            f"{len(_levels)} levels"
        )
    _levels.pop().__exit__(None, None, None)


class dual_level:
    """A context in which there can be dual tensors.

    >>> import cnn_physics77 as torch
    >>> import cnn_physics77.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 10.0]))
    ...     fwAD.unpack_dual(x * x).tangent
    tensor([ 0., 20.])
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exception: Any) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A dual tensor, which shares the memory of ``tensor``.

    Args:
        tangent: of its shape.
        level: not used; there is one.

    Raises:
        GradientError: outside of :class:`dual_level`.
        ShapeError: the tangent has another shape.
        DtypeError: the tensor is neither floating nor complex.
    """
    if not _levels:
        raise GradientError(
            "make_dual: expected a dual level, found none; use it within `with dual_level():`"
        )
    if tensor.array.dtype.kind not in "fc":
        raise DtypeError(
            f"make_dual: expected a tensor that is floating or complex, found {tensor.dtype}; convert it, "
            "e.g. with .double()"
        )
    if tangent.shape != tensor.shape:
        raise ShapeError(
            f"make_dual: expected a tangent of the tensor's shape {tuple(tensor.shape)}, found "
            f"{tuple(tangent.shape)}"
        )
    (dual,), (place,) = _levels[-1].variables([tensor])
    _levels[-1].primals.append(place)
    _levels[-1].tangents.append(tangent)
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The values of a tensor, and its tangent.

    Args:
        level: not used; there is one.

    Returns:
        ``(primal, tangent)``; the tangent is None if the tensor does not depend on a dual tensor, or the
        level was left.
    """
    if not (_levels and _levels[-1].influences(tensor)):
        return UnpackedDualTensor(tensor, None)
    current = _levels[-1]
    (tangent,) = current.pushforward([tensor], current.primals)(current.tangents)
    return UnpackedDualTensor(*current.results((tensor, tangent)))


__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]
