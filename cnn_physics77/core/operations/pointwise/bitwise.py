"""Operations on the bits of integers, and on booleans. They have no derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import prepare
from cnn_physics77.core.operations.base.operation import as_tensor_input, check_tensor_among
from cnn_physics77.core.tensor import Tensor, from_array, method

_OPERANDS = (Tensor, int, np.integer, np.bool_, np.ndarray)


def _bitwise(name: str, ufunc: Callable, symbol: str, what: str, kinds: str = "biu") -> Callable:
    def function(input, other):
        check_tensor_among(name, input, other)
        a, b = (t.array for t in prepare(name, (input, other), broadcast=False))
        if a.dtype.kind not in kinds:
            expected = "integers or booleans" if "b" in kinds else "integers"
            raise DtypeError(
                f"{name}: expected {expected}, found torch.{a.dtype}; convert the inputs, e.g. with .long()"
            )
        try:
            return from_array(as_array(ufunc(a, b)))
        except ValueError:
            raise ShapeError(
                f"{name}: expected shapes that broadcast, found {a.shape} and {b.shape}; reshape one of them"
            ) from None

    def operator(self, other):
        return function(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def reflected(self, other):
        return function(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{what}, elementwise, with broadcasting and type promotion; the operator {symbol}.

    Raises:
        DtypeError: floating or complex{"" if "b" in kinds else ", or boolean"}.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.{name}(torch.tensor([12, 5]), torch.tensor([2, 3]))
    {from_array(ufunc(np.array([12, 5]), np.array([2, 3])))}
    """
    operators = {"&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift"}
    method(f"__{operators[symbol]}__")(operator)
    method(f"__r{operators[symbol]}__")(reflected)
    return method(name)(function)


bitwise_and = _bitwise("bitwise_and", np.bitwise_and, "&", "The bits set in both")
bitwise_or = _bitwise("bitwise_or", np.bitwise_or, "|", "The bits set in at least one")
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor, "^", "The bits set in exactly one")
bitwise_left_shift = _bitwise(
    "bitwise_left_shift", np.left_shift, "<<", "a shifted left by b bits: a 2^b", "iu"
)
bitwise_right_shift = _bitwise(
    "bitwise_right_shift", np.right_shift, ">>", "a shifted right by b bits: floor(a / 2^b)", "iu"
)


@method("bitwise_not", "__invert__")
def bitwise_not(input: Tensor) -> Tensor:
    """All bits inverted: -x - 1 for integers, not x for booleans; the operator ~.

    Raises:
        DtypeError: floating or complex.

    >>> import cnn_physics77 as torch
    >>> torch.bitwise_not(torch.tensor([5, -1])), ~torch.tensor([True])
    (tensor([-6,  0]), tensor([False]))
    """
    array = as_tensor_input("bitwise_not", input).array
    if array.dtype.kind not in "biu":
        raise DtypeError(
            f"bitwise_not: expected integers or booleans, found torch.{array.dtype}; convert with .long() or "
            ".bool()"
        )
    return from_array(as_array(np.invert(array)))


__all__ = [
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
]
