"""The protocols of NumPy and Python: a tensor as an array, a number or a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import GradientError, ShapeError
from cnn_physics77.core.recording import recording


class ArrayProtocol:
    """Lets an object with an ``array``, and an ``edge`` if it requires grad, act as an array, number or
    sequence.

    ``numpy.asarray(t)`` shares the tensor's memory; ``numpy.array(t)`` and a change of the dtype copy it. A
    ufunc of tensors, such as ``numpy.sqrt(t)``, returns a tensor; it is not recorded.
    """

    array: np.ndarray
    edge: Any
    mark_changed: Callable[[], None]
    _wrapped: Callable[[Any], Any]

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as a NumPy array that shares the memory.

        Raises:
            GradientError: the tensor requires grad, which an array cannot record, recording is on, and
                ``force`` is False.
        """
        if self.edge is not None and not force and recording():
            raise GradientError(
                "numpy: can't call numpy() on Tensor that requires grad; use tensor.detach().numpy() instead"
            )
        return np.asanyarray(self.array)  # an array of a transform raises

    def item(self):
        """The value of a tensor of one element, as a Python number."""
        if self.array.size != 1:
            raise ShapeError(
                f"item: expected a tensor of one element, found shape {self.array.shape}; index or reduce it "
                "first"
            )
        return self.array.item()

    def tolist(self):
        """The values as nested lists of Python numbers."""
        return self.array.tolist()

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    __array_priority__ = 1000  # ndarray * Tensor is a Tensor

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        # NumPy calls this for ndarray * Tensor; the reflected operator of Tensor computes it.
        if (
            method == "__call__"
            and not kwargs
            and len(inputs) == 2
            and isinstance(inputs[0], np.ndarray | np.generic)
        ):
            reflected = _REFLECTED.get(ufunc)
            if reflected is not None:
                return getattr(inputs[1], reflected)(inputs[0])
        out = kwargs.get("out", ())
        if any(isinstance(value, ArrayProtocol) and value.edge is not None for value in (*inputs, *out)):
            raise GradientError(
                f"numpy.{ufunc.__name__}: expected an array, found a Tensor that requires grad; use the "
                "function of the same name of cnn_physics77, or .detach()"
            )
        arrays = [value.array if isinstance(value, ArrayProtocol) else value for value in inputs]
        if not out:
            result = getattr(ufunc, method)(*arrays, **kwargs)
            return tuple(map(self._wrapped, result)) if isinstance(result, tuple) else self._wrapped(result)
        kwargs["out"] = tuple(value.array if isinstance(value, ArrayProtocol) else value for value in out)
        getattr(ufunc, method)(*arrays, **kwargs)
        for value in out:
            if isinstance(value, ArrayProtocol):
                value.mark_changed()
        return out[0] if len(out) == 1 else out

    def __array_wrap__(self, array, context=None, return_scalar: bool = False):
        return self._wrapped(array)

    def __dlpack__(self, **kwargs):
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len: expected a tensor of at least one dimension, found a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator:
        if self.array.ndim == 0:
            raise TypeError("iteration: expected a tensor of at least one dimension, found a 0-d tensor")
        tensor: Any = self  # its indexing is an operation
        return (tensor[i] for i in range(self.array.shape[0]))

    @silent
    def __contains__(self, value) -> bool:
        return np.any(self.array == (value.array if isinstance(value, ArrayProtocol) else value)).item()

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ShapeError(
                f"bool: the truth of a tensor of {self.array.size} elements is ambiguous, found "
                f"shape {self.array.shape}; use .any() or .all()"
            )
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.array.size != 1 or self.array.dtype.kind not in "iub":
            raise TypeError(
                "index: only integer tensors of a single element can be converted to an index, found shape "
                f"{self.array.shape} of torch.{self.array.dtype}"
            )
        return int(self.array.item())

    def __format__(self, specification: str) -> str:
        return (
            format(self.item(), specification)
            if self.array.ndim == 0
            else object.__format__(self, specification)
        )


_REFLECTED = {
    np.add: "__radd__",
    np.subtract: "__rsub__",
    np.multiply: "__rmul__",
    np.true_divide: "__rtruediv__",
    np.floor_divide: "__rfloordiv__",
    np.remainder: "__rmod__",
    np.power: "__rpow__",
    np.matmul: "__rmatmul__",
    np.equal: "__eq__",
    np.not_equal: "__ne__",
    np.less: "__gt__",
    np.less_equal: "__ge__",
    np.greater: "__lt__",
    np.greater_equal: "__le__",
    np.bitwise_and: "__rand__",
    np.bitwise_or: "__ror__",
    np.bitwise_xor: "__rxor__",
    np.left_shift: "__rlshift__",
    np.right_shift: "__rrshift__",
}
"""The operator of Tensor that computes an expression with an array on the left."""


__all__ = ["ArrayProtocol"]
