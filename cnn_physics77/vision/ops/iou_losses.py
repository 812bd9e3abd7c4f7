"""``torchvision.ops.giou_loss``, ``diou_loss`` and ``ciou_loss``: how much each box differs from its target.

With the areas I that both boxes share and U that they cover, IoU is I / (U + eps). Unlike it, the losses have
a gradient where the boxes share nothing.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.pointwise.where_clamp import maximum, minimum, where
from cnn_physics77.core.tensor import Tensor


def _pairs(function: str, boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """Both with float32 at least."""
    if boxes1.shape != boxes2.shape or boxes1.shape[-1:] != (4,):
        raise ShapeError(
            f"{function}: expected as many targets as boxes, (N, 4) or (4,), found shapes "
            f"{tuple(boxes1.shape)} and {tuple(boxes2.shape)}"
        )
    wide = (np.float32, np.float64)
    one, two = (b if b.array.dtype in wide else b.to(np.float32) for b in (boxes1, boxes2))
    return one, two


def _shared(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The area that both share, the one that they cover, and the sizes of the rectangle around both."""
    size = minimum(one[..., 2:], two[..., 2:]) - maximum(one[..., :2], two[..., :2])
    shared = where((size > 0).all(-1), size[..., 0] * size[..., 1], 0)
    areas = [(b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1]) for b in (one, two)]
    around = maximum(one[..., 2:], two[..., 2:]) - minimum(one[..., :2], two[..., :2])
    return shared, areas[0] + areas[1] - shared, around


def _reduced(function: str, loss: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return loss
    if reduction not in ("mean", "sum"):
        raise ValueError(f"{function}: expected the reduction none, mean or sum, found {reduction!r}")
    return loss.mean() if reduction == "mean" and loss.numel() else loss.sum()


def generalized_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    r"""1 - IoU + (A - U) / (A + eps), with the area A of the smallest rectangle around both boxes
    (H. Rezatofighi et al., arXiv:1902.09630).

    Args:
        boxes1, boxes2: boxes (x1, y1, x2, y2) and their targets, (N, 4) or (4,).
        reduction: ``"none"``, ``"mean"``, which is 0 of no boxes, or ``"sum"``.
        eps: see the formula.

    Returns:
        (N) or (), or one number.

    >>> import cnn_physics77 as torch
    >>> boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 2.0, 2.0]])
    >>> generalized_box_iou_loss(boxes, torch.tensor([[2.0, 0.0, 3.0, 1.0], [0.0, 0.0, 2.0, 1.0]]))
    tensor([1.3333, 0.5000])
    """
    name = "generalized_box_iou_loss"
    one, two = _pairs(name, boxes1, boxes2)
    shared, covered, size = _shared(one, two)
    area = size[..., 0] * size[..., 1]
    return _reduced(name, 1 - (shared / (covered + eps) - (area - covered) / (area + eps)), reduction)


def _by_distance(one: Tensor, two: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The loss by distance, and IoU."""
    shared, covered, size = _shared(one, two)
    iou = shared / (covered + eps)
    apart = ((one[..., :2] + one[..., 2:]) / 2 - (two[..., :2] + two[..., 2:]) / 2).square().sum(-1)
    return 1 - iou + apart / (size.square().sum(-1) + eps), iou


def distance_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """1 - IoU + d² / (D² + eps), with the distance d of the middles of the boxes, and the diagonal D of the
    smallest rectangle around both (Z. Zheng et al., arXiv:1911.08287).

    Args and result as for :func:`generalized_box_iou_loss`.

    >>> import cnn_physics77 as torch
    >>> distance_box_iou_loss(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([2.0, 0.0, 3.0, 1.0]))
    tensor(1.4000)
    """
    one, two = _pairs("distance_box_iou_loss", boxes1, boxes2)
    return _reduced("distance_box_iou_loss", _by_distance(one, two, eps)[0], reduction)


def complete_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    r""":func:`distance_box_iou_loss` + α v, with

    .. math:: v = \frac4{π^2} \Bigl(\arctan\frac{w_2}{h_2} - \arctan\frac{w_1}{h_1}\Bigr)^2, \qquad
        α = \frac{v}{1 - \mathrm{IoU} + v + eps}

    of the widths w and heights h of the boxes; α is a constant (Z. Zheng et al., arXiv:1911.08287).

    Args and result as for :func:`generalized_box_iou_loss`.

    >>> import cnn_physics77 as torch
    >>> complete_box_iou_loss(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 0.0, 2.0, 1.0]))
    tensor(0.5532)
    """
    one, two = _pairs("complete_box_iou_loss", boxes1, boxes2)
    loss, iou = _by_distance(one, two, eps)
    v = square_of_shapes(one, two)
    alpha = (v / (1 - iou + v + eps)).detach()
    return _reduced("complete_box_iou_loss", loss + alpha * v, reduction)


def square_of_shapes(one: Tensor, two: Tensor) -> Tensor:
    """4/π² (arctan(w₂/h₂) - arctan(w₁/h₁))²"""
    angles = [((b[..., 2] - b[..., 0]) / (b[..., 3] - b[..., 1])).arctan() for b in (one, two)]
    return 4 / math.pi**2 * (angles[1] - angles[0]).square()


__all__ = ["complete_box_iou_loss", "distance_box_iou_loss", "generalized_box_iou_loss"]
