"""One entry of PyTorch's database of operations, ``op_db``, in both frameworks."""

from __future__ import annotations

import inspect
import traceback
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any
from unittest.mock import patch

import torch

import cnn_physics77 as ours_package
from cnn_physics77.testing.conformance import groups, seam, signatures
from cnn_physics77.testing.conformance.forms import check_forms, check_names
from cnn_physics77.testing.conformance.gradients import check_gradients, differentiable
from cnn_physics77.testing.conformance.measure import Departure, Errors, compare, leaves
from cnn_physics77.testing.conformance.results import TOLERANCES, Result, portion

OTHER_DTYPES = {torch.float32, torch.complex64, torch.int64, torch.int32, torch.uint8, torch.bool}
"""Dtypes in which the kinds of results are compared."""


@cache
def entries() -> dict[str, Any]:
    """The database, by name."""
    from torch.testing._internal.common_methods_invocations import op_db

    return {info.full_name: info for info in op_db}


def check(name: str, tenth: bool) -> Result:
    """Compare the entry: its samples and wrong calls, its signature, and its methods."""
    info = entries()[name]
    result = Result(name)
    try:
        if reason := groups.left_out(name):
            raise seam.Absent(reason)
        mine = ours_of(info)
    except seam.Absent as reason:
        result.absent = str(reason)
        return result
    number = zlib.crc32(name.encode()) if tenth else None
    errors = {kind: Errors() for kind in TOLERANCES}
    if inspect.isroutine(info.op) and not info.op.__name__.startswith("<"):
        with suppress(seam.Absent):
            if seam.resolve(torch, name_of(info)) is info.op:
                signatures.check_function(result, name_of(info), mine, info.op)
    for dtype in dtypes_of(info):
        samples = _samples(info, dtype)
        for index, sample in portion(samples, number):
            where = f"{str(dtype).removeprefix('torch.')} sample {index}"
            run = result.samples
            _check_sample(result, info, mine, sample, dtype, where, errors)
            if result.absent:
                return result
            if result.samples > run and info.name not in groups.RANDOM | groups.GAUGE | groups.DROPPING:
                check_forms(result, info, sample, where)
                if sample is samples[0]:
                    check_names(result, info, sample, where)
    for dtype in OTHER_DTYPES & info.supported_dtypes("cpu"):
        for index, sample in portion(_samples(info, dtype, False), number):
            _check_dtype(result, info, mine, sample, f"{str(dtype).removeprefix('torch.')} sample {index}")
    _check_wrong_calls(result, info, mine, number)
    result.keep_errors(errors)
    return result


def name_of(info: Any) -> str:
    """The path of the operation below ``torch`` or ``torch.Tensor``."""
    name: str = info.name.removeprefix("torch.")
    return name


def ours_of(info: Any) -> Callable:
    """Our function, or PyTorch's test function on our functions.

    Raises:
        Absent: this package does not have the operation.
    """
    name = name_of(info)
    for theirs, mine in ((torch, ours_package), (torch.Tensor, ours_package.Tensor)):
        with suppress(seam.Absent):
            found = seam.resolve(theirs, name)
            own: Callable = seam.resolve(mine, name)
            return own if found is info.op else seam.function(info.op)
    if name in groups.METHODS:
        seam.resolve(ours_package.Tensor, groups.METHODS[name])
        return seam.function(info.op)
    raise seam.Absent(f"{seam.OWN} has no {name}")


def dtypes_of(info: Any) -> list[torch.dtype]:
    """float64 and complex128, where the entry has them; else int64 or bool."""
    supported = info.supported_dtypes("cpu")
    found = [d for d in (torch.float64, torch.complex128) if d in supported]
    return found or [d for d in (torch.int64, torch.bool) if d in supported][:1]


def _samples(info: Any, dtype: torch.dtype, variables: bool = True) -> list[Any]:
    variables = variables and info.supports_autograd and dtype in info.supported_backward_dtypes("cpu")
    return _drawn(lambda: info.sample_inputs("cpu", dtype, requires_grad=variables))


def _drawn(inputs: Callable[[], Iterable[Any]]) -> list[Any]:
    """The inputs, drawn from the same random numbers each time.

    PyTorch searches the stack for the test that draws them, and keeps its text with each seed of an
    accelerator that is not there. That would take longer than all comparisons.
    """
    with patch.object(inspect, "stack", list), patch.object(traceback, "format_stack", list):
        torch.manual_seed(0)
        return list(inputs())


