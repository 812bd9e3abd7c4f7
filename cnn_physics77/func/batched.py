"""An array of one example that stands for those of a whole batch.

Within :func:`vmap` a tensor of the batch holds a :class:`Batched` as its array. It has the shape of one
example. Its ``value`` is the tensor of all of them, of which the first dimension counts the examples. So
there are two graphs. That of the tensors which the function sees belongs to the transforms inside, as
``vmap(grad(f))`` needs it. That of the values belongs to what is outside, for ``grad`` of a ``vmap``.

An operation of such tensors is computed on the values, by its rule (:mod:`.rules`) or by a loop. What is done
to the arrays themselves (masks, indices, checks), which has no gradient, is done to the arrays of the values
(NEP 13 and 18): shifted by one dimension where that is simple, else also by a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from cnn_physics77.core.autograd import LEAF, Node, node_of, sequence
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.kernels import order, scan
from cnn_physics77.core.kernels.runtime.layout import is_view
from cnn_physics77.core.operations.indexing.clone import clone, contiguous_format, preserve_format
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.tensor import Tensor, from_array

_numbers = count(1)


class Batch:
    """One call of a mapped function.

    Attributes:
        size: the number of examples.
        randomness: "error", "same" or "different": that of random numbers.
        number: a call inside another one has a higher number.
    """

    def __init__(self, size: int, randomness: str) -> None:
        self.size = size
        self.randomness = randomness
        self.number = next(_numbers)


class Batched(NDArrayOperatorsMixin):
    """The arrays of all examples of a batch."""

    __slots__ = ("batch", "since", "value")
    __array_priority__ = 2000

    def __init__(self, value: Tensor, batch: Batch) -> None:
        self.value = value
        self.batch = batch
        self.since = sequence.next()  # no node before it saved this value

    def detached(self) -> Batched:
        """The same without a history."""
        return Batched(self.value.detach(), self.batch)

    # ------------------------------------------------------------------------------ that of an example

    shape = property(lambda self: self.value.array.shape[1:])
    strides = property(lambda self: self.value.array.strides[1:])
    ndim = property(lambda self: self.value.array.ndim - 1)
    dtype = property(lambda self: self.value.array.dtype)
    itemsize = property(lambda self: self.value.array.itemsize)
    flags = property(lambda self: self.value.array.flags)
    base = property(lambda self: self.value.array if is_view(self.value.array) else None)
    ctypes = property(lambda self: self.__array__())

    @property
    def address(self) -> int:
        """Where the first element lies."""
        array = self.value.array
        return array.address if isinstance(array, Batched) else array.__array_interface__["data"][0]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterable:
        return (self[i] for i in range(len(self)))

    # ------------------------------------------------------------------------------ values that are read

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError(
            "vmap: cannot access the memory of a batched tensor, as out= and NumPy need it, or write it in "
            "place into a tensor that is not batched; use functions of tensors that return their results"
        )

    def item(self) -> Any:
        raise RuntimeError(
            "vmap: It looks like you're calling .item() on a Tensor, or attempting to use a Tensor in some "
            "data-dependent control flow. That is not supported: the values of the examples of a batch "
            "differ; use other operations, such as torch.where"
        )

    tolist = __float__ = __int__ = __index__ = __complex__ = item

    def __bool__(self) -> bool:
        """What all examples agree on: library code asks so for a value."""
        values = self.value.array
        if values.size and bool((values == values[:1]).all()):
            return bool(values.reshape(-1)[0])
        return self.item()

    def __repr__(self) -> str:
        text = repr(self.value).replace("\n", "\n    ")
        return f"BatchedTensor(lvl={self.batch.number}, bdim=0, value=\n    {text}\n)"

    # ------------------------------------------------------------------------------ what is computed

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        batch = innermost((*inputs, *out))
        assert batch is not None
        if method in ("reduce", "accumulate") and not out and _is_along(inputs, options, batch):
            result = _along(getattr(ufunc, method), inputs[0], {"axis": 0, **options})
        elif method == "__call__" and options.get("where", True) is True:
            result = ufunc(*_aligned(inputs, batch), **options)
        else:
            options = {**options, **({"out": out} if out else {})}
            return looped(getattr(ufunc, method), inputs, options, batch)
        if not out:
            return wrapped(result, batch)
        results = result if isinstance(result, tuple) else (result,)
        for place, each in zip(out, results):
            np.copyto(place, wrapped(each, batch), casting="same_kind")
        return out[0] if len(out) == 1 else out

    def __array_function__(self, function, types, arguments, options):
        return called(function, arguments, options, self.batch)

    def __getitem__(self, key: Any) -> Batched:
        keys = key if type(key) is tuple else (key,)
        if _is_basic(key):
            return Batched(self.value[(slice(None), *keys)], self.batch)
        return looped(np.ndarray.__getitem__, (self, key), {}, innermost((self, *keys)) or self.batch)

    def __setitem__(self, key: Any, value: Any) -> None:
        if not _is_basic(key):
            raise ValueError(f"vmap: expected a key of integers and slices, found {key!r}")
        _copied(self[key], value)

    T = property(lambda self: self.transpose())
    real = property(lambda self: wrapped(self.value.array.real, self.batch))
    imag = property(lambda self: wrapped(self.value.array.imag, self.batch))

    def reshape(self, *shape: Any, **options: Any) -> Batched:
        sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        if -1 in sizes:
            sizes = np.broadcast_to(np.zeros((), bool), self.shape).reshape(sizes).shape
        return wrapped(self.value.array.reshape(self.batch.size, *sizes, **options), self.batch)

    def transpose(self, *axes: Any) -> Batched:
        axes = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        axes = axes or tuple(range(self.ndim))[::-1]
        return wrapped(self.value.array.transpose(0, *(axis % self.ndim + 1 for axis in axes)), self.batch)

    def astype(self, dtype: Any, **options: Any) -> Batched:
        return wrapped(self.value.array.astype(dtype, **options), self.batch)

    def view(self, dtype: Any) -> Batched:
        return wrapped(self.value.array.view(dtype), self.batch)

    def copy(self, order: str = "C") -> Batched:
        order_kept = preserve_format if order == "K" else contiguous_format
        return Batched(clone(self.value, memory_format=order_kept), self.batch)

    def any(self, axis: Any = None, **options: Any) -> Any:
        """Without arguments it is a check, which is made for all examples at once; also :meth:`all`, and
        :meth:`min` and :meth:`max` of integers."""
        return self._check("any", axis, options)

    def all(self, axis: Any = None, **options: Any) -> Any:
        return self._check("all", axis, options)

    def min(self, axis: Any = None, **options: Any) -> Any:
        return self._check("min", axis, options)

    def max(self, axis: Any = None, **options: Any) -> Any:
        return self._check("max", axis, options)

    def _check(self, name: str, axis: Any, options: dict[str, Any]) -> Any:
        if (
            axis is None
            and options.keys() <= {"initial"}
            and (name in ("any", "all") or self.dtype.kind in "iub")
        ):
            return getattr(self.value.array, name)(**options)
        return called(getattr(np, name), (self,), {"axis": axis, **options})

    def __getattr__(self, name: str) -> Callable:
        function = getattr(np, name, None) or getattr(np.ndarray, name, None)
        if name.startswith("__") or not callable(function):
            raise AttributeError(name)
        return lambda *arguments, **options: called(function, (self, *arguments), options)


# ---------------------------------------------------------------------------------------- functions of NumPy


def _is_basic(key: Any) -> bool:
    """Whether indexing gives a view."""
    keys = key if type(key) is tuple else (key,)
    return all(part is None or part is ... or isinstance(part, (int, slice, np.integer)) for part in keys)


def innermost(values: Iterable) -> Batch | None:
    """The innermost batch that arrays or tensors belong to, also in tuples and lists of them."""
    found: Batch | None = None
    for value in values:
        if isinstance(value, Tensor):
            value = value.array
        batch = None
        if type(value) is Batched:
            batch = value.batch
        elif type(value) in (tuple, list):
            batch = innermost(value)
        if batch is not None and (found is None or batch.number > found.number):
            found = batch
    return found


def wrapped(result: Any, batch: Batch) -> Any:
    """Arrays of a whole batch, also in tuples and lists, as those of an example."""
    if isinstance(result, (tuple, list)):
        made = [wrapped(each, batch) for each in result]
        return type(result)(*made) if hasattr(result, "_fields") else type(result)(made)
    return Batched(from_array(np.asanyarray(result) if isinstance(result, np.generic) else result), batch)


def is_of(batch: Batch, x: Any) -> bool:
    """Whether a value is a tensor of this batch."""
    return isinstance(x, Tensor) and type(x.array) is Batched and x.array.batch is batch


def tensor_of(value: Tensor, batch: Batch) -> Tensor:
    """The tensor of an example, for that of all of them."""
    array: Any = Batched(value, batch)
    return from_array(array)


def value_of(x: Any, batch: Batch) -> Any:
    """The tensor of all examples, for one of this batch; anything else unchanged."""
    return x.array.value if is_of(batch, x) else x


def of_example(value: Any, batch: Batch, i: int) -> Any:
    """The value with the i-th example of the batch, in nested tuples, lists and dicts too. In the place of
    one of an empty batch there are zeros."""
    if isinstance(value, Tensor):
        if type(value.array) is not Batched or value.array.batch is not batch:
            return value
        return value.array.value[i] if batch.size else from_array(of_example(value.array, batch, i))
    if type(value) is Batched:
        if value.batch is not batch:
            return value
        return value.value.array[i] if batch.size else np.zeros(value.shape, value.dtype)
    if type(value) in (tuple, list):
        return type(value)(of_example(each, batch, i) for each in value)
    return {k: of_example(v, batch, i) for k, v in value.items()} if type(value) is dict else value


def _aligned(inputs: tuple, batch: Batch) -> list:
    """The arrays of all examples, with as many dimensions as broadcasting needs."""
    rank = max(np.ndim(each) for each in inputs)
    return [
        each.value.array.reshape(batch.size, *(1,) * (rank - each.ndim), *each.shape)
        if type(each) is Batched and each.batch is batch
        else each
        for each in inputs
    ]


def _shifted(axis: Any, rank: int) -> Any:
    if axis is None:
        return tuple(range(1, rank + 1))
    if isinstance(axis, tuple):
        return tuple(_shifted(each, rank) for each in axis)
    return axis + 1 if axis >= 0 else axis


def _is_along(arguments: tuple, options: dict[str, Any], batch: Batch) -> bool:
    """Whether the only argument, besides ``axis``, is an array of the batch."""
    first = arguments[0]
    plain = options.get("where", True) is True and options.get("out") is None
    return type(first) is Batched and first.batch is batch and plain and len(arguments) == 1


def _along(function: Callable, x: Batched, options: dict[str, Any]) -> Any:
    return function(x.value.array, **{**options, "axis": _shifted(options["axis"], x.ndim)})


ALONG = {
    np.sum, np.mean, np.any, np.all, np.min, np.max, np.amin, np.amax, np.prod, np.var, np.std,
    np.count_nonzero, np.squeeze, np.flip,
}  # fmt: skip
"""Functions of an array and ``axis``, which is None for all of them."""

LAST = {
    np.sort: -1, np.argsort: -1, np.argmax: None, np.argmin: None, np.cumsum: None, np.cumprod: None,
    order.argsort: -1, order.top: -1, order.nth: -1, scan.records: -1,
}  # fmt: skip
"""Functions of an array and ``axis``, None for the elements in one row, with its default."""

METADATA = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.common_type,
}  # fmt: skip
"""Functions that read no values."""

ELEMENTWISE = {
    np.isreal, np.where, np.nan_to_num, np.clip, np.isclose, np.real, np.imag, np.round, np.angle, np.sinc,
    np.i0,
}  # fmt: skip
"""Functions of elements that are no ufuncs."""

ALLOCATE = {np.empty, np.zeros, np.ones, np.full, np.arange, np.eye}
ALLOCATE_ALIKE = {np.empty_like, np.zeros_like, np.ones_like, np.full_like}


def called(function: Callable, arguments: tuple, options: dict[str, Any], like: Batch | None = None) -> Any:
    """``function(*arguments, **options)`` for all examples; ``like`` is the batch of an array with which
    NumPy's functions allocate."""
    if function in METADATA:
        return function(*map(_placeholder, arguments), **options)
    if function in (np.may_share_memory, np.shares_memory):
        return function(*map(_memory, arguments))
    if function is np.copyto:
        return _copied(*arguments, **options)
    batch = innermost((*arguments, *options.values())) or like
    assert batch is not None
    if function in ALLOCATE:
        made = function(*arguments, **options)
        return wrapped(np.broadcast_to(made, (batch.size, *made.shape)).copy(), batch)
    if function in ALLOCATE_ALIKE and type(arguments[0]) is Batched:
        if options.get("shape") is not None:
            options = {**options, "shape": (batch.size, *np.atleast_1d(options["shape"]))}
        return wrapped(function(arguments[0].value.array, *arguments[1:], **options), batch)
    if function in ELEMENTWISE and not options.get("out"):
        return wrapped(function(*_aligned(arguments, batch), **options), batch)
    if function in ALONG or function in LAST:
        x, *more = arguments
        if len(more) == 1:
            more, options = [], {**options, "axis": more[0]}
        if _is_along((x, *more), options, batch):
            axis = options.get("axis", LAST.get(function))
            if axis is None and function in LAST:
                x, axis = x.reshape(-1), 0
            return wrapped(_along(function, x, {**options, "axis": axis}), batch)
    if function is np.take_along_axis and len(arguments) > 2:
        shapes = [(batch.size, *each.shape) for each in arguments[:2]]
        pair = map(np.broadcast_to, _aligned(arguments[:2], batch), shapes)
        return wrapped(function(*pair, _shifted(arguments[2], 0)), batch)
    if function is np.ravel and type(arguments[0]) is Batched:
        return arguments[0].reshape(-1)
    if function is np.broadcast_to:
        (value,) = _aligned((arguments[0], np.empty((0,) * len(arguments[1]))), batch)[:1]
        return wrapped(np.broadcast_to(value, (batch.size, *arguments[1])), batch)
    return looped(function, arguments, options, batch)


