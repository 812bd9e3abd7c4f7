"""Branches and loops as functions, and functions of Python numbers: PyTorch has them for its compilers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any


def cond(pred: Any, true_fn: Callable, false_fn: Callable, operands: Sequence = ()) -> Any:
    """``true_fn(*operands)`` if ``pred`` holds, else ``false_fn(*operands)``.

    Args:
        pred: a boolean, or a tensor of one element.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor(4.0)
    >>> torch.cond(x > 0, torch.sqrt, torch.neg, (x,))
    tensor(2.)
    """
    return true_fn(*operands) if pred else false_fn(*operands)


def while_loop(cond_fn: Callable, body_fn: Callable, carried_inputs: Sequence) -> tuple:
    """``carried = body_fn(*carried)`` while ``cond_fn(*carried)`` holds.

    Args:
        body_fn: returns as many values as it takes, as a tuple, or the one.

    >>> import cnn_physics77 as torch
    >>> i, x = torch.tensor(0), torch.tensor(1.0)
    >>> torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, 2 * x), (i, x))
    (tensor(3), tensor(8.))
    """
    carried = tuple(carried_inputs)
    while cond_fn(*carried):
        found = body_fn(*carried)
        carried = tuple(found) if isinstance(found, (tuple, list)) else (found,)
    return carried


def sym_int(a: Any) -> int:
    """``int(a)``."""
    return int(a)


def sym_float(a: Any) -> float:
    """``float(a)``."""
    return float(a)


def sym_max(a: Any, b: Any) -> Any:
    """The larger number; a float if one of them is.

    >>> sym_max(1, 2), sym_max(1.0, 2)
    (2, 2.0)
    """
    return _of_both(max, a, b)


def sym_min(a: Any, b: Any) -> Any:
    """The smaller number; a float if one of them is."""
    return _of_both(min, a, b)


def _of_both(choose: Callable, a: Any, b: Any) -> Any:
    found = choose(a, b)
    return float(found) if isinstance(a, float) or isinstance(b, float) else found


def sym_not(a: bool) -> bool:
    """``not a``."""
    return not a


def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """``t if b else f``."""
    return t if b else f


def sym_sqrt(a: Any) -> float:
    """The square root of a number."""
    return math.sqrt(a)


def sym_sum(args: Sequence) -> Any:
    """The sum of numbers."""
    return sum(args)


__all__ = [
    "cond",
    "sym_float",
    "sym_int",
    "sym_ite",
    "sym_max",
    "sym_min",
    "sym_not",
    "sym_sqrt",
    "sym_sum",
    "while_loop",
]