def _check_dtype(result: Result, info: Any, mine: Callable, sample: Any, where: str) -> None:
    """Compare the dtype and the shape, and values that are integers: those in single precision depend on the
    processor."""
    crossing = seam.Crossing()
    given = (sample.input, sample.args, sample.kwargs)
    try:
        first, args, named = crossing.theirs(given)
        theirs = info.op(first, *args, **named)
    except Exception:
        return
    with result.expecting("dtype", where):
        first, args, named = crossing.ours(given)
        found = mine(first, *args, **named)
        exact = info.name not in groups.RANDOM | groups.GAUGE | groups.TIES
        for a, b in zip(leaves(found), leaves(theirs), strict=True):
            whole = isinstance(b, torch.Tensor) and not (b.is_floating_point() or b.is_complex())
            compare(a, b, TOLERANCES["value"], Errors(), exact and whole)


def _check_sample(
    result: Result,
    info: Any,
    mine: Callable,
    sample: Any,
    dtype: torch.dtype,
    where: str,
    errors: dict[str, Errors],
) -> None:
    random = info.name in groups.RANDOM or bool(sample.kwargs.get("dropout_p"))
    order = 0 if random else 1 + info.supports_gradgrad
    crossing = seam.Crossing()
    given = (sample.input, sample.args, sample.kwargs)
    try:
        first, args, named = crossing.theirs(given)
        theirs = info.op(first, *args, **named)
        after = sample.output_process_fn_grad(theirs)
    except seam.Absent as reason:
        result.skip(str(reason))
        return
    except Exception as error:
        result.skip(f"PyTorch raises {type(error).__name__}")
        return
    found = None
    with result.expecting("value", where):
        first, args, named = crossing.ours(given)
        try:
            found = mine(first, *args, **named)
        except AttributeError as error:
            if not _is_missing(error):
                raise
            result.absent = str(error)
            return
        result.samples += 1
        if info.name in groups.GAUGE:
            process = seam.function(sample.output_process_fn_grad)
            compare(process(found), after, TOLERANCES["value"], errors["value"])
        else:
            compare(found, theirs, TOLERANCES["value"], errors["value"], not random)
        if order:
            process = seam.function(sample.output_process_fn_grad)
            outputs = differentiable(process(found), after)
            seed = zlib.crc32(f"{result.name} {where}".encode())
            check_gradients(result, where, outputs, crossing.variables, order, errors, seed)


def _is_missing(error: AttributeError) -> bool:
    """Whether the error says that this package lacks a function or a method."""
    text = str(error)
    return seam.OWN in text or "'Tensor' object has no attribute" in text


def _check_wrong_calls(result: Result, info: Any, mine: Callable, number: int | None) -> None:
    if info.error_inputs_func is None:
        return
    for index, wrong in portion(_drawn(lambda: info.error_inputs("cpu")), number):
        sample, crossing = wrong.sample_input, seam.Crossing()
        given = (sample.input, sample.args, sample.kwargs)
        try:
            first, args, named = crossing.theirs(given)
            info.op(first, *args, **named)
            continue  # it is wrong in another way, such as a warning
        except seam.Absent as reason:
            result.skip(str(reason))
            continue
        except Exception as error:
            expected = error
        with result.expecting("wrong call", f"wrong call {index}"):
            first, args, named = crossing.ours(given)
            check_raises(lambda: mine(first, *args, **named), expected)  # noqa: B023


def check_raises(call: Callable[[], Any], expected: Exception) -> None:
    """Raise a Departure unless the call raises what is caught like the expected exception."""
    kind: Any = next(k for k in type(expected).__mro__ if k.__module__ == "builtins")
    if kind is NotImplementedError:  # of dtypes; it is a RuntimeError, too
        kind = RuntimeError
    theirs = f"expected {kind.__name__} ({str(expected).partition(chr(10))[0]})"
    try:
        call()
    except kind:
        return
    except Exception as error:
        raise Departure(f"{theirs}, found {type(error).__name__}: {error}") from error
    raise Departure(f"{theirs}, found no error")
