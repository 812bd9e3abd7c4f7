"""The other forms of an operation: its method, the method that works in place, ``out=``, and other names."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import torch

import cnn_physics77 as ours_package
from cnn_physics77.testing.conformance import seam
from cnn_physics77.testing.conformance.gradients import check_gradients, differentiable
from cnn_physics77.testing.conformance.measure import Departure, Errors, compare
from cnn_physics77.testing.conformance.results import TOLERANCES, Result


def check_forms(result: Result, info: Any, sample: Any, where: str) -> None:
    """Compare the methods with PyTorch's."""
    method, in_place = info.method_variant, info.inplace_variant
    if isinstance(sample.input, torch.Tensor):
        if method is not None and method is not info.op:
            _check(result, "method", method, sample, where)
        if in_place is not None:
            _check(result, "in place", in_place, sample, where)


def check_names(result: Result, info: Any, sample: Any, where: str) -> None:
    """Compare what is called by its other names, and with ``out=``."""
    for alias in info.aliases:
        _check(result, "alias", alias.op, sample, f"{alias.name}: {where}")
    if info.supports_out:
        _check(result, "out", info.op, sample, where)


def _check(result: Result, kind: str, theirs: Callable, sample: Any, where: str) -> None:
    crossing = seam.Crossing()
    given = (sample.input, sample.args, sample.kwargs)
    try:
        expected = _call(torch, theirs, crossing.theirs(given), kind)
    except Exception:  # this form does not take this sample
        return
    try:
        mine = seam.function(theirs)
    except seam.Absent as reason:
        result.fail(kind, str(reason))
        return
    with result.expecting(kind, where):
        found = _call(ours_package, mine, crossing.ours(given), kind)
        compare(found, expected, TOLERANCES["value"], Errors())
        if kind == "in place":
            seed = zlib.crc32(f"{result.name} {where}".encode())
            outputs = differentiable(found, expected)
            check_gradients(result, where, outputs, crossing.variables, 1, {"gradient": Errors()}, seed)


def _call(package: Any, function: Callable, given: tuple, kind: str) -> Any:
    first, args, named = given
    if kind == "in place":
        changed = first.clone()
        found = function(changed, *args, **named)
        if found is not changed:
            raise Departure("expected the tensor itself as the result")
        return found
    if kind == "out":
        with package.no_grad():
            plain = function(first, *args, **named)
            out = (
                tuple(package.empty_like(p) for p in plain)
                if isinstance(plain, tuple)
                else package.empty_like(plain)
            )
            found = function(first, *args, **named, out=out)
        return [found, out]
    return function(first, *args, **named)
