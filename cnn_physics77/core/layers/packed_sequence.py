"""Sequences of different lengths: padded to one length, or packed without padding.

A packed sequence has the elements of all sequences step by step, the longest sequence first::

    a b c            a d f  b e  c        the data
    d e              3      2    1        batch_sizes: how many sequences have a first, second, third element
    f
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnn_physics77.core.backend.device import CPU
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.creation.creation import full
from cnn_physics77.core.operations.indexing.cat_split import stack, unbind
from cnn_physics77.core.operations.indexing.index_put import index_copy, index_select
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.tensor import Tensor, from_array


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """The elements of sequences of different lengths, without padding.

    :func:`pack_padded_sequence` and :func:`pack_sequence` make them; recurrent layers take and return them.

    Args:
        data: the elements, step by step, (sum of the lengths, ...).
        batch_sizes: how many sequences have an element at each step; integers that do not increase.
        sorted_indices: the order in which the sequences are packed; None for the given one.
        unsorted_indices: the inverse permutation; None for that of ``sorted_indices``.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.utils.rnn import pack_sequence
    >>> packed = pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5]), torch.tensor([6])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 6, 2, 5, 3]), tensor([3, 2, 1]))
    """

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:
            raise ValueError("PackedSequence: expected batch_sizes, found None; use pack_sequence()")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with_data(self, data: Tensor) -> PackedSequence:
        return self if data is self.data else type(self)(data, *self[1:])

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With the data converted: see ``Tensor.to``."""
        return self._with_data(self.data.to(*args, **kwargs))

    def double(self) -> PackedSequence:
        """With float64 data."""
        return self._with_data(self.data.double())

    def float(self) -> PackedSequence:
        """With float32 data."""
        return self._with_data(self.data.float())

    def half(self) -> PackedSequence:
        """With float16 data."""
        return self._with_data(self.data.half())

    def long(self) -> PackedSequence:
        """With int64 data."""
        return self._with_data(self.data.long())

    def int(self) -> PackedSequence:
        """With int32 data."""
        return self._with_data(self.data.int())

    def cpu(self) -> PackedSequence:
        """The same: it is on the CPU."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Raises DeviceError: there is no CUDA device."""
        return self._with_data(self.data.to("cuda"))

    @property
    def is_cuda(self) -> bool:
        """False: it is on the CPU."""
        return self.data.device != CPU

    def is_pinned(self) -> bool:
        """False: there is no device to pin memory for."""
        return False

    def pin_memory(self) -> PackedSequence:
        """The same."""
        return self


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The inverse of a permutation; None for None.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.utils.rnn import invert_permutation
    >>> invert_permutation(torch.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else from_array(np.argsort(permutation.array))


def _lengths(function: str, lengths: Tensor | Sequence[int]) -> np.ndarray:
    found = lengths.array if isinstance(lengths, Tensor) else np.array(list(lengths), np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise ShapeError(
            f"{function}: expected lengths to be integers in one dimension, found {found.dtype} of shape "
            f"{found.shape}"
        )
    return found.astype(np.int64)


def _places(sizes: np.ndarray, batch: int) -> Tensor:
    """Where the elements are in a padded batch (T, N): t N + n for all steps t and sequences n."""
    return from_array(np.concatenate([t * batch + np.arange(n) for t, n in enumerate(sizes)]))


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences that are padded to one length.

    Args:
        input: (T, N, ...), or (N, T, ...) with ``batch_first``.
        lengths: of the N sequences, at least 1.
        enforce_sorted: the lengths do not increase; otherwise they are sorted here.

    Raises:
        ShapeError: the lengths are not sorted, not positive, longer than T, or not N.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.utils.rnn import pack_padded_sequence
    >>> pack_padded_sequence(torch.tensor([[1, 2], [3, 0]]), [2, 1]).data
    tensor([1, 2, 3])
    """
    function = "pack_padded_sequence"
    wanted, order = _lengths(function, lengths), None
    x = input.transpose(0, 1) if batch_first else input
    steps, batch = x.shape[:2]
    if not x.array.size:
        raise ShapeError(f"{function}: Cannot pack empty tensors, found shape {input.array.shape}")
    if len(wanted) != batch:
        raise ShapeError(
            f"{function}: Expected `len(lengths)` to be equal to batch_size, but got {len(wanted)} "
            f"(batch_size={batch})"
        )
    if not enforce_sorted:
        order = np.argsort(-wanted, kind="stable")
        wanted, x = wanted[order], index_select(x, 1, from_array(order))
    if (np.diff(wanted) > 0).any():
        raise ShapeError(
            f"{function}: `lengths` array must be sorted in decreasing order when `enforce_sorted` is True, "
            f"found {wanted.tolist()}; give enforce_sorted=False"
        )
    if wanted[-1] < 1 or wanted[0] > steps:
        raise ShapeError(
            f"{function}: Length of all samples has to be greater than 0, and at most {steps}, found "
            f"{wanted.tolist()}"
        )
    sizes = (wanted > np.arange(wanted[0])[:, None]).sum(1)
    data = index_select(x.reshape(steps * batch, *x.shape[2:]), 0, _places(sizes, batch))
    return PackedSequence(data, from_array(sizes), None if order is None else from_array(order))


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The inverse of :func:`pack_padded_sequence`: a padded batch, and the lengths.

    Args:
        batch_first: return (N, T, ...) instead of (T, N, ...).
        padding_value: the value of the padding.
        total_length: T; None for the largest length.

    Raises:
        ValueError: total_length is smaller than that.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.utils.rnn import pack_sequence, pad_packed_sequence
    >>> pad_packed_sequence(pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]), batch_first=True)
    (tensor([[1, 2],
            [3, 0]]), tensor([2, 1]))
    """
    data, batch_sizes, _, unsorted = sequence
    sizes = batch_sizes.array
    steps, batch = len(sizes), int(sizes[0])
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "pad_packed_sequence: Expected total_length to be at least the length of the longest "
                f"sequence in input, but got total_length={total_length} and max sequence length being "
                f"{steps}"
            )
        steps = total_length
    sample = data.shape[1:]
    padding = full((steps * batch, *sample), padding_value, dtype=data.dtype)
    x = index_copy(padding, 0, _places(sizes, batch), data).reshape(steps, batch, *sample)
    lengths = from_array((sizes > np.arange(batch)[:, None]).sum(1))
    if unsorted is not None:
        x, lengths = index_select(x, 1, unsorted), index_select(lengths, 0, unsorted)
    return (x.transpose(0, 1) if batch_first else x), lengths


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences of different lengths as one padded batch.

    Args:
        sequences: tensors (length, ...), equal but for the length.
        batch_first: return (N, T, ...) instead of (T, N, ...).
        padding_value: the value of the padding.
        padding_side: ``"right"`` or ``"left"`` of the elements.

    Raises:
        ShapeError: the sequences do not fit.
        RuntimeError: another padding_side.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.utils.rnn import pad_sequence
    >>> pad_sequence([torch.tensor([1, 2]), torch.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"pad_sequence: expected padding_side 'right' or 'left', found {padding_side!r}")
    rows = list(unbind(sequences, 0) if isinstance(sequences, Tensor) else sequences)
    if not rows or any(not isinstance(row, Tensor) or not row.ndim for row in rows):
        raise ShapeError("pad_sequence: received an empty list of sequences, or one that is no sequence")
    longest = max(len(row) for row in rows)

    def padded(row: Tensor) -> Tensor:
        missing = longest - len(row)
        ends = (0, missing) if padding_side == "right" else (missing, 0)
        return pad(row, (*(0, 0) * (row.ndim - 1), *ends), value=padding_value) if missing else row

    return stack([padded(row) for row in rows], 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False
) -> list[Tensor]:
    """The inverse of :func:`pad_sequence`: the first elements of each sequence.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.utils.rnn import unpad_sequence
    >>> unpad_sequence(torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1]), batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    rows = unbind(padded_sequences, 0 if batch_first else 1)
    return [row[: int(n)] for row, n in zip(rows, _lengths("unpad_sequence", lengths))]


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of different lengths: see :func:`pack_padded_sequence`."""
    rows = list(sequences)
    return pack_padded_sequence(pad_sequence(rows), [len(row) for row in rows], False, enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The inverse of :func:`pack_sequence`."""
    padded, lengths = pad_packed_sequence(packed_sequences)
    return unpad_sequence(padded, lengths)


__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]