def _placeholder(value: Any) -> Any:
    """An array of the shape and dtype, without memory."""
    return np.broadcast_to(np.zeros((), value.dtype), value.shape) if type(value) is Batched else value


def _memory(value: Any) -> Any:
    return _memory(value.value.array) if type(value) is Batched else value


SHAPED_BY_DATA = {np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract}
"""Functions whose results differ in shape."""

CHANGE_FIRST = {np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}
"""Functions that change their first argument, as ``ufunc.at`` does."""


def _check_place(place: Any, batch: Batch) -> None:
    if type(place) is not Batched or place.batch is not batch:
        raise RuntimeError(
            "vmap: inplace arithmetic is not possible because there exists a Tensor `other` that is being "
            "vmapped over, but `self` is not; use the operation without underscore, or make `self` from a "
            "batched tensor, e.g. with torch.zeros_like"
        )


def _copied(place: Any, source: Any, casting: str = "unsafe", where: Any = True) -> None:
    """``np.copyto``: the new values, with their history outside, go into the memory of the old ones, where
    views and detached tensors see them."""
    batch = innermost((place, source, where))
    assert batch is not None
    _check_place(place, batch)
    if where is not True:
        source = np.where(where, source, place)
    own = type(source) is Batched and source.batch is batch
    value = source.value if own else from_array(np.asarray(source) if np.isscalar(source) else source)
    target = place.value
    if own and value.ndim < target.ndim:
        value = reshape(value, (batch.size, *(1,) * (target.ndim - value.ndim), *value.shape[1:]))
    _keep_saved(target, value, place.since)
    target.copy_(value)
    place.since = sequence.next()


