"""First and second gradients of the same outputs in both frameworks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import cnn_physics77 as ours_package
from cnn_physics77.testing.conformance.measure import Departure, Errors, compare, leaves
from cnn_physics77.testing.conformance.results import TOLERANCES, Result

Pairs = list[tuple[Any, torch.Tensor]]


def differentiable(mine: Any, theirs: Any) -> Pairs:
    """The outputs that gradients flow into.

    Raises:
        Departure: an output requires grad in one framework only.
    """
    pairs = []
    for a, b in zip(leaves(mine), leaves(theirs)):
        if isinstance(b, torch.Tensor):
            if a.requires_grad != b.requires_grad and b.numel():
                raise Departure(f"expected requires_grad {b.requires_grad}, found {a.requires_grad}")
            if b.requires_grad and a.requires_grad:
                pairs.append((a, b))
    return pairs


def check_gradients(
    result: Result,
    where: str,
    outputs: Pairs,
    variables: Pairs,
    order: int,
    errors: dict[str, Errors],
    seed: int,
) -> None:
    """Compare the gradients of random combinations of the outputs, and the gradients of these."""
    rng = np.random.default_rng(seed)
    for kind in ("gradient", "second gradient")[:order]:
        if not outputs or not variables:
            return
        weights = [_weight(b, rng) for _, b in outputs]
        try:
            theirs = _gradients(
                torch, [b for _, b in outputs], [b for _, b in variables], [w for _, w in weights]
            )
        except Exception:  # what PyTorch cannot differentiate has no counterpart
            return
        found: Pairs = []
        with result.expecting(kind, where):
            mine = _gradients(
                ours_package, [a for a, _ in outputs], [a for a, _ in variables], [w for w, _ in weights]
            )
            found = list(zip(mine, theirs))
            for a, b in found:
                compare(a, b, TOLERANCES[kind], errors[kind])
        variables = variables + weights
        outputs = [(a, b) for a, b in found if a.requires_grad and b.requires_grad]


def _weight(output: torch.Tensor, rng: np.random.Generator) -> tuple[Any, torch.Tensor]:
    """What an output is multiplied by, a variable itself, in both frameworks."""
    values = rng.normal(size=tuple(output.shape))
    if output.is_complex():
        values = values + 1j * rng.normal(size=tuple(output.shape))
    values = np.asarray(values).astype(str(output.dtype).removeprefix("torch."))
    return (
        ours_package.from_numpy(values.copy()).requires_grad_(),
        torch.from_numpy(values.copy()).requires_grad_(),
    )


def _gradients(package: Any, outputs: list, inputs: list, weights: list) -> list:
    """The gradients; zeros for an input that no output depends on."""
    found = package.autograd.grad(outputs, inputs, weights, create_graph=True, allow_unused=True)
    return [package.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]
