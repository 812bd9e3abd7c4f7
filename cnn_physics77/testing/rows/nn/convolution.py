"""Rows: convolution and transposed convolution."""

import importlib
import warnings
from collections.abc import Callable

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

F = "nn.functional."


def _complex(rng, *shape):
    return draw(rng, *shape) + 1j * draw(rng, *shape)


def _whole(rng, *shape, dtype=np.int64):
    """Integers; sums of their products may be beyond the range of int8."""
    return rng.integers(-9, 10, shape).astype(dtype)


def _without_warning(name: str) -> Callable:
    """The function of torch, which warns that padding="same" with even kernels costs it a copy."""

    def reference(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return getattr(importlib.import_module("torch.nn.functional"), name)(*args, **kwargs)

    return reference


rows = [
    Row(
        F + "conv1d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 7), draw(rng, 4, 3, 3), draw(rng, 4)),
            Sample(draw(rng, 3, 7), draw(rng, 4, 3, 2), stride=2, padding=1, dilation=2),
            Sample(draw(rng, 2, 4, 6), draw(rng, 6, 2, 3), groups=2, padding="same"),
            Sample(draw(rng, 2, 4, 6), draw(rng, 4, 4, 4), padding="same"),
            Sample(draw(rng, 2, 4, 6), draw(rng, 4, 4, 4), draw(rng, 4), (2,), "valid"),
            Sample(draw(rng, 0, 3, 7), draw(rng, 4, 3, 3), draw(rng, 4)),
            Sample(_whole(rng, 2, 4, 7), _whole(rng, 6, 2, 3), _whole(rng, 6), 2, 1, groups=2),
        ],
        reference=_without_warning("conv1d"),
    ),
    Row(
        F + "conv2d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 6, 5), draw(rng, 4, 3, 3, 3), draw(rng, 4)),
            Sample(draw(rng, 2, 1, 5, 6), draw(rng, 3, 1, 1, 1)),
            Sample(draw(rng, 3, 6, 5), draw(rng, 4, 3, 3, 2), draw(rng, 4), padding=1),
            Sample(draw(rng, 2, 3, 7, 8), draw(rng, 2, 3, 3, 3), None, 2, 1),
            Sample(
                draw(rng, 2, 3, 8, 7), draw(rng, 2, 3, 2, 3), stride=(2, 3), padding=(1, 2), dilation=(3, 1)
            ),
            Sample(draw(rng, 2, 4, 5, 5), draw(rng, 4, 1, 3, 3), draw(rng, 4), groups=4),
            Sample(draw(rng, 1, 4, 5, 5), draw(rng, 6, 2, 2, 2), groups=2, padding="same", dilation=(1, 2)),
            Sample(draw(rng, 1, 2, 5, 5), draw(rng, 2, 2, 4, 3), padding="same"),
            Sample(draw(rng, 1, 2, 3, 3), draw(rng, 2, 2, 3, 3)),
            Sample(draw(rng, 0, 2, 4, 4), draw(rng, 2, 2, 3, 3), draw(rng, 2)),
            Sample(_complex(rng, 1, 2, 4, 4), _complex(rng, 2, 2, 3, 3)),
            Sample(_whole(rng, 2, 3, 5, 4) << 50, _whole(rng, 2, 3, 3, 2) + (1 << 11), dilation=(1, 2)),
            Sample(_whole(rng, 2, 3, 5, 4, dtype=np.int8), _whole(rng, 2, 3, 3, 2, dtype=np.int8), padding=1),
        ],
        bad=[
            Bad(RuntimeError, "one dtype", np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2), np.float32)),
            Bad(RuntimeError, "one dtype", np.ones((1, 1, 3, 3), int), np.ones((1, 1, 2, 2))),
            Bad(RuntimeError, "torch.bool", np.ones((1, 1, 3, 3), bool), np.ones((1, 1, 2, 2), bool)),
            Bad(RuntimeError, "batched", np.ones((3, 3)), np.ones((1, 1, 2, 2))),
            Bad(RuntimeError, "in_channels", np.ones((1, 2, 3, 3)), np.ones((1, 1, 2, 2))),
            Bad(RuntimeError, "out_channels, in_channels/groups", np.ones((1, 1, 3, 3)), np.ones((1, 1, 2))),
            Bad(RuntimeError, "multiple of groups", np.ones((1, 2, 3, 3)), np.ones((3, 1, 2, 2)), groups=2),
            Bad(RuntimeError, "padded input", np.ones((1, 1, 3, 3)), np.ones((1, 1, 4, 4))),
            Bad(RuntimeError, "bias of shape (2,)", np.ones((1, 1, 3, 3)), np.ones((2, 1, 2, 2)), np.ones(3)),
            Bad(RuntimeError, "stride", np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), stride=0),
            Bad(
                RuntimeError,
                "padding of at least 0",
                np.ones((1, 1, 3, 3)),
                np.ones((1, 1, 2, 2)),
                padding=-1,
            ),
            Bad(RuntimeError, "2 ints", np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), stride=(1, 1, 1)),
            Bad(TypeError, "stride to be an int", np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), stride="two"),
            Bad(ValueError, "'valid', 'same'", np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding="full"),
            Bad(
                ValueError, "strided", np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding="same", stride=2
            ),
        ],
        reference=_without_warning("conv2d"),
    ),
    Row(
        F + "conv3d",
        lambda rng: [
            Sample(draw(rng, 2, 2, 4, 4, 3), draw(rng, 3, 2, 2, 3, 2), draw(rng, 3)),
            Sample(draw(rng, 2, 4, 5, 4), draw(rng, 2, 1, 2, 2, 2), stride=(1, 2, 1), padding=1, groups=2),
            Sample(draw(rng, 1, 1, 3, 4, 4), draw(rng, 2, 1, 2, 3, 1), padding="same"),
            Sample(_whole(rng, 1, 2, 3, 4, 4), _whole(rng, 2, 2, 2, 3, 1), _whole(rng, 2), padding=1),
        ],
        reference=_without_warning("conv3d"),
    ),
    Row(
        F + "conv_transpose1d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4), draw(rng, 3, 2, 3), draw(rng, 2)),
            Sample(draw(rng, 3, 4), draw(rng, 3, 2, 3), draw(rng, 2), 2, 1, 1),
            Sample(draw(rng, 2, 4, 3), draw(rng, 4, 3, 2), None, 3, 0, 2, 2, 2),
            Sample(draw(rng, 1, 2, 3), draw(rng, 2, 2, 2), draw(rng, 2), 1, 0, 2, 1, 3),
            Sample(_whole(rng, 1, 2, 3), _whole(rng, 2, 2, 2), _whole(rng, 2), 1, 0, 2, 1, 3),
        ],
    ),
    Row(
        F + "conv_transpose2d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4, 3), draw(rng, 3, 2, 3, 2), draw(rng, 2)),
            Sample(
                draw(rng, 3, 4, 3), draw(rng, 3, 2, 3, 3), draw(rng, 2), stride=2, padding=1, output_padding=1
            ),
            Sample(draw(rng, 2, 4, 3, 3), draw(rng, 4, 1, 3, 3), stride=(2, 1), padding=(0, 1), groups=4),
            Sample(
                draw(rng, 1, 2, 2, 3),
                draw(rng, 2, 2, 2, 2),
                stride=(1, 3),
                output_padding=(1, 2),
                dilation=(3, 1),
            ),
            Sample(draw(rng, 0, 2, 3, 3), draw(rng, 2, 2, 2, 2), draw(rng, 2)),
            Sample(_complex(rng, 1, 2, 2, 3), _complex(rng, 2, 2, 2, 2)),
            Sample(
                _whole(rng, 2, 4, 3, 3) << 50,
                _whole(rng, 4, 1, 3, 3) + (1 << 11),
                _whole(rng, 2),
                2,
                1,
                groups=2,
            ),
        ],
        bad=[
            Bad(RuntimeError, "in_channels", np.ones((1, 2, 3, 3)), np.ones((1, 1, 2, 2))),
            Bad(
                RuntimeError, "output padding", np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), output_padding=1
            ),
            Bad(RuntimeError, "at least one pixel", np.ones((1, 1, 1, 1)), np.ones((1, 1, 2, 2)), padding=1),
            Bad(RuntimeError, "bias of shape (2,)", np.ones((1, 1, 3, 3)), np.ones((1, 2, 2, 2)), np.ones(3)),
        ],
    ),
    Row(
        F + "conv_transpose3d",
        lambda rng: [
            Sample(draw(rng, 1, 2, 2, 3, 2), draw(rng, 2, 2, 2, 2, 2), draw(rng, 2), stride=(1, 2, 1)),
            Sample(_whole(rng, 1, 2, 2, 3, 2), _whole(rng, 2, 2, 2, 2, 2), _whole(rng, 2), stride=(1, 2, 1)),
            Sample(
                draw(rng, 2, 2, 2, 2),
                draw(rng, 2, 1, 2, 2, 2),
                stride=2,
                padding=1,
                output_padding=1,
                groups=2,
            ),
        ],
    ),
]
