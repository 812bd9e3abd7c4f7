"""Boxes, masks and points drawn on images: a part of ``torchvision.utils``. It needs Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.transforms.functional import pil_to_tensor, to_pil_image
from cnn_physics77.vision.transforms.images import pillow
from cnn_physics77.vision.transforms.v2.functional import to_dtype

_PALETTE = 2**25 - 1, 2**15 - 1, 2**21 - 1


def _colours(function: str, colors: Any, count: int) -> list[tuple[int, ...]]:
    """(red, green, blue) for each of so many objects; by default different ones."""
    if colors is None:
        return [tuple(number * n % 255 for n in _PALETTE) for number in range(count)]
    if isinstance(colors, (str, tuple)):
        colors = [colors] * count
    if not isinstance(colors, list) or len(colors) < count:
        raise ValueError(
            f"{function}: expected a colour, or a list of at least {count} colours, found {colors!r}"
        )
    found = [pillow("ImageColor").getrgb(c) if isinstance(c, str) else tuple(c) for c in colors]
    if not all(len(colour) == 3 for colour in found):
        raise ValueError(f"{function}: expected colours as names or (red, green, blue), found {colors!r}")
    return found


def _check_image(function: str, image: Any, channels: tuple[int, ...]) -> None:
    if not isinstance(image, Tensor):
        raise TypeError(f"{function}: expected a tensor, found {type(image).__name__}; convert by to_image")
    if image.array.dtype != np.uint8 and not image.is_floating_point():
        raise ValueError(f"{function}: expected an image of bytes or floats, found {image.dtype}")
    if image.ndim != 3 or image.shape[0] not in channels:
        wanted = " or ".join(map(str, channels))
        raise ShapeError(
            f"{function}: expected one image (C, H, W) of {wanted} channels, found shape {tuple(image.shape)}"
        )


def draw_bounding_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: Sequence[str | None] | None = None,
    colors: Any = None,
    fill: bool = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
    label_colors: Any = None,
    label_background_colors: Any = None,
    fill_labels: bool = False,
) -> Tensor:
    """The image with frames, and perhaps texts, drawn by Pillow.

    Args:
        image: (C, H, W) of 1 or 3 channels, bytes or floats from 0 to 1.
        boxes: (N, 4), rows (x1, y1, x2, y2) in pixels.
        labels: a text for each box, or None.
        colors: of the boxes: a name, ``"#FF00FF"`` or (red, green, blue), or a list of them; by default
            different ones.
        fill: whether the boxes are filled, too, so that the image shines through.
        width: of the lines.
        font, font_size: the file of a TrueType font, and its size; Pillow's own by default.
        label_colors: of the texts; by default those of the boxes, or black on a ground.
        label_background_colors: of the ground of the texts.
        fill_labels: whether the texts have a ground.

    Returns:
        (3, H, W), of the dtype of the image.

    Raises:
        ShapeError: no such image or boxes.
        ValueError: another dtype; a box whose corners are the wrong way round; too few labels or colours.
    """
    name = "draw_bounding_boxes"
    _check_image(name, image, (1, 3))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ShapeError(f"{name}: expected boxes (N, 4), found shape {tuple(boxes.shape)}")
    corners = boxes.detach().array
    if (corners[:, :2] > corners[:, 2:]).any():
        raise ValueError(
            f"{name}: expected boxes (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2; use box_convert"
        )
    count = len(corners)
    if labels is not None and len(labels) != count:
        raise ValueError(f"{name}: expected a label for each of {count} boxes, found {len(labels)}")
    if not count:
        warn("boxes doesn't contain any box. No box was drawn")
        return image
    if font is None and font_size is not None:
        warn("Argument 'font_size' will be ignored since 'font' is not set.")
    fonts = pillow("ImageFont")
    letters = fonts.load_default() if font is None else fonts.truetype(font=font, size=font_size or 10)
    lines = _colours(name, colors, count)
    texts = _colours(name, label_colors or "black", count) if label_colors or fill_labels else lines
    grounds = _colours(name, label_background_colors, count) if label_background_colors else lines
    picture = _picture(image.detach() if len(image) == 3 else image.detach().expand((3, *image.shape[1:])))
    draw = pillow("ImageDraw").Draw(picture, "RGBA" if fill else None)
    for number, box in enumerate(corners.astype(np.int64).tolist()):
        draw.rectangle(box, width=width, outline=lines[number], fill=(*lines[number], 100) if fill else None)
        label = None if labels is None else labels[number]
        if label is not None:
            place = box[0] + width + 1, box[1] + width + 1
            if fill_labels:
                left, top, right, bottom = draw.textbbox(place, label, font=letters)
                draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=grounds[number])
            draw.text(place, label, fill=texts[number], font=letters)
    return to_dtype(pil_to_tensor(picture), image.dtype, scale=True)


def _picture(image: Tensor) -> Any:
    return to_pil_image(to_dtype(image, np.uint8, scale=True))


def draw_segmentation_masks(image: Tensor, masks: Tensor, alpha: float = 0.8, colors: Any = None) -> Tensor:
    """The image with coloured regions. Where several overlap, it gets darker.

    Args:
        image: (3, H, W), bytes or floats from 0 to 1.
        masks: (N, H, W) or (H, W), booleans.
        alpha: from 0, nothing is seen of the regions, to 1, nothing of the image below them.
        colors: of the regions; see :func:`draw_bounding_boxes`.

    Returns:
        (3, H, W), of the dtype of the image.

    Raises:
        ShapeError: no such image or masks.
        ValueError: another dtype; too few colours.

    >>> import cnn_physics77 as torch
    >>> mask = torch.tensor([[True, False]])
    >>> draw_segmentation_masks(torch.ones(3, 1, 2), mask, alpha=0.5, colors="red")[:, 0]
    tensor([[1.0000, 1.0000],
            [0.5000, 1.0000],
            [0.5000, 1.0000]])
    """
    name = "draw_segmentation_masks"
    _check_image(name, image, (3,))
    regions = masks.array[None] if masks.ndim == 2 else masks.array
    if regions.ndim != 3 or regions.shape[1:] != image.shape[1:]:
        raise ShapeError(
            f"{name}: expected masks (N, H, W) of the size of the image, found {tuple(masks.shape)} and "
            f"{tuple(image.shape)}"
        )
    if regions.dtype != bool:
        raise ValueError(f"{name}: expected masks of booleans, found {masks.dtype}; use masks > 0.5")
    if not len(regions):
        warn("masks doesn't contain any mask. No mask was drawn")
        return image
    pixels = image.detach().array
    drawn = pixels.copy()
    for region, colour in zip(regions, _colours(name, colors, len(regions))):
        values = np.array(colour) / (1 if pixels.dtype == np.uint8 else 255)
        drawn[:, region] = values.astype(pixels.dtype)[:, None]
    drawn[:, regions.sum(0) > 1] = 0
    mixed = from_array(pixels) * (1 - alpha) + from_array(drawn) * alpha
    return mixed.to(image.dtype)


def draw_keypoints(
    image: Tensor,
    keypoints: Tensor,
    connectivity: Sequence[tuple[int, int]] | None = None,
    colors: Any = None,
    radius: int = 2,
    width: int = 3,
    visibility: Tensor | None = None,
) -> Tensor:
    """The image with points, and perhaps white lines between them, drawn by Pillow.

    Args:
        image: (3, H, W), bytes or floats from 0 to 1.
        keypoints: (N, K, 2), the points (x, y) in pixels of N objects.
        connectivity: pairs of numbers of points that a line connects in each object.
        colors: of the points: a name, ``"#FF00FF"`` or (red, green, blue); without it there are lines alone.
        radius: of the points.
        width: of the lines.
        visibility: (N, K) or (N, K, 1), which points are drawn, and the lines between two of these; all by
            default.

    Returns:
        (3, H, W), of the dtype of the image.

    Raises:
        ShapeError: no such image, points or visibility.
        ValueError: another dtype.
    """
    name = "draw_keypoints"
    _check_image(name, image, (3,))
    points = keypoints.detach().array
    if points.ndim != 3 or points.shape[2] != 2:
        raise ShapeError(f"{name}: expected points (N, K, 2), found shape {tuple(keypoints.shape)}")
    seen = np.ones(points.shape[:2], bool) if visibility is None else visibility.detach().array.astype(bool)
    seen = seen[..., 0] if seen.ndim == 3 and seen.shape[2] == 1 else seen
    if seen.shape != points.shape[:2]:
        raise ShapeError(
            f"{name}: expected a visibility (N, K) of the points (N, K, 2), found shapes {seen.shape} and "
            f"{points.shape}"
        )
    picture = _picture(image.detach())
    draw = pillow("ImageDraw").Draw(picture)
    for places, visible in zip(points.astype(np.int64).tolist(), seen.tolist()):
        for x, y in (place for place, is_visible in zip(places, visible) if is_visible):
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colors, outline=None, width=0)
        for first, second in connectivity or ():
            if visible[first] and visible[second]:
                draw.line((*places[first], *places[second]), width=width)
    return to_dtype(pil_to_tensor(picture), image.dtype, scale=True)


__all__ = ["draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks"]
