"""Arrays as text, as PyTorch prints its tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtype import torch_dtype
from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.backend.fp_errors import silent


class _Options:
    """What :func:`set_printoptions` sets."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()

_PROFILES: dict[str, dict[str, float]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
) -> None:
    """Set how tensors are printed. What is None stays, except ``sci_mode``.

    Args:
        precision: digits after the point, initially 4.
        threshold: the number of elements above which the inner ones are left out, initially 1000.
        edgeitems: how many are shown then at each end of a dimension, initially 3.
        linewidth: characters per line, initially 80.
        profile: ``"default"``, ``"short"`` or ``"full"`` sets all of these.
        sci_mode: whether floating numbers are written as 1.0000e+00; None decides by their sizes.

    Raises:
        ValueError: there is no such profile.

    >>> import cnn_physics77 as torch
    >>> torch.set_printoptions(precision=2)
    >>> torch.tensor([1.12345])
    tensor([1.12])
    >>> torch.set_printoptions(profile="default")
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"set_printoptions: expected a profile of {list(_PROFILES)}, found {profile!r}")
    wanted = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    given = {name: value for name, value in wanted.items() if value is not None}
    vars(_options).update(_PROFILES.get(profile, {}) | given, sci_mode=sci_mode)


@silent
def text_of(array: np.ndarray, prefix: str, notes: Iterable[str]) -> str:
    """The text of a tensor.

    Args:
        prefix: the text before the values, such as ``"tensor("``; further lines are indented by its length.
        notes: what follows the values, such as ``"requires_grad=True"``, after the size and the dtype, which
            are written where the values do not show them.

    >>> print(text_of(np.array([[1.0, 2.5], [3.0, np.inf]], np.float32), "tensor(", ["requires_grad=True"]))
    tensor([[1.0000, 2.5000],
            [3.0000,    inf]], requires_grad=True)
    """
    text = prefix + _values(array, len(prefix))
    return _noted(text, len(prefix), [*_size_and_dtype(array), *notes])


@silent
def sparse_text_of(places: np.ndarray, values: np.ndarray, size: tuple, notes: Iterable[str]) -> str:
    """The text of a sparse tensor, whose elements ``values[e]`` are at ``places[:, e]``.

    >>> print(sparse_text_of(np.array([[0, 2]]), np.array([1, 5]), (4,), []))
    tensor(indices=tensor([[0, 2]]),
           values=tensor([1, 5]),
           size=(4,), nnz=2, layout=torch.sparse_coo)
    """
    parts = []
    for name, part in (("indices", places), ("values", values)):
        start = f"{name}=tensor("
        shown = _values(part, 7 + len(start))
        parts.append(start + shown + ("" if part.size else f", size={part.shape}") + ")")
    dtype = [note for note in _size_and_dtype(values) if note.startswith("dtype")]
    text = "tensor(" + (",\n" + " " * 7).join(parts)
    notes = [f"size={tuple(size)}", f"nnz={len(values)}", *dtype, "layout=torch.sparse_coo", *notes]
    return _noted(text, 7, notes, new_line=True)


def _noted(text: str, indent: int, notes: Iterable[str], new_line: bool = False) -> str:
    """The text with the notes, on a new line if asked for; lines are broken where they are full."""
    column = _options.linewidth if new_line else len(text) - text.rfind("\n") + 1
    for note in notes:
        if column + len(note) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + note
            column = indent + len(note)
        else:
            text += ", " + note
            column += len(note) + 2
    return text + ")"


def _size_and_dtype(array: np.ndarray) -> list[str]:
    default = default_dtype()
    shown = {default}
    if array.size:
        shown |= {np.dtype(np.int64), np.dtype(bool)}
        shown.add(np.dtype(np.complex128 if default == np.float64 else np.complex64))
    size = array.ndim != 1 if not array.size else not _options.edgeitems
    notes = [f"size={array.shape}"] if size else []
    return notes if array.dtype in shown else [*notes, f"dtype={torch_dtype(array.dtype)}"]


# --------------------------------------------------------------------------------------------- values


def _values(array: np.ndarray, indent: int) -> str:
    if not array.size:
        return "[]"
    summarized = array.size > _options.threshold
    shown = _edges(array) if summarized else array
    if array.dtype.kind == "c":
        real, real_width = _style(shown.real)
        imag, imag_width = _style(shown.imag)

        def written(value: Any) -> str:
            part = imag(value.imag).lstrip() + "j"
            return real(value.real) + (part if part[0] in "+-" else "+" + part)

        return _nested(array, indent, summarized, written, real_width + imag_width + 1)
    return _nested(array, indent, summarized, *_style(shown))


def _edges(array: np.ndarray) -> np.ndarray:
    """The elements that a summary shows."""
    n = _options.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * n:
            array = np.take(array, [*range(n), *range(size - n, size)], axis)
    return array


def _style(shown: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """How the numbers are written: the function that writes one, and the width of the widest."""
    if shown.dtype.kind != "f":
        width = max((len(str(value)) for value in shown.ravel().tolist()), default=1)
        return lambda value: str(value).rjust(width), width
    numbers = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
    whole = bool((numbers == np.ceil(numbers)).all())
    scientific = False
    if numbers.size:
        sizes = np.abs(numbers)
        least, most = sizes.min(), sizes.max()
        by_size = most / least > 1000 or most > 1e8 or least < 1e-4
        scientific = bool(by_size if _options.sci_mode is None else _options.sci_mode)
    kind = f".{_options.precision}e" if scientific else ".0f" if whole else f".{_options.precision}f"

    def plain(value: float) -> str:
        text = format(value, kind)
        return text + "." if whole and not scientific and math.isfinite(value) else text

    width = max(map(len, map(plain, numbers.tolist())), default=1)
    return lambda value: plain(value).rjust(width), width


def _nested(array: np.ndarray, indent: int, summarized: bool, written: Callable, width: int) -> str:
    """The values in brackets: a row is broken into lines, rows are on lines of their own."""
    if array.ndim == 0:
        return written(array.item())
    n = _options.edgeitems
    cut = summarized and array.shape[0] > 2 * n
    ends = (array[:n], array[len(array) - n :]) if cut else (array, array[:0])
    if array.ndim > 1:
        first, last = (
            [_nested(part, indent + 1, summarized, written, width) for part in end] for end in ends
        )
        rows = [*first, "...", *last] if cut else first
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(rows) + "]"
    first, last = ([written(value) for value in end.tolist()] for end in ends)
    if summarized and not n:
        items = ["..."]
    else:
        items = [*first, " ...", *last] if cut else first
    count = max(1, (_options.linewidth - indent) // (width + 2))
    lines = [", ".join(items[i : i + count]) for i in range(0, len(items), count)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
