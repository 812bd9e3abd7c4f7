"""One entry of PyTorch's database of optimizers, ``optim_db``, in both frameworks."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

import cnn_physics77 as ours_package
from cnn_physics77.testing.conformance import seam, signatures
from cnn_physics77.testing.conformance.measure import Errors, compare
from cnn_physics77.testing.conformance.operations import check_raises
from cnn_physics77.testing.conformance.results import TOLERANCES, Result, portion

STEPS = 6


@cache
def entries() -> dict[str, Any]:
    """The database, by name."""
    from torch.testing._internal.common_optimizers import optim_db

    return {f"optim.{vars(info)['optim_cls'].__name__}": info for info in optim_db}


def check(name: str, tenth: bool) -> Result:
    """Compare the entry: parameters and state after each step with each set of options, and wrong options."""
    info = entries()[name]
    result = Result(name)
    try:
        mine = seam.resolve(ours_package, name)
        if not isinstance(mine, type):
            raise seam.Absent(repr(mine))
    except seam.Absent as reason:
        result.absent = str(reason)
        return result
    number = zlib.crc32(name.encode()) if tenth else None
    errors = Errors()
    signatures.check_class(result, name, mine, info.optim_cls)
    for index, sample in portion(list(info.optim_inputs_func(device="cpu")), number):
        where = f"sample {index} ({sample.desc})"
        with result.expecting("value", where):
            _check_steps(result, info.optim_cls, mine, sample.kwargs, errors)
    if info.optim_error_inputs_func is not None:
        wrong = list(info.optim_error_inputs_func(device="cpu", dtype=torch.float64))
        for index, sample in portion(wrong, number):
            given = sample.optimizer_error_input
            _check_wrong(result, info.optim_cls, mine, given, f"wrong call {index} ({given.desc})")
    result.keep_errors({"value": errors})
    return result


def _parameters(package: Any) -> list[Any]:
    """Two matrices that every optimizer takes."""
    rng = np.random.default_rng(1)
    return [package.nn.Parameter(package.from_numpy(rng.normal(size=s))) for s in ((3, 2), (4, 3))]


def _loss(w: Any, v: Any) -> Any:
    """A smooth function with curvature that changes."""
    y = (v @ w).sin()
    return (y * y).sum() + (w - 1).pow(4).mean() + (v * v).sum() * 0.1


def _check_steps(
    result: Result, their_kind: Callable, mine_kind: Callable, options: dict, errors: Errors
) -> None:
    crossing = seam.Crossing()
    theirs, mine = _parameters(torch), _parameters(ours_package)
    try:
        their_optimizer = their_kind(theirs, **crossing.theirs(options))
        _step(their_optimizer, theirs)
    except Exception as error:
        result.skip(f"PyTorch raises {type(error).__name__}")
        return
    optimizer = mine_kind(mine, **crossing.ours(options))
    result.samples += 1
    _step(optimizer, mine)
    for _ in range(STEPS - 1):
        compare(_step(optimizer, mine), _step(their_optimizer, theirs), TOLERANCES["value"], errors)
        compare(mine, theirs, TOLERANCES["value"], errors)
        compare(optimizer.state_dict(), their_optimizer.state_dict(), TOLERANCES["value"], Errors())


def _step(optimizer: Any, parameters: list[Any]) -> Any:
    def closure():
        optimizer.zero_grad()
        loss = _loss(*parameters)
        loss.backward()
        return loss

    return optimizer.step(closure)


def _check_wrong(result: Result, their_kind: Callable, mine_kind: Callable, sample: Any, where: str) -> None:
    crossing = seam.Crossing()

    def call(package: Any, kind: Callable, convert: Callable) -> None:
        parameters = _parameters(package) if sample.params is None else convert(sample.params)
        optimizer = kind(parameters, **convert(sample.kwargs))
        if sample.params is None:
            _step(optimizer, parameters)

    try:
        call(torch, their_kind, crossing.theirs)
    except Exception as error:
        expected = error
        with result.expecting("wrong call", where):
            check_raises(lambda: call(ours_package, mine_kind, crossing.ours), expected)
