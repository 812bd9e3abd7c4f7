"""Rows: images sampled at given places, and affine maps."""

import itertools
from typing import Any

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."


def _images(rng):
    options = itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"))
    for number, (mode, padding) in enumerate(options):
        settings = {"mode": mode, "padding_mode": padding, "align_corners": number % 2 == 0}
        # the gradient of the places that choose nearest pixels is 0; PyTorch records it, and we do not
        places = Constant if mode == "nearest" else np.asarray
        yield Sample(draw(rng, 1, 2, 4, 3), places(draw(rng, 1, 2, 3, 2)), **settings)
        if number in (1, 2, 4):
            settings["align_corners"] = number % 2 == 1
            yield Sample(draw(rng, 1, 1, 3, 2, 3), places(draw(rng, 1, 1, 2, 2, 3)), **settings)


_IMAGE, _GRID = np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 2))
_VOLUME = np.ones((1, 1, 2, 2, 2))
_ALIGNED: dict[str, Any] = {"align_corners": True}

rows = [
    Row(
        F + "grid_sample",
        lambda rng: [
            *_images(rng),
            Sample(draw(rng, 2, 1, 1, 1), draw(rng, 2, 3, 1, 2), padding_mode="reflection", **_ALIGNED),
            Sample(draw(rng, 2, 1, 2, 3), draw(rng, 2, 0, 3, 2), align_corners=False),
            Sample(draw(rng, 0, 1, 2, 3), draw(rng, 0, 2, 3, 2), align_corners=False),
        ],
        bad=[
            Bad(ValueError, "mode to be", _IMAGE, _GRID, "linear", **_ALIGNED),
            Bad(ValueError, "padding_mode", _IMAGE, _GRID, "bilinear", "circular", **_ALIGNED),
            Bad(RuntimeError, "same number", np.ones((1, 2, 2)), np.ones((1, 1, 2)), **_ALIGNED),
            Bad(RuntimeError, "same number", _IMAGE, np.ones((2, 1, 1, 2)), **_ALIGNED),
            Bad(RuntimeError, "same number", _IMAGE, np.ones((1, 1, 1, 3)), **_ALIGNED),
            Bad(RuntimeError, "non-empty", np.ones((1, 1, 0, 2)), _GRID, **_ALIGNED),
            Bad(RuntimeError, "only supports", _VOLUME, np.ones((1, 1, 1, 1, 3)), "bicubic", **_ALIGNED),
            Bad(TypeError, "one dtype", _IMAGE, _GRID.astype(np.float32), **_ALIGNED),
        ],
    ),
    Row(
        "grid_sampler",
        lambda rng: [
            Sample(draw(rng, 1, 2, 4, 3), draw(rng, 1, 3, 2, 2), 0, 1, True),
            Sample(draw(rng, 1, 2, 4, 3), draw(rng, 1, 3, 2, 2), 2, 2, False),
        ],
        bad=[
            Bad(RuntimeError, "0, 1 or 2", _IMAGE, _GRID, 3, 0, True),
            Bad(RuntimeError, "0, 1 or 2", _IMAGE, _GRID, 0, -1, True),
        ],
    ),
    Row("affine_grid_generator", lambda rng: [Sample(draw(rng, 2, 2, 3), (2, 1, 3, 4), False)]),
    Row(
        F + "affine_grid",
        lambda rng: [
            Sample(draw(rng, 2, 2, 3), (2, 1, 3, 4), align_corners=False),
            Sample(draw(rng, 2, 2, 3), [2, 5, 3, 4], align_corners=True),
            Sample(draw(rng, 1, 3, 4), (1, 1, 2, 3, 4), align_corners=False),
            Sample(draw(rng, 1, 2, 3), (1, 1, 1, 2), align_corners=False),
        ],
        bad=[
            Bad(ValueError, "floating", np.ones((1, 2, 3), int), (1, 1, 2, 2), **_ALIGNED),
            Bad(ValueError, "1x2x3", np.ones((1, 2, 2)), (1, 1, 2, 2), **_ALIGNED),
            Bad(ValueError, "1x3x4", np.ones((1, 2, 3)), (1, 1, 2, 2, 2), **_ALIGNED),
            Bad(ValueError, "positive", np.ones((1, 2, 3)), (1, 1, 0, 2), **_ALIGNED),
            Bad(NotImplementedError, "4D and 5D", np.ones((1, 2, 3)), (1, 2, 2), **_ALIGNED),
        ],
    ),
]
