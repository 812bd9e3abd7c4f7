"""The cases of the speed suite with their sizes and targets, and how to choose among them."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Callable, Iterator
from typing import Any

from ...results import REFERENCE, REFERENCES
from .arguments import CHOICES
from .pinn import PinnCase
from .sequences import SequenceCase
from .updates import UpdateCase
from .work import (
    IMAGE_SHAPES,
    OPTIMIZERS,
    Case,
    ChainCase,
    ConvolutionCase,
    FunctionCase,
    InferenceCase,
    NetworkCase,
    TrainingCase,
)

TITLES = {"CNN": "CNN", "LeNet5": "LeNet-5", "VGG": "VGG", "ResNet20": "ResNet-20", "MLP": "MLP"}
"""Names of the networks in the names of cases."""


def _networks() -> Iterator[Case]:
    """Training with both optimizers, other batch sizes, inference; most have targets."""
    targets = {"CNN": (64, 0.55, 0.5), "LeNet5": (64, 0.85, 1.0), "VGG": (64, 0.60, 1.0)}
    targets |= {"ResNet20": (128, 0.85, 1.0), "MLP": (128, 0.95, 1.0)}
    for model, (batch, target, memory) in targets.items():
        for optimizer in OPTIMIZERS:
            aims = optimizer == "Adam" or model == "ResNet20"
            name = f"{TITLES[model]}, batch {batch}, {optimizer}"
            yield TrainingCase(
                name=name, model=model, batch=batch, optimizer=optimizer,
                target=target if aims else None, memory_target=memory if aims else None, memory=aims,
                quick=optimizer == "Adam",
            )  # fmt: skip
    for batch in (1, 4, 16, 256, 1024):
        yield TrainingCase(
            name=f"CNN, batch {batch}, Adam", model="CNN", batch=batch, target=1.0 if batch == 1 else None,
            memory_target=0.5 if batch == 1 else None, memory=batch == 1, quick=batch == 1,
        )  # fmt: skip
    for model, batch in (("CNN", 1000), ("LeNet5", 1000), ("VGG", 250), ("ResNet20", 250), ("MLP", 1000)):
        aims = model == "CNN"
        yield InferenceCase(
            name=f"{TITLES[model]}, {batch} images", model=model, batch=batch, target=0.40 if aims else None,
            memory_target=0.5 if aims else None, memory=aims, quick=aims,
        )  # fmt: skip


def _chain(torch: Any, x: Any, w: Any, b: Any) -> Any:
    y = x
    for _ in range(20):
        y = (y * w + b).tanh()
    return y


def _small_graphs() -> Iterator[Case]:
    shapes = {"x": (10,), "w": (10,), "b": (10,)}
    name = "20 x (y * w + b).tanh(), 10 elements"
    yield ChainCase(name=name, function=_chain, shapes=shapes, target=0.9, quick=True)
    yield PinnCase(name="PINN, 30 points, third derivatives", target=0.9)


CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "3x3, 1 to 8, 28 px": {"batch": 64, "channels": (1, 8), "pixels": 28, "kernel": 3},
    "3x3, 16 to 16, 56 px": {"batch": 16, "channels": (16, 16), "pixels": 56, "kernel": 3, "padding": 1},
    "3x3, 16 to 16, 32 px": {"batch": 64, "channels": (16, 16), "pixels": 32, "kernel": 3, "padding": 1},
    "3x3, 32 to 32, 28 px": {"batch": 32, "channels": (32, 32), "pixels": 28, "kernel": 3, "padding": 1},
    "3x3, 32 to 64, 14 px": {"batch": 64, "channels": (32, 64), "pixels": 14, "kernel": 3, "padding": 1},
    "3x3, 64 to 64, 56 px": {"batch": 4, "channels": (64, 64), "pixels": 56, "kernel": 3, "padding": 1},
    "3x3, 64 to 64, 14 px": {"batch": 64, "channels": (64, 64), "pixels": 14, "kernel": 3, "padding": 1},
    "3x3, 128 to 128, 14 px": {"batch": 16, "channels": (128, 128), "pixels": 14, "kernel": 3, "padding": 1},
    "3x3, 256 to 256, 7 px": {"batch": 16, "channels": (256, 256), "pixels": 7, "kernel": 3, "padding": 1},
    "3x3 stride 2, 32 to 64, 28 px": {
        "batch": 32, "channels": (32, 64), "pixels": 28, "kernel": 3, "stride": 2, "padding": 1,
    },
    "1x1, 64 to 64, 28 px": {"batch": 32, "channels": (64, 64), "pixels": 28, "kernel": 1},
    "1x1 stride 2, 64 to 128, 28 px": {
        "batch": 32, "channels": (64, 128), "pixels": 28, "kernel": 1, "stride": 2,
    },
    "5x5, 6 to 16, 14 px": {"batch": 64, "channels": (6, 16), "pixels": 14, "kernel": 5},
    "5x5, 32 to 32, 28 px": {"batch": 16, "channels": (32, 32), "pixels": 28, "kernel": 5, "padding": 2},
    "7x7 stride 2, 3 to 64, 56 px": {
        "batch": 16, "channels": (3, 64), "pixels": 56, "kernel": 7, "stride": 2, "padding": 3,
    },
    "depthwise 3x3, 64, 28 px": {
        "batch": 32, "channels": (64, 64), "pixels": 28, "kernel": 3, "padding": 1, "groups": 64,
    },
    "grouped 3x3, 64 in 4 groups, 28 px": {
        "batch": 32, "channels": (64, 64), "pixels": 28, "kernel": 3, "padding": 1, "groups": 4,
    },
    "dilated 3x3, 32 to 32, 28 px": {
        "batch": 32, "channels": (32, 32), "pixels": 28, "kernel": 3, "padding": 2, "dilation": 2,
    },
}  # fmt: skip
"""The shapes of the sweep."""


def _convolutions() -> Iterator[Case]:
    for shape, sizes in CONVOLUTIONS.items():
        for of in ("forward", "input gradient", "weight gradient"):
            quick = shape == "3x3, 32 to 32, 28 px"
            yield ConvolutionCase(name=f"{shape}: {of}", of=of, quick=quick, **sizes)


def _functions() -> Iterator[Case]:
    maps: dict[str, tuple[int, ...]] = {"x": (64, 32, 28, 28)}
    table: list[tuple[str, Callable[..., Any], dict[str, tuple[int, ...]], int]] = [
        ("ReLU, 64x32x28x28", lambda torch, x: torch.nn.functional.relu(x), maps, 0),
        ("tanh, 64x32x28x28", lambda torch, x: torch.tanh(x), maps, 0),
        ("exp, 64x32x28x28", lambda torch, x: torch.exp(x), maps, 0),
        ("GELU, 64x32x28x28", lambda torch, x: torch.nn.functional.gelu(x), maps, 0),
        ("x * y, 64x32x28x28", lambda torch, x, y: x * y, {"x": maps["x"], "y": maps["x"]}, 0),
        ("x + row, 4096x512", lambda torch, x, row: x + row, {"x": (4096, 512), "row": (512,)}, 0),
        ("sum of squares, 1,605,632", lambda torch, x: (x * x).sum(), {"x": (1_605_632,)}, 0),
        (
            "max pool 2x2, 64x32x28x28",
            lambda torch, x: torch.nn.functional.max_pool2d(x, 2),
            maps,
            0,
        ),
        (
            "average pool 2x2, 64x32x28x28",
            lambda torch, x: torch.nn.functional.avg_pool2d(x, 2),
            maps,
            0,
        ),
        (
            "batch norm, 64x32x28x28",
            lambda torch, x, weight, bias: torch.nn.functional.batch_norm(
                x, None, None, weight, bias, training=True
            ),
            maps | {"weight": (32,), "bias": (32,)},
            0,
        ),
        (
            "layer norm, 4096x512",
            lambda torch, x, weight, bias: torch.nn.functional.layer_norm(x, (512,), weight, bias),
            {"x": (4096, 512), "weight": (512,), "bias": (512,)},
            0,
        ),
        ("softmax, 4096x512", lambda torch, x: torch.nn.functional.softmax(x, 1), {"x": (4096, 512)}, 0),
        (
            "cross-entropy, 4096x512",
            lambda torch, x, labels: torch.nn.functional.cross_entropy(x, labels),
            {"x": (4096, 512)},
            4096,
        ),
        (
            "dense, 128x512 to 512",
            lambda torch, x, weight, bias: torch.nn.functional.linear(x, weight, bias),
            {"x": (128, 512), "weight": (512, 512), "bias": (512,)},
            0,
        ),
    ]
    for name, function, shapes, labels in table:
        quick = name.startswith(("ReLU", "batch norm"))
        yield FunctionCase(name=name, function=function, shapes=shapes, labels=labels, quick=quick)


def _sequences() -> Iterator[Case]:
    table: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
        "LSTM 2 x 128, 64 x 50 x 32": (
            lambda torch: torch.nn.LSTM(32, 128, num_layers=2, batch_first=True), (64, 50, 32),
        ),
        "GRU 128, bidirectional, 64 x 50 x 32": (
            lambda torch: torch.nn.GRU(32, 128, bidirectional=True, batch_first=True), (64, 50, 32),
        ),
        "Transformer encoder 2 x 128, 4 heads, 16 x 64 x 128": (
            lambda torch: torch.nn.TransformerEncoder(
                torch.nn.TransformerEncoderLayer(
                    128, 4, 512, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
                ),
                num_layers=2, enable_nested_tensor=False,
            ),
            (16, 64, 128),
        ),
    }  # fmt: skip
    for name, (build, shape) in table.items():
        yield SequenceCase(name=name, build=build, shape=shape, quick=name.startswith("LSTM"))
    heads = (16, 8, 128, 32)
    yield FunctionCase(
        name="causal attention, 16x8x128x32",
        function=lambda torch, **given: torch.nn.functional.scaled_dot_product_attention(
            *given.values(), is_causal=True
        ),
        shapes={"query": heads, "key": heads, "value": heads},
    )


PARAMETER_SHAPES = {
    "CNN's 5 parameters": ((8, 1, 3, 3), (128, 5408), (128,), (10, 128), (10,)),
    "65 small ones": tuple(
        shape
        for width, blocks in ((16, 7), (32, 6), (64, 6))
        for shape in ((width, width, 3, 3), (width,), (width,)) * blocks
    )
    + ((16, 3, 3, 3), (16,), (16,), (10, 64), (10,), (32, 16, 1, 1), (64, 32, 1, 1), (64,)),
    "one of 5 million": ((5_000_000,),),
}
"""Sets of parameters for the optimizers."""


def _updates() -> Iterator[Case]:
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "SGD": ("SGD", {"lr": 1e-3}),
        "SGD with momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9}),
        "Adam": ("Adam", {"lr": 1e-3}),
        "AdamW": ("AdamW", {"lr": 1e-3}),
    }
    for title, (optimizer, arguments) in kinds.items():
        for what, shapes in PARAMETER_SHAPES.items():
            yield UpdateCase(
                name=f"{title}, {what}", optimizer=optimizer, arguments=arguments, shapes=shapes,
                quick=title == "Adam" and "CNN" in what,
            )  # fmt: skip


def _columns(rows: list[Case]) -> Iterator[Case]:
    """The cases with a target, each with one setting changed."""
    for case in rows:
        plain: dict[str, Any] = {
            "row": case.name,
            "target": None,
            "memory_target": None,
            "memory": False,
            "quick": False,
        }
        changes: dict[str, dict[str, Any]] = {}
        if isinstance(case, NetworkCase):
            changes["PyTorch, same allocator"] = {"same_allocator": True, "memory": case.memory}
            changes["PyTorch at its best"] = {"best": True}
        if isinstance(case, (TrainingCase, ChainCase, PinnCase)):
            changes["captured step"] = {"captured": "auto"}
            changes["captured, in threads"] = {"captured": "threads"}
            for reference, title in REFERENCES.items():
                if reference != REFERENCE:
                    changes[f"captured, against {title}"] = {"captured": "auto", "reference": reference}
        changes["one thread"] = {"threads": 1}
        if isinstance(case, TrainingCase) and case.optimizer == "Adam":
            changes["SGD"] = {"optimizer": "SGD"}
            if IMAGE_SHAPES[case.model] == (1, 28, 28):
                changes["MNIST"] = {"dataset": "mnist"}
        changes["float64"] = {"dtype": "float64"}
        if isinstance(case, TrainingCase) and case.batch > 1:
            changes["batch 16"] = {"batch": 16}
            changes["batch 256"] = {"batch": 256}
        for column, change in changes.items():
            name = f"{case.name} ({column})"
            yield dataclasses.replace(case, name=name, column=column, **(plain | change))


def _all() -> dict[str, Case]:
    suite = [*_networks(), *_small_graphs(), *_convolutions(), *_functions(), *_sequences(), *_updates()]
    suite += _columns([case for case in suite if case.target is not None])
    found = {case.key: case for case in suite}
    assert len(found) == len(suite), "two cases have the same name"
    return found


CASES = _all()
"""Every case by its key, ``family/name``."""


def choose(pattern: str) -> list[Case]:
    """The cases that match a pattern, in their order.

    Args:
        pattern: names of `CHOICES`, or shell patterns of keys, separated by ``|``. Upper and lower case are
            equal; a pattern without ``*`` matches every key that contains it.
    Raises:
        ValueError: a part of the pattern matches nothing.

    >>> [case.key for case in choose("small graph/pinn*derivatives")]
    ['small graph/PINN, 30 points, third derivatives']
    >>> len(choose("targets"))
    10
    """
    named: set[str] = set()
    for part in pattern.split("|"):
        if part in CHOICES:
            found = {key for key, case in CASES.items() if CHOICES[part](case)}
        elif "*" in part:
            found = {key for key in CASES if fnmatch.fnmatchcase(key.lower(), part.lower())}
        else:
            found = {key for key, case in CASES.items() if part.lower() in key.lower() and not case.column}
            found = found or {key for key in CASES if part.lower() in key.lower()}
        if not found:
            raise ValueError(
                f"cases: nothing matches {part!r}; choices are {', '.join(CHOICES)}, families are "
                f"{', '.join(dict.fromkeys(case.family for case in CASES.values()))}"
            )
        named |= found
    return [case for key, case in CASES.items() if key in named]