def _keep_saved(target: Tensor, value: Tensor, since: int) -> None:
    """Before a change in place of ``target``: what the nodes behind the new value that were recorded after
    ``since`` saved of the old ones stays as it is."""

    def kept(saved: Any) -> Any:
        if type(saved) is tuple:
            return tuple(map(kept, saved))
        if not isinstance(saved, Tensor) or saved.edge is LEAF:
            return saved
        if not np.may_share_memory(_memory(saved.array), _memory(target.array)):
            return saved
        copied = from_array(saved.array.copy())
        copied.edge = saved.edge
        return copied

    ahead, seen = [node_of(value.edge)], set()
    while ahead:
        node = ahead.pop()
        if isinstance(node, Node) and node.sequence > since and node not in seen:
            seen.add(node)
            ahead += node.parents
            node.saved = node.saved and kept(node.saved)


def looped(function: Callable, arguments: tuple, options: dict[str, Any], batch: Batch) -> Any:
    """A function of NumPy, for one example after another."""
    if function in SHAPED_BY_DATA:
        refuse_shapes(function.__name__)
    if function in CHANGE_FIRST or getattr(function, "__name__", "") == "at":
        _check_place(arguments[0], batch)
    say(getattr(function, "__name__", str(function)))
    results = [
        function(*of_example(arguments, batch, i), **of_example(options, batch, i))
        for i in range(max(batch.size, 1))
    ]
    return stacked(results, batch, np.stack)


def stacked(results: list, batch: Batch, stack: Callable) -> Any:
    """The results for all examples together, in tuples and lists too."""
    first = results[0]
    if isinstance(first, (tuple, list)):
        made = [stacked(list(column), batch, stack) for column in zip(*results)]
        return type(first)(*made) if hasattr(first, "_fields") else type(first)(made)
    if first is None or isinstance(first, (str, np.dtype)):
        return first
    if len({np.shape(result) for result in results}) > 1:
        refuse_shapes("the function")
    made = stack(results)[: batch.size]
    return Batched(made if isinstance(first, Tensor) else from_array(made), batch)


def refuse_shapes(name: str) -> None:
    raise RuntimeError(
        f"vmap: We do not support batching operators that can output dynamic shape, found {name}, whose "
        "results for the examples may differ in shape; use masks, e.g. with torch.where"
    )


def say(name: str) -> None:
    warn(
        "There is a performance drop because we have not yet implemented the batching rule for "
        f"{name}: vmap calls it for one example after another"
    )


__all__ = [
    "Batch",
    "Batched",
    "called",
    "innermost",
    "is_of",
    "looped",
    "of_example",
    "say",
    "stacked",
    "tensor_of",
    "value_of",
    "wrapped",
]
