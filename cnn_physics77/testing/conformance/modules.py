"""One entry of PyTorch's database of modules, ``module_db``, in both frameworks."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

import cnn_physics77 as ours_package
from cnn_physics77.testing.conformance import groups, seam, signatures
from cnn_physics77.testing.conformance.gradients import check_gradients, differentiable
from cnn_physics77.testing.conformance.measure import Departure, Errors, compare
from cnn_physics77.testing.conformance.operations import check_raises
from cnn_physics77.testing.conformance.results import TOLERANCES, Result, portion


@cache
def entries() -> dict[str, Any]:
    """The database, by name."""
    from torch.testing._internal.common_modules import module_db

    return {info.name: info for info in module_db}


def check(name: str, tenth: bool) -> Result:
    """Compare the entry: construction, state, results, gradients and wrong calls, in both modes."""
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
    errors = {kind: Errors() for kind in TOLERANCES}
    signatures.check_class(result, name, mine, info.module_cls)
    for training in (True, False):
        for index, sample in portion(_inputs(info, info.module_inputs_func, training), number):
            where = f"{'training' if training else 'evaluation'} sample {index}"
            _check_sample(result, info, mine, sample, training, where, errors)
    if info.module_error_inputs_func is not None:
        for index, wrong in portion(_inputs(info, info.module_error_inputs_func, True), number):
            _check_wrong(result, info, mine, wrong.module_error_input, f"wrong call {index}")
    result.keep_errors(errors)
    return result


def _inputs(info: Any, make: Callable, training: bool) -> list[Any]:
    torch.manual_seed(0)
    return list(make(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training))


def _check_sample(
    result: Result,
    info: Any,
    mine: Callable,
    sample: Any,
    training: bool,
    where: str,
    errors: dict[str, Errors],
) -> None:
    crossing = seam.Crossing()
    made, given = sample.constructor_input, sample.forward_input
    random = result.name in groups.RANDOM
    try:
        their_module = info.module_cls(*crossing.theirs(made.args), **crossing.theirs(made.kwargs)).double()
        their_module.train(training)
        if info.is_lazy:
            their_module(*crossing.theirs(given.args), **crossing.theirs(given.kwargs))
        state = {k: v.detach().clone() for k, v in their_module.state_dict().items()}
        theirs = their_module(*crossing.theirs(given.args), **crossing.theirs(given.kwargs))
    except Exception as error:
        result.skip(f"PyTorch raises {type(error).__name__}")
        return
    with result.expecting("value", where):
        module = mine(*crossing.ours(made.args), **crossing.ours(made.kwargs)).double()
        module.train(training)
        if info.is_lazy:
            module(*crossing.ours(given.args), **crossing.ours(given.kwargs))
        if list(module.state_dict()) != list(state):
            raise Departure(f"expected a state of {list(state)}, found {list(module.state_dict())}")
        if repr(module) != repr(their_module):
            result.fail("repr", f"{where}: expected {their_module!r}, found {module!r}")
        module.load_state_dict(seam.Crossing().ours(state))
        found = module(*crossing.ours(given.args), **crossing.ours(given.kwargs))
        result.samples += 1
        compare(found, theirs, TOLERANCES["value"], errors["value"], not random)
        if random:
            return
        compare(dict(module.state_dict()), dict(their_module.state_dict()), TOLERANCES["value"], Errors())
        variables = crossing.variables + list(zip(module.parameters(), their_module.parameters()))
        variables = [(a, b) for a, b in variables if b.requires_grad]
        outputs = differentiable(found, theirs)
        order = 1 + info.supports_gradgrad
        seed = zlib.crc32(f"{result.name} {where}".encode())
        check_gradients(result, where, outputs, variables, order, errors, seed)


def _check_wrong(result: Result, info: Any, mine: Callable, sample: Any, where: str) -> None:
    made, given = sample.constructor_input, sample.forward_input
    crossing = seam.Crossing()

    def call(kind: Callable, convert: Callable) -> None:
        module = kind(*convert(made.args), **convert(made.kwargs)).double()
        if given is not None:
            module(*convert(given.args), **convert(given.kwargs))

    try:
        call(info.module_cls, crossing.theirs)
    except Exception as error:
        expected = error
        with result.expecting("wrong call", where):
            check_raises(lambda: call(mine, crossing.ours), expected)
