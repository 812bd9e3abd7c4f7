"""Signatures: the names, order and defaults of parameters in both frameworks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import torch

import cnn_physics77 as ours_package
from cnn_physics77.testing.conformance.measure import Departure
from cnn_physics77.testing.conformance.results import Result

UNUSED = frozenset({"layout", "pin_memory", "device", "names", "out"})
"""Parameters that have one possible value here, or that the common keywords add."""

OF_SPLIT = dict.fromkeys(("sections", "indices", "tensor_indices_or_sections"), "indices_or_sections")
"""The name that PyTorch's documentation gives to these parameters of ``tensor_split`` and its kind."""

OF_NUMBERS = {"test_element": "test_elements", "element": "elements"}
"""The names that ``isin`` has for tensors, and an overload for numbers calls otherwise."""

_INT64 = 4
"""Of the numbers that stand for dtypes in PyTorch's schemas."""


def check_function(result: Result, path: str, mine: Callable, theirs: Callable) -> None:
    """Compare the signature of a function with each of PyTorch's overloads."""
    own = inspect.signature(mine)
    all_theirs = list(overloads(path, theirs, own))
    for overload in all_theirs:
        with result.expecting("signature", f"{path}{overload}"):
            check_parameters(own, overload, all_theirs)
    with result.expecting("signature", path):
        check_defaults(own, all_theirs)


def check_class(result: Result, path: str, mine: type, theirs: type) -> None:
    """Compare the signatures of two classes, which are written in Python in both frameworks."""
    with result.expecting("signature", path):
        own, expected = (
            [(n, p.default) for n, p in inspect.signature(kind).parameters.items()] for kind in (mine, theirs)
        )
        if [n for n, _ in expected] == ["args", "kwargs"]:
            if vars(theirs).get("__init__") is not None:  # it says no more
                return
            expected = []
        if [n for n, _ in own] != [n for n, _ in expected]:
            raise Departure(f"expected {[n for n, _ in expected]}, found {[n for n, _ in own]}")
        for (name, a), (_, b) in zip(own, expected):
            if (a is None) != (b is None) or not same_default(a, b):
                raise Departure(f"the default of {name} is {a!r}, expected {b!r}")


def check_parameters(
    own: inspect.Signature, overload: inspect.Signature, overloads: list[inspect.Signature]
) -> None:
    """Raise a Departure unless the overload's arguments can be given by place and by name.

    A place may have the name that it has in another overload, as in ``max(input, dim)`` and
    ``max(input, other)``, or a private one, as ``torch.softmax`` and ``functional.softmax`` differ there.
    """
    unused = UNUSED - own.parameters.keys()
    places = _places(overload, unused)
    names = {n for n, p in overload.parameters.items() if p.kind is p.KEYWORD_ONLY} - unused
    sizes = {n for n, p in own.parameters.items() if p.kind is p.VAR_POSITIONAL}  # size= is taken, too
    try:
        bound = own.bind(*places, **{n: n for n in names})
        own.bind(**{n: n for n in (*places, *names) if n not in sizes})
    except TypeError as error:
        raise Departure(f"{error}; ours is {own}") from None
    for index, (place, value) in enumerate(bound.arguments.items()):
        elsewhere = {o[index] for o in (_places(o, unused) for o in overloads) if index < len(o)}
        if isinstance(value, str) and place != value and place[0] != "_" and place not in elsewhere:
            raise Departure(f"the order differs: {place} is in the place of {value}; ours is {own}")


def _places(overload: inspect.Signature, unused: frozenset[str]) -> list[str]:
    """The names of the positional parameters."""
    return [
        n for n, p in overload.parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD and n not in unused
    ]


def check_defaults(own: inspect.Signature, theirs: list[inspect.Signature]) -> None:
    """Raise a Departure unless each default is that of an overload, or None: found by the function."""
    for name, parameter in own.parameters.items():
        defaults = [o.parameters[name].default for o in theirs if name in o.parameters]
        defaults = [d for d in defaults if d is not parameter.empty]
        if defaults and not any(same_default(parameter.default, d) for d in defaults):
            raise Departure(f"the default of {name} is {parameter.default!r}, expected {defaults[0]!r}")


def same_default(mine: Any, theirs: Any) -> bool:
    """Whether two defaults mean the same: ``[1, 1]`` is ``1`` in each dimension."""
    if mine is None or str(mine) == str(theirs):
        return True
    if theirs is None:
        return isinstance(mine, ours_package.memory_format)  # the one that PyTorch takes then
    if isinstance(theirs, (list, tuple)):
        return list(mine) == list(theirs) if isinstance(mine, (list, tuple)) else {mine} == set(theirs)
    if inspect.isroutine(mine):
        return inspect.isroutine(theirs) and bool(mine.__name__ == theirs.__name__)
    if isinstance(mine, (type, ours_package.dtype)):
        return theirs == _INT64
    return bool(mine == theirs)


def overloads(path: str, function: Callable, own: inspect.Signature) -> Iterator[inspect.Signature]:
    """The signatures that PyTorch's function can be called with.

    What the schemas call ``self`` is ``input``. The first parameter has the documented name, if ours has it.
    """
    if inspect.isfunction(function):
        signature = inspect.signature(function)
        if list(signature.parameters) != ["args", "kwargs"]:
            yield signature
        return
    name = path.removeprefix("nn.functional.").replace(".", "_")
    documented = re.search(rf"\b{path.rpartition('.')[2]}\((\w+)", function.__doc__ or "")
    first = documented[1] if documented and documented[1] in own.parameters else ""
    seen = set()
    for schema in torch._C._jit_get_schemas_for_operator(f"aten::{name}"):
        full = f"{schema.name}.{schema.overload_name}".removesuffix(".")
        names = tuple(a.name for a in schema.arguments)
        if torch._C._dispatch_has_kernel(full) and not any(_is_internal(a) for a in schema.arguments):
            if names not in seen:  # a number in the place of a tensor is the same signature
                yield _signature(schema, first, path.endswith("split"))
            seen.add(names)


def _is_internal(argument: Any) -> bool:
    """Whether the overload has an output, names dimensions, or is for another device."""
    return argument.is_out or "Dimname" in str(argument.type) or argument.name in ("out", "out_dtype")


def _signature(schema: Any, first: str, is_split: bool) -> inspect.Signature:
    kind = inspect.Parameter
    renamed = OF_SPLIT if is_split else OF_NUMBERS
    names = [renamed.get(a.name, "input" if a.name == "self" else a.name) for a in schema.arguments]
    if first and first not in names:
        names[0] = first
    return inspect.Signature(
        [
            kind(
                name,
                kind.KEYWORD_ONLY if a.kwarg_only else kind.POSITIONAL_OR_KEYWORD,
                default=a.default_value if a.has_default_value() else kind.empty,
            )
            for name, a in zip(names, schema.arguments)
        ]
    )
