"""Rows: interpolation."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

rows = [
    Row(
        "nn.functional.interpolate",
        lambda rng: [
            Sample(draw(rng, 2, 3, 5), 8),
            Sample(draw(rng, 1, 2, 4, 3), (3, 7), mode="nearest-exact"),
            Sample(draw(rng, 1, 2, 2, 3, 2), scale_factor=(1.5, 2, 0.5), mode="nearest"),
            Sample(rng.integers(0, 255, (1, 1, 3, 4)).astype(np.uint8), 2),
            Sample(draw(rng, 2, 1, 7), 4, mode="linear"),
            Sample(draw(rng, 1, 2, 4, 3), (2, 6), mode="bilinear", align_corners=True),
            Sample(draw(rng, 1, 1, 5, 4), scale_factor=(1.3, 0.7), mode="bilinear"),
            Sample(
                draw(rng, 1, 1, 5, 4), scale_factor=(1.3, 0.7), mode="bilinear", recompute_scale_factor=True
            ),
            Sample(draw(rng, 1, 2, 2, 3, 2), (3, 2, 1), mode="trilinear"),
            Sample(draw(rng, 1, 2, 3, 4), (5, 3), mode="bicubic"),
            Sample(draw(rng, 1, 1, 3, 1), (5, 3), mode="bicubic", align_corners=True),
            Sample(draw(rng, 1, 2, 7, 6), (3, 8), mode="bilinear", antialias=True),
            Sample(draw(rng, 1, 1, 7, 6), (4, 4), mode="bicubic", antialias=True),
            Sample(draw(rng, 1, 1, 9, 6), (2, 7), mode="lanczos", antialias=True),
            Sample(draw(rng, 2, 2, 5, 4), scale_factor=0.5, mode="area"),
            Sample(draw(rng, 1, 1, 3, 2), (3, 2)),
            Sample(draw(rng, 1, 1, 3, 6), scale_factor=(1.3, 1.1)),
            Sample(draw(rng, 0, 2, 3, 2), 4, mode="bilinear"),
        ],
        bad=[
            Bad(ValueError, "only one of", np.ones((1, 1, 2)), 2, 2.0),
            Bad(ValueError, "either size", np.ones((1, 1, 2))),
            Bad(ValueError, "same number", np.ones((1, 1, 2, 2)), (3,)),
            Bad(ValueError, "same number", np.ones((1, 1, 2, 2)), scale_factor=(2.0, 2.0, 2.0)),
            Bad(ValueError, "align_corners", np.ones((1, 1, 2)), 3, align_corners=True),
            Bad(ValueError, "recompute", np.ones((1, 1, 2)), 3, recompute_scale_factor=True),
            Bad(ValueError, "Anti-alias", np.ones((1, 1, 2)), 3, antialias=True),
            Bad(ValueError, "antialias=True", np.ones((1, 1, 2, 2)), 3, mode="lanczos"),
            Bad(
                ValueError,
                "align_corners",
                *(np.ones((1, 1, 2, 2)), 3),
                mode="lanczos",
                antialias=True,
                align_corners=True,
            ),
            Bad(NotImplementedError, "for its spatial", np.ones((1, 1, 2)), 3, mode="bilinear"),
            Bad(NotImplementedError, "for its spatial", np.ones((1, 2)), (), mode="nearest"),
            Bad(RuntimeError, "greater than 0", np.ones((1, 1, 2)), 0),
            Bad(TypeError, "floating", np.ones((1, 1, 2), int), 3),
            Bad(TypeError, "expected sizes as integers", np.ones((1, 1, 2)), 3.5),
        ],
    ),
]
