"""``torchvision.ops.boxes``: rectangles (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2, the rows of
tensors (N, 4).
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.indexing.cat_split import cat, stack
from cnn_physics77.core.operations.pointwise.where_clamp import maximum, minimum
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.ops.iou_losses import square_of_shapes


def _check(function: str, boxes: Tensor, batches: bool = False) -> None:
    if boxes.ndim < 2 or boxes.shape[-1] != 4 or (boxes.ndim > 2 and not batches):
        expected = "(..., N, 4)" if batches else "(N, 4)"
        raise ShapeError(f"{function}: expected boxes {expected}, found shape {tuple(boxes.shape)}")


def _wide(boxes: Tensor) -> Tensor:
    """In 32 bits at least, as areas of coordinates of fewer overflow."""
    if boxes.array.dtype.itemsize >= 4:
        return boxes
    return boxes.to(np.float32 if boxes.is_floating_point() else np.int32)


def box_area(boxes: Tensor) -> Tensor:
    """The areas (..., N) of boxes (..., N, 4), in 32 bits at least.

    >>> import cnn_physics77 as torch
    >>> box_area(torch.tensor([[0.0, 0.0, 2.0, 3.0]]))
    tensor([6.])
    """
    _check("box_area", boxes, batches=True)
    boxes = _wide(boxes)
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def _shared_and_covered(
    function: str, boxes1: Tensor, boxes2: Tensor, batches: bool = False
) -> tuple[Tensor, Tensor]:
    """The areas (..., N, M) that two boxes share, and that they cover."""
    _check(function, boxes1, batches)
    _check(function, boxes2, batches)
    boxes1, boxes2 = _wide(boxes1), _wide(boxes2)
    one, two = boxes1[..., None, :], boxes2[..., None, :, :]
    sizes = (minimum(one[..., 2:], two[..., 2:]) - maximum(one[..., :2], two[..., :2])).clamp(min=0)
    shared = sizes[..., 0] * sizes[..., 1]
    return shared, box_area(boxes1)[..., None] + box_area(boxes2)[..., None, :] - shared


def _around(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The sizes (N, M, 2) of the smallest rectangle around two boxes."""
    one, two = _wide(boxes1)[:, None], _wide(boxes2)[None]
    return (maximum(one[..., 2:], two[..., 2:]) - minimum(one[..., :2], two[..., :2])).clamp(min=0)


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The area that two boxes share, over the area that they cover: (..., N, M) of boxes (..., N, 4)
    and (..., M, 4).

    >>> import cnn_physics77 as torch
    >>> others = torch.tensor([[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    >>> box_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), others)
    tensor([[0.3333, 0.0000]])
    """
    shared, covered = _shared_and_covered("box_iou", boxes1, boxes2, batches=True)
    return shared / covered


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The boxes that stay if, from the highest score on, each removes those that share more than
    ``iou_threshold`` with it (see :func:`box_iou`).

    Args:
        boxes: (N, 4).
        scores: (N).

    Returns:
        Their numbers, by falling scores.

    >>> import cnn_physics77 as torch
    >>> boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
    >>> nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5)
    tensor([1, 2])
    """
    _check("nms", boxes)
    if scores.shape != boxes.shape[:1]:
        raise ShapeError(
            f"nms: expected one score for each of {len(boxes)} boxes, found {tuple(scores.shape)}"
        )
    left = np.argsort(-scores.array, kind="stable")
    kept = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        shares = box_iou(from_array(boxes.array[[best]]), from_array(boxes.array[left])).array[0]
        left = left[~(shares > iou_threshold)]
    return from_array(np.array(kept, np.int64))


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """The numbers of the boxes that are at least ``min_size`` wide and high."""
    _check("remove_small_boxes", boxes)
    wide, high = boxes[:, 2] - boxes[:, 0] >= min_size, boxes[:, 3] - boxes[:, 1] >= min_size
    return (wide & high).nonzero()[:, 0]


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The boxes (..., N, 4) cut at the border of an image of ``size`` (height, width)."""
    _check("clip_boxes_to_image", boxes, batches=True)
    height, width = size
    return stack([boxes[..., i].clamp(0, most) for i, most in enumerate((width, height) * 2)], -1)


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """:func:`nms` of the boxes of each class; ``idxs`` are the classes (N).

    >>> import cnn_physics77 as torch
    >>> boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]])
    >>> batched_nms(boxes, torch.tensor([0.5, 0.9]), torch.tensor([0, 1]), 0.5)
    tensor([1, 0])
    """
    _check("batched_nms", boxes)
    if not len(boxes):
        return from_array(np.empty(0, np.int64))
    apart = idxs.to(boxes) * (boxes.max() + 1)  # so that boxes of two classes share nothing
    return nms(boxes + apart[:, None], scores, iou_threshold)


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes (..., 4) in another format: ``"xyxy"``, two corners; ``"xywh"``, a corner and the sizes;
    ``"cxcywh"``, the middle and the sizes.

    >>> import cnn_physics77 as torch
    >>> box_convert(torch.tensor([[1.0, 2.0, 5.0, 4.0]]), "xyxy", "cxcywh")
    tensor([[3., 3., 4., 2.]])
    """
    for name in (in_fmt, out_fmt):
        if name not in ("xyxy", "xywh", "cxcywh"):
            raise ValueError(
                f"box_convert: expected one of the formats xyxy, xywh and cxcywh, found {name!r}"
            )
    if boxes.shape[-1:] != (4,):
        raise ShapeError(f"box_convert: expected boxes (..., 4), found shape {tuple(boxes.shape)}")
    if in_fmt == out_fmt:
        return boxes.clone()
    first, second = boxes[..., :2], boxes[..., 2:]
    if in_fmt == "cxcywh":
        first = first - 0.5 * second
    size = second - first if in_fmt == "xyxy" else second
    ends = {"xyxy": first + size, "xywh": size, "cxcywh": size}[out_fmt]
    return cat([first + 0.5 * size if out_fmt == "cxcywh" else first, ends], -1)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """:func:`box_iou` less the part of the smallest rectangle around both boxes that neither covers: (N, M)
    of N and M boxes (H. Rezatofighi et al., arXiv:1902.09630).

    >>> import cnn_physics77 as torch
    >>> apart = torch.tensor([[2.0, 0.0, 3.0, 1.0]])
    >>> generalized_box_iou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), apart)
    tensor([[-0.3333]])
    """
    shared, covered = _shared_and_covered("generalized_box_iou", boxes1, boxes2)
    around = _around(boxes1, boxes2)
    area = around[..., 0] * around[..., 1]
    return shared / covered - (area - covered) / area


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """:func:`box_iou` - d² / (D² + eps), with the distance d of the middles of the boxes, and the diagonal D
    of the smallest rectangle around both: (N, M) of N and M boxes (Z. Zheng et al., arXiv:1911.08287).

    >>> import cnn_physics77 as torch
    >>> apart = torch.tensor([[2.0, 0.0, 3.0, 1.0]])
    >>> distance_box_iou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), apart)
    tensor([[-0.4000]])
    """
    shared, covered = _shared_and_covered("distance_box_iou", boxes1, boxes2)
    one, two = _wide(boxes1)[:, None], _wide(boxes2)[None]
    apart = (one[..., :2] + one[..., 2:]) / 2 - (two[..., :2] + two[..., 2:]) / 2
    return shared / covered - apart.square().sum(-1) / (_around(boxes1, boxes2).square().sum(-1) + eps)


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """:func:`distance_box_iou` - α v, with v and α of :func:`complete_box_iou_loss`.

    >>> import cnn_physics77 as torch
    >>> complete_box_iou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0]]))
    tensor([[0.4468]])
    """
    v = square_of_shapes(_wide(boxes1)[:, None], _wide(boxes2)[None])
    alpha = (v / (1 - box_iou(boxes1, boxes2) + v + eps)).detach()
    return distance_box_iou(boxes1, boxes2, eps) - alpha * v


def masks_to_boxes(masks: Tensor) -> Tensor:
    """The box around each of the masks (N, H, W), whose corners are pixels: (N, 4).

    >>> import cnn_physics77 as torch
    >>> masks_to_boxes(torch.tensor([[[0, 1, 1], [0, 1, 0]]]))
    tensor([[1., 0., 2., 1.]])
    """
    if masks.ndim != 3:
        raise ShapeError(f"masks_to_boxes: expected masks (N, H, W), found shape {tuple(masks.shape)}")
    empty = np.flatnonzero(~masks.array.any((1, 2)))
    if empty.size:
        raise ShapeError(
            f"masks_to_boxes: expected masks that are not empty, found mask {empty[0]} without any pixel"
        )
    places = [np.nonzero(mask) for mask in masks.array]
    boxes = [[x.min(), y.min(), x.max(), y.max()] for y, x in places]
    return from_array(np.array(boxes, np.float32).reshape(-1, 4))


__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "masks_to_boxes",
    "nms",
    "remove_small_boxes",
]
