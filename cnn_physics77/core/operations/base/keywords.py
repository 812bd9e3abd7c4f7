"""Keywords that PyTorch takes besides the parameters of a function: NumPy's names of two, and ``out``.

``axis`` is ``dim`` and ``keepdims`` is ``keepdim``, in every function and method that has these. ``out`` is a
tensor, or a tuple of them, that the result of a function is written to. Sizes that are given as several
arguments, ``zeros(2, 3)``, can also be given as ``size=(2, 3)``. What takes ``device`` also takes ``layout``
and ``pin_memory``, which have no effect.

The functions themselves know nothing of this. :func:`complete` replaces them by :func:`completed` ones when
the operations are imported, so that only calls through the public names pay for it: the operators, and the
methods without ``dim``, are the functions as they are declared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import isfunction, unwrap
from types import ModuleType
from typing import Any

import numpy as np

from cnn_physics77.core.backend.device import check_layout
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.operations.base.inplace_base import check_writable, write
from cnn_physics77.core.operations.base.operation import VARARGS
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor

NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}

_VIEWS_AND_SHAPES = """
adjoint as_strided as_strided_scatter as_tensor atleast_1d atleast_2d atleast_3d broadcast_tensors
broadcast_to chunk clone conj diag_embed diagflat diagonal diagonal_scatter dsplit fftshift flatten flip
fliplr flipud hsplit ifftshift imag meshgrid moveaxis movedim narrow permute positive ravel real
repeat_interleave reshape resize_as_ resolve_conj resolve_neg roll rot90 select select_scatter split
split_with_sizes squeeze swapaxes swapdims t tensor_split tile transpose unbind unflatten unsafe_chunk
unsafe_split unsafe_split_with_sizes unsqueeze view_as_complex view_as_real vsplit
"""
_WINDOWS = """
bartlett bartlett_window blackman blackman_window cosine exponential gaussian general_cosine general_hamming
hamming hamming_window hann hann_window kaiser kaiser_window nuttall
"""
_OTHERS = """
allclose argwhere asarray bincount block_diag cartesian_prod cdist combinations conj_physical_ corrcoef
count_nonzero cov cumulative_trapezoid det dist einsum empty_like empty_permuted empty_strided equal
fake_quantize_per_channel_affine fake_quantize_per_tensor_affine fill from_dlpack frombuffer full_like
gradient histogramdd index_fill index_put is_conj is_neg is_nonzero isclose isfinite isinf isnan isreal istft
logdet masked_fill masked_scatter matrix_exp norm ones_like pinverse poisson put rand_like randint_like
randn_like rsub scalar_tensor std_mean stft trace trapezoid trapz tril_indices triu_indices unique
unique_consecutive unravel_index vander var_mean zero_ zeros_like
"""
WITHOUT_OUT = frozenset((_VIEWS_AND_SHAPES + _WINDOWS + _OTHERS).split())
"""The functions of ``torch`` that do not take ``out``."""

_OF_NETWORKS = """
avg_pool2d avg_pool3d gelu hardshrink linear log_softmax logsigmoid normalize sigmoid softmax softplus
softshrink
"""
WITH_OUT = {"nn": frozenset(_OF_NETWORKS.split()), "masked": frozenset[str]()}
"""Of these families, the functions that do."""

_OUT_OF_THE_DTYPE = frozenset({"aminmax", "complex", "gather", "multinomial", "polar"})
"""The functions whose ``out`` must have the dtype of the result; others convert it."""

_OUT_APART = frozenset({"cat", "gather", "index_select", "kthvalue", "masked_select", "take"})
"""The functions whose ``out`` must not be an input."""

_OUT_OF_ANOTHER_DTYPE = frozenset({"matrix_norm", "norm", "vector_norm", "view_copy"})
"""The functions whose ``dtype`` is not that to convert the result to: ``out`` does not decide it."""


def completed(function: Callable, takes_out: bool = True, name: str | None = None) -> Callable:
    """The function, with the keywords. Also a decorator, for functions that are not in ``__all__`` of their
    module.

    Args:
        name: in messages; None takes the function's.

    >>> def total(input, dim=None):
    ...     return input, dim
    >>> completed(total, False)(1, axis=2)
    (1, 2)
    """
    name = name or function.__name__
    parameters = _parameters(function)
    has_dim = not parameters.isdisjoint(NUMPY_NAMES.values())
    has_sizes = _collects_sizes(function)
    decides_dtype = "dtype" in parameters and name not in _OUT_OF_ANOTHER_DTYPE
    has_device = "device" in parameters
    if not (has_dim or takes_out or has_sizes or has_device):
        return function

    @wraps(function)
    def called(*args, **named):
        if named:
            if has_dim:
                for given, meant in NUMPY_NAMES.items():
                    if given in named:
                        if meant in named:
                            raise TypeError(f"{name}: expected {meant} or {given}, found both; leave one out")
                        named[meant] = named.pop(given)
            if has_sizes and "size" in named:
                args = (*args, named.pop("size"))
            if has_device:
                named.pop("pin_memory", None)
                check_layout(name, named.pop("layout", None))
            if takes_out and "out" in named:
                out = named.pop("out")
                if out is not None:
                    return written(name, function, out, args, named, decides_dtype)
        return function(*args, **named)

    return called


def _parameters(function: Callable) -> frozenset[str]:
    code = unwrap(function).__code__
    return frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def _collects_sizes(function: Callable) -> bool:
    """Whether the function has a parameter ``*size``."""
    code = unwrap(function).__code__
    stars = code.co_argcount + code.co_kwonlyargcount
    return bool(code.co_flags & VARARGS) and code.co_varnames[stars] == "size"


def number_first(keyword: str) -> Callable[[Callable], Callable]:
    """Decorator: the function also takes this number in PyTorch's deprecated place, after the first argument.

    >>> @number_first("alpha")
    ... def add(input, other, *, alpha=1):
    ...     return input + alpha * other
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     add(1, 10, 2)
    21
    """

    def decorate(function: Callable) -> Callable:
        count = unwrap(function).__code__.co_argcount

        @wraps(function)
        def called(*args, **named):
            if len(args) != count + 1 or keyword in named:
                return function(*args, **named)
            name = function.__name__.removeprefix("_")
            warn(
                f"This overload of {name} is deprecated: {name}(Number {keyword}, Tensor other). Consider "
                f"using one of the following signatures instead: {name}(Tensor other, *, Number {keyword})"
            )
            return function(args[0], *args[2:], **{keyword: args[1]}, **named)

        return called

    return decorate


def written(
    name: str, function: Callable, out, args: tuple, named: dict[str, Any], decides_dtype: bool
) -> Any:
    """``out``, with the results of the call."""
    outputs = tuple(out) if isinstance(out, (tuple, list)) else (out,)
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"{name}: argument 'out' must be Tensor, not {type(output).__name__}; create one, e.g. with "
                "torch.empty()"
            )
    if decides_dtype and named.get("dtype") is None:
        named["dtype"] = outputs[0].dtype
    _check_overlap(name, outputs, (*args, *named.values()))
    result = function(*args, **named)
    results = result if isinstance(result, tuple) else (result,)
    if len(outputs) != len(results):
        raise TypeError(f"{name}: expected out to have {len(results)} tensors, found {len(outputs)}")
    if recording() and any(t.edge is not None for t in (*results, *outputs)):
        raise GradientError(
            f"{name}: functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad; leave out= away, or use no_grad()"
        )
    for output, value in zip(outputs, results):
        if name in _OUT_OF_THE_DTYPE and output.array.dtype != value.array.dtype:
            raise DtypeError(
                f"{name}: Expected out tensor to have dtype {value.dtype}, but got {output.dtype} instead"
            )
        _resize(name, output, value.array.shape, args)
        write(name, output, value.array)
    return type(result)(*outputs) if hasattr(result, "_fields") else out


def _check_overlap(name: str, outputs: tuple[Tensor, ...], given: tuple) -> None:
    """Raise a ShapeError if ``out`` lies in a part of an input's memory. All of it is possible where results
    are computed element by element. As in PyTorch, memory with gaps is not compared."""
    inputs = [
        t for g in given for t in (g if isinstance(g, (tuple, list)) else (g,)) if isinstance(t, Tensor)
    ]
    for output in outputs:
        if name in _OUT_APART:
            check_writable(name, output)
        for x in inputs:
            a, b = x.array, output.array
            same = a.ctypes.data == b.ctypes.data and a.shape == b.shape and a.strides == b.strides
            dense = a.flags.forc and b.flags.forc
            if (name in _OUT_APART or not same) and dense and np.may_share_memory(a, b):
                raise ShapeError(
                    f"{name}: unsupported operation: some elements of the input tensor and the written-to "
                    "tensor refer to a single memory location; clone one of them"
                )


def _resize(name: str, output: Tensor, shape: tuple[int, ...], given: tuple) -> None:
    if output.array.shape == shape:
        return
    if any(output is value for value in given):
        raise ShapeError(
            f"{name}: output with shape {list(output.shape)} doesn't match the broadcast shape "
            f"{list(shape)}; an input cannot be resized, leave out= away"
        )
    if output.array.size:
        warn(
            f"An output with one or more elements was resized since it had shape {list(output.array.shape)}, "
            f"which does not match the required output shape {list(shape)}. This behavior is deprecated: "
            "give one of this shape, or one without elements."
        )
    output.array = np.empty(shape, output.array.dtype)


def complete(package: str) -> None:
    """Replace the public functions of the package's modules, and the methods of Tensor that have ``dim``."""
    here = sys.modules[package]
    for path, module in tuple(sys.modules.items()):
        if path.startswith(f"{package}.") and not path.startswith(f"{package}.base."):
            complete_module(module, path.removeprefix(f"{package}.").partition(".")[0])
            for name in getattr(module, "__all__", ()):
                setattr(here, name, getattr(module, name))
    complete_methods()


_made: dict[Callable, Callable] = {}


def complete_module(module: ModuleType, family: str) -> None:
    """Replace the public functions of a module. Few of those of ``nn`` take ``out``, as in PyTorch."""
    with_out = WITH_OUT.get(family)
    for name in getattr(module, "__all__", ()):
        function = getattr(module, name)
        if isfunction(function):
            takes_out = name not in WITHOUT_OUT if with_out is None else name in with_out
            if function not in _made:
                _made[function] = completed(function, takes_out)
                _made[_made[function]] = _made[function]
            setattr(module, name, _made[function])


def complete_methods(names: Iterable[str] | None = None) -> None:
    """Replace the methods of Tensor that have ``dim``; None stands for all of them."""
    for kind in reversed(Tensor.__mro__):
        for name in tuple(vars(kind)) if names is None else names:
            member = vars(kind).get(name)
            if isfunction(member) and (method := completed(member, False, name)) is not member:
                method.__name__, method.__qualname__ = name, f"Tensor.{name}"  # it is found there by pickle
                method.__module__ = Tensor.__module__
                setattr(Tensor, name, method)
